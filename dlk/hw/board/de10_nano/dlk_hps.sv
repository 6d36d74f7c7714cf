// The hard processor's side: its fixed blocks, as Platform Designer would instantiate them, with the bridges that we use.
// lw_*: lightweight HPS-to-FPGA, AXI3 master of 32 bits, 0xFF200000 in the processor's map.
// f2h_*: FPGA-to-HPS, AXI3 slave of 64 bits, 0x0 the memory, 0x80000000 the same memory through the processor's caches.
// Pins, memory timing and clocks of the processor are the preloader's work.
module dlk_hps (
    input  logic        clock,          // of both bridges
    output logic        reset_n,        // of the processor, asynchronous
    output logic [11:0] lw_awid,
    output logic [20:0] lw_awaddr,
    output logic [3:0]  lw_awlen,
    output logic [2:0]  lw_awsize,
    output logic [1:0]  lw_awburst,
    output logic        lw_awvalid,
    input  logic        lw_awready,
    output logic [31:0] lw_wdata,
    output logic [3:0]  lw_wstrb,
    output logic        lw_wvalid,
    input  logic        lw_wready,
    input  logic [11:0] lw_bid,
    input  logic [1:0]  lw_bresp,
    input  logic        lw_bvalid,
    output logic        lw_bready,
    output logic [11:0] lw_arid,
    output logic [20:0] lw_araddr,
    output logic [3:0]  lw_arlen,
    output logic [2:0]  lw_arsize,
    output logic [1:0]  lw_arburst,
    output logic        lw_arvalid,
    input  logic        lw_arready,
    input  logic [11:0] lw_rid,
    input  logic [31:0] lw_rdata,
    input  logic [1:0]  lw_rresp,
    input  logic        lw_rlast,
    input  logic        lw_rvalid,
    output logic        lw_rready,
    input  logic [31:0] f2h_awaddr,
    input  logic [3:0]  f2h_awlen,
    input  logic        f2h_awvalid,
    output logic        f2h_awready,
    input  logic [63:0] f2h_wdata,
    input  logic        f2h_wlast,
    input  logic        f2h_wvalid,
    output logic        f2h_wready,
    output logic [1:0]  f2h_bresp,
    output logic        f2h_bvalid,
    input  logic        f2h_bready,
    input  logic [31:0] f2h_araddr,
    input  logic [3:0]  f2h_arlen,
    input  logic        f2h_arvalid,
    output logic        f2h_arready,
    output logic [63:0] f2h_rdata,
    output logic [1:0]  f2h_rresp,
    output logic        f2h_rlast,
    output logic        f2h_rvalid,
    input  logic        f2h_rready
);
  localparam [1:0] WIDTH_64 = 2'b01, UNUSED = 2'b11;
  localparam [2:0] EIGHT_BYTES = 3'd3;
  localparam [1:0] INCR = 2'd1;
  // Read and written through the caches where the address is in their window; elsewhere they mean nothing.
  localparam [3:0] CACHE = 4'b1111;
  localparam [4:0] SHARED = 5'b00001;

  cyclonev_hps_interface_clocks_resets clocks_resets (
      .f2h_cold_rst_req_n(1'b1),
      .f2h_warm_rst_req_n(1'b1),
      .f2h_dbg_rst_req_n(1'b1),
      .f2h_pending_rst_ack(1'b1),
      .h2f_rst_n(reset_n)
  );
  cyclonev_hps_interface_dbg_apb debug_apb (
      .DBG_APB_DISABLE(1'b0),
      .P_CLK_EN(1'b0)
  );
  cyclonev_hps_interface_tpiu_trace tpiu (.traceclk_ctl(1'b1));
  cyclonev_hps_interface_boot_from_fpga boot_from_fpga (
      .boot_from_fpga_ready(1'b0),
      .boot_from_fpga_on_failure(1'b0),
      .bsel_en(1'b0),
      .csel_en(1'b0),
      .csel(2'b01),
      .bsel(3'b001)
  );
  cyclonev_hps_interface_hps2fpga hps2fpga (.port_size_config(UNUSED));
  cyclonev_hps_interface_fpga2sdram f2sdram (
      .cfg_cport_rfifo_map(18'd0),
      .cfg_cport_wfifo_map(18'd0),
      .cfg_rfifo_cport_map(16'd0),
      .cfg_wfifo_cport_map(16'd0),
      .cfg_axi_mm_select(6'd0),
      .cfg_cport_type(12'd0),
      .cfg_port_width(12'd0)
  );

  cyclonev_hps_interface_hps2fpga_light_weight lightweight (
      .clk(clock),
      .awid(lw_awid),
      .awaddr(lw_awaddr),
      .awlen(lw_awlen),
      .awsize(lw_awsize),
      .awburst(lw_awburst),
      .awlock(),
      .awcache(),
      .awprot(),
      .awvalid(lw_awvalid),
      .awready(lw_awready),
      .wid(),
      .wdata(lw_wdata),
      .wstrb(lw_wstrb),
      .wlast(),
      .wvalid(lw_wvalid),
      .wready(lw_wready),
      .bid(lw_bid),
      .bresp(lw_bresp),
      .bvalid(lw_bvalid),
      .bready(lw_bready),
      .arid(lw_arid),
      .araddr(lw_araddr),
      .arlen(lw_arlen),
      .arsize(lw_arsize),
      .arburst(lw_arburst),
      .arlock(),
      .arcache(),
      .arprot(),
      .arvalid(lw_arvalid),
      .arready(lw_arready),
      .rid(lw_rid),
      .rdata(lw_rdata),
      .rresp(lw_rresp),
      .rlast(lw_rlast),
      .rvalid(lw_rvalid),
      .rready(lw_rready)
  );

  // The bridge's data ports are 128 bits wide; at 64 bits it uses the lower half.
  logic [63:0] unused_rdata;
  cyclonev_hps_interface_fpga2hps fpga2hps (
      .port_size_config(WIDTH_64),
      .clk(clock),
      .awid(8'd0),
      .awaddr(f2h_awaddr),
      .awlen(f2h_awlen),
      .awsize(EIGHT_BYTES),
      .awburst(INCR),
      .awlock(2'd0),
      .awcache(CACHE),
      .awprot(3'd0),
      .awuser(SHARED),
      .awvalid(f2h_awvalid),
      .awready(f2h_awready),
      .wid(8'd0),
      .wdata({64'd0, f2h_wdata}),
      .wstrb(16'h00FF),
      .wlast(f2h_wlast),
      .wvalid(f2h_wvalid),
      .wready(f2h_wready),
      .bid(),
      .bresp(f2h_bresp),
      .bvalid(f2h_bvalid),
      .bready(f2h_bready),
      .arid(8'd0),
      .araddr(f2h_araddr),
      .arlen(f2h_arlen),
      .arsize(EIGHT_BYTES),
      .arburst(INCR),
      .arlock(2'd0),
      .arcache(CACHE),
      .arprot(3'd0),
      .aruser(SHARED),
      .arvalid(f2h_arvalid),
      .arready(f2h_arready),
      .rid(),
      .rdata({unused_rdata, f2h_rdata}),
      .rresp(f2h_rresp),
      .rlast(f2h_rlast),
      .rvalid(f2h_rvalid),
      .rready(f2h_rready)
  );
endmodule
