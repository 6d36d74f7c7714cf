// The ports of Quartus' primitives, without their insides: what the board's files are linted and simulated against.
// `lightweight` and `fpga2hps` are driven and watched by a bench through their variables.
// verilator lint_off UNUSED
// verilator lint_off UNDRIVEN
// verilator lint_off DECLFILENAME
module altera_pll #(
    parameter fractional_vco_multiplier = "",
    parameter reference_clock_frequency = "",
    parameter operation_mode = "",
    parameter number_of_clocks = 1,
    parameter output_clock_frequency0 = "",
    parameter phase_shift0 = "",
    parameter duty_cycle0 = 50,
    parameter pll_type = "",
    parameter pll_subtype = ""
) (
    input  logic                        refclk,
    input  logic                        rst,
    input  logic                        fbclk,
    output logic [number_of_clocks-1:0] outclk,
    output logic                        locked
);
  // As many edges as the reference has: a bench counts cycles, not nanoseconds.
  assign outclk = {number_of_clocks{refclk}};
  assign locked = !rst;
endmodule

module cyclonev_hps_interface_clocks_resets (
    input  logic f2h_cold_rst_req_n,
    input  logic f2h_warm_rst_req_n,
    input  logic f2h_dbg_rst_req_n,
    input  logic f2h_pending_rst_ack,
    output logic h2f_rst_n
);
endmodule

module cyclonev_hps_interface_dbg_apb (
    input logic DBG_APB_DISABLE,
    input logic P_CLK_EN
);
endmodule

module cyclonev_hps_interface_tpiu_trace (
    input logic traceclk_ctl
);
endmodule

module cyclonev_hps_interface_boot_from_fpga (
    input logic       boot_from_fpga_ready,
    input logic       boot_from_fpga_on_failure,
    input logic       bsel_en,
    input logic       csel_en,
    input logic [1:0] csel,
    input logic [2:0] bsel
);
endmodule

module cyclonev_hps_interface_hps2fpga (
    input logic [1:0] port_size_config
);
endmodule

module cyclonev_hps_interface_fpga2sdram (
    input logic [17:0] cfg_cport_rfifo_map,
    input logic [17:0] cfg_cport_wfifo_map,
    input logic [15:0] cfg_rfifo_cport_map,
    input logic [15:0] cfg_wfifo_cport_map,
    input logic [5:0]  cfg_axi_mm_select,
    input logic [11:0] cfg_cport_type,
    input logic [11:0] cfg_port_width
);
endmodule

module cyclonev_hps_interface_hps2fpga_light_weight (
    input  logic        clk,
    output logic [11:0] awid,
    output logic [20:0] awaddr,
    output logic [3:0]  awlen,
    output logic [2:0]  awsize,
    output logic [1:0]  awburst,
    output logic [1:0]  awlock,
    output logic [3:0]  awcache,
    output logic [2:0]  awprot,
    output logic        awvalid,
    input  logic        awready,
    output logic [11:0] wid,
    output logic [31:0] wdata,
    output logic [3:0]  wstrb,
    output logic        wlast,
    output logic        wvalid,
    input  logic        wready,
    input  logic [11:0] bid,
    input  logic [1:0]  bresp,
    input  logic        bvalid,
    output logic        bready,
    output logic [11:0] arid,
    output logic [20:0] araddr,
    output logic [3:0]  arlen,
    output logic [2:0]  arsize,
    output logic [1:0]  arburst,
    output logic [1:0]  arlock,
    output logic [3:0]  arcache,
    output logic [2:0]  arprot,
    output logic        arvalid,
    input  logic        arready,
    input  logic [11:0] rid,
    input  logic [31:0] rdata,
    input  logic [1:0]  rresp,
    input  logic        rlast,
    input  logic        rvalid,
    output logic        rready
);
endmodule

module cyclonev_hps_interface_fpga2hps (
    input  logic [1:0]   port_size_config,
    input  logic         clk,
    input  logic [7:0]   awid,
    input  logic [31:0]  awaddr,
    input  logic [3:0]   awlen,
    input  logic [2:0]   awsize,
    input  logic [1:0]   awburst,
    input  logic [1:0]   awlock,
    input  logic [3:0]   awcache,
    input  logic [2:0]   awprot,
    input  logic [4:0]   awuser,
    input  logic         awvalid,
    output logic         awready,
    input  logic [7:0]   wid,
    input  logic [127:0] wdata,
    input  logic [15:0]  wstrb,
    input  logic         wlast,
    input  logic         wvalid,
    output logic         wready,
    output logic [7:0]   bid,
    output logic [1:0]   bresp,
    output logic         bvalid,
    input  logic         bready,
    input  logic [7:0]   arid,
    input  logic [31:0]  araddr,
    input  logic [3:0]   arlen,
    input  logic [2:0]   arsize,
    input  logic [1:0]   arburst,
    input  logic [1:0]   arlock,
    input  logic [3:0]   arcache,
    input  logic [2:0]   arprot,
    input  logic [4:0]   aruser,
    input  logic         arvalid,
    output logic         arready,
    output logic [7:0]   rid,
    output logic [127:0] rdata,
    output logic [1:0]   rresp,
    output logic         rlast,
    output logic         rvalid,
    input  logic         rready
);
endmodule
