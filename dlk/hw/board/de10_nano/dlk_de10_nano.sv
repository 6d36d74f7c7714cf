// The accelerator on a Terasic DE10-Nano: clock, reset, the processor's bridges and dlk_core.
// 100 MHz from the board's 50 MHz by a PLL, so that the fabric needs nothing from the preloader but its configuration.
// LED[0] blinks at 0.75 Hz while the clock runs and the processor does not hold the fabric in reset; LED[1]: at work.
module dlk_de10_nano (
    input  logic       FPGA_CLK1_50,
    output logic [1:0] LED
);
  logic clock, locked, processor_n, reset;

  altera_pll #(
      .fractional_vco_multiplier("false"),
      .reference_clock_frequency("50.0 MHz"),
      .operation_mode("direct"),
      .number_of_clocks(1),
      .output_clock_frequency0("100.000000 MHz"),
      .phase_shift0("0 ps"),
      .duty_cycle0(50),
      .pll_type("General"),
      .pll_subtype("General")
  ) pll (
      .refclk(FPGA_CLK1_50),
      .rst(1'b0),
      .fbclk(1'b0),
      .outclk(clock),
      .locked(locked)
  );

  dlk_reset_sync reset_sync (
      .clock(clock),
      .raw_n(locked && processor_n),
      .reset(reset)
  );

  logic [26:0] beat;
  assign LED[0] = beat[26];
  always_ff @(posedge clock)
    if (reset) beat <= 27'd0;
    else beat <= beat + 1'b1;

  dlk_hps_partition partition ();

  // Registers: the processor asks.
  logic [11:0] lw_awid, lw_bid, lw_arid, lw_rid;
  logic [20:0] lw_awaddr, lw_araddr;
  logic [3:0] lw_awlen, lw_arlen, lw_wstrb;
  logic [2:0] lw_awsize, lw_arsize;
  logic [1:0] lw_awburst, lw_arburst, lw_bresp, lw_rresp;
  logic [31:0] lw_wdata, lw_rdata;
  logic lw_awvalid, lw_awready, lw_wvalid, lw_wready, lw_bvalid, lw_bready;
  logic lw_arvalid, lw_arready, lw_rvalid, lw_rready, lw_rlast;

  logic [20:0] csr_awaddr, csr_araddr;
  logic [31:0] csr_wdata, csr_rdata;
  logic [1:0] csr_bresp, csr_rresp;
  logic csr_awvalid, csr_awready, csr_wvalid, csr_wready, csr_bvalid, csr_bready;
  logic csr_arvalid, csr_arready, csr_rvalid, csr_rready;

  // Memory: the accelerator asks. Its bursts have up to 16 words, so the four lower bits of a length say all.
  logic [31:0] awaddr, araddr;
  logic [7:0] awlen, arlen;
  logic [63:0] wdata, rdata;
  logic [1:0] bresp, rresp;
  logic awvalid, awready, wvalid, wready, wlast, bvalid, bready, arvalid, arready, rvalid, rready, rlast;

  // The registers repeat through the bridge's 2 MiB.
  logic unused;
  assign unused = &{csr_awaddr[20:8], csr_araddr[20:8], awlen[7:4], arlen[7:4]};

  dlk_hps hps (
      .clock(clock),
      .reset_n(processor_n),
      .lw_awid(lw_awid),
      .lw_awaddr(lw_awaddr),
      .lw_awlen(lw_awlen),
      .lw_awsize(lw_awsize),
      .lw_awburst(lw_awburst),
      .lw_awvalid(lw_awvalid),
      .lw_awready(lw_awready),
      .lw_wdata(lw_wdata),
      .lw_wstrb(lw_wstrb),
      .lw_wvalid(lw_wvalid),
      .lw_wready(lw_wready),
      .lw_bid(lw_bid),
      .lw_bresp(lw_bresp),
      .lw_bvalid(lw_bvalid),
      .lw_bready(lw_bready),
      .lw_arid(lw_arid),
      .lw_araddr(lw_araddr),
      .lw_arlen(lw_arlen),
      .lw_arsize(lw_arsize),
      .lw_arburst(lw_arburst),
      .lw_arvalid(lw_arvalid),
      .lw_arready(lw_arready),
      .lw_rid(lw_rid),
      .lw_rdata(lw_rdata),
      .lw_rresp(lw_rresp),
      .lw_rlast(lw_rlast),
      .lw_rvalid(lw_rvalid),
      .lw_rready(lw_rready),
      .f2h_awaddr(awaddr),
      .f2h_awlen(awlen[3:0]),
      .f2h_awvalid(awvalid),
      .f2h_awready(awready),
      .f2h_wdata(wdata),
      .f2h_wlast(wlast),
      .f2h_wvalid(wvalid),
      .f2h_wready(wready),
      .f2h_bresp(bresp),
      .f2h_bvalid(bvalid),
      .f2h_bready(bready),
      .f2h_araddr(araddr),
      .f2h_arlen(arlen[3:0]),
      .f2h_arvalid(arvalid),
      .f2h_arready(arready),
      .f2h_rdata(rdata),
      .f2h_rresp(rresp),
      .f2h_rlast(rlast),
      .f2h_rvalid(rvalid),
      .f2h_rready(rready)
  );

  dlk_axi3_to_lite adapter (
      .clock(clock),
      .reset(reset),
      .s_awid(lw_awid),
      .s_awaddr(lw_awaddr),
      .s_awlen(lw_awlen),
      .s_awsize(lw_awsize),
      .s_awburst(lw_awburst),
      .s_awvalid(lw_awvalid),
      .s_awready(lw_awready),
      .s_wdata(lw_wdata),
      .s_wstrb(lw_wstrb),
      .s_wvalid(lw_wvalid),
      .s_wready(lw_wready),
      .s_bid(lw_bid),
      .s_bresp(lw_bresp),
      .s_bvalid(lw_bvalid),
      .s_bready(lw_bready),
      .s_arid(lw_arid),
      .s_araddr(lw_araddr),
      .s_arlen(lw_arlen),
      .s_arsize(lw_arsize),
      .s_arburst(lw_arburst),
      .s_arvalid(lw_arvalid),
      .s_arready(lw_arready),
      .s_rid(lw_rid),
      .s_rdata(lw_rdata),
      .s_rresp(lw_rresp),
      .s_rlast(lw_rlast),
      .s_rvalid(lw_rvalid),
      .s_rready(lw_rready),
      .m_awaddr(csr_awaddr),
      .m_awvalid(csr_awvalid),
      .m_awready(csr_awready),
      .m_wdata(csr_wdata),
      .m_wvalid(csr_wvalid),
      .m_wready(csr_wready),
      .m_bresp(csr_bresp),
      .m_bvalid(csr_bvalid),
      .m_bready(csr_bready),
      .m_araddr(csr_araddr),
      .m_arvalid(csr_arvalid),
      .m_arready(csr_arready),
      .m_rdata(csr_rdata),
      .m_rresp(csr_rresp),
      .m_rvalid(csr_rvalid),
      .m_rready(csr_rready)
  );

  dlk_core core (
      .clock(clock),
      .reset(reset),
      .s_awaddr(csr_awaddr[7:0]),
      .s_awvalid(csr_awvalid),
      .s_awready(csr_awready),
      .s_wdata(csr_wdata),
      .s_wvalid(csr_wvalid),
      .s_wready(csr_wready),
      .s_bresp(csr_bresp),
      .s_bvalid(csr_bvalid),
      .s_bready(csr_bready),
      .s_araddr(csr_araddr[7:0]),
      .s_arvalid(csr_arvalid),
      .s_arready(csr_arready),
      .s_rdata(csr_rdata),
      .s_rresp(csr_rresp),
      .s_rvalid(csr_rvalid),
      .s_rready(csr_rready),
      .m_araddr(araddr),
      .m_arlen(arlen),
      .m_arvalid(arvalid),
      .m_arready(arready),
      .m_rdata(rdata),
      .m_rresp(rresp),
      .m_rlast(rlast),
      .m_rvalid(rvalid),
      .m_rready(rready),
      .m_awaddr(awaddr),
      .m_awlen(awlen),
      .m_awvalid(awvalid),
      .m_awready(awready),
      .m_wdata(wdata),
      .m_wlast(wlast),
      .m_wvalid(wvalid),
      .m_wready(wready),
      .m_bresp(bresp),
      .m_bvalid(bvalid),
      .m_bready(bready),
      .busy(LED[1])
  );
endmodule
