// The whole board against the primitives' ports: the processor reads and writes registers, and a memory of zeros answers.
// It drives at the falling edge and looks at the rising one.
// Prints "read ID OFFSET VALUE RESPONSE" for each register read and "memory ADDRESS LENGTH" for each burst of the core.
`timescale 1ns / 1ps
module de10_nano;
  logic clock = 0;
  always #5 clock = !clock;
  logic [1:0] led;
  dlk_de10_nano dut (
      .FPGA_CLK1_50(clock),
      .LED(led)
  );
  `define LW dut.hps.lightweight
  `define MEMORY dut.hps.fpga2hps

  task put(input [20:0] address, input [31:0] data);
    `LW.awid = 12'hABC;
    `LW.awaddr = address;
    `LW.awvalid = 1;
    do @(posedge clock); while (!`LW.awready);
    @(negedge clock);
    `LW.awvalid = 0;
    `LW.wdata = data;
    `LW.wvalid = 1;
    do @(posedge clock); while (!`LW.wready);
    @(negedge clock);
    `LW.wvalid = 0;
    do @(posedge clock); while (!`LW.bvalid);
    if (`LW.bid != 12'hABC || `LW.bresp != 0) $display("write refused: id %h response %0d", `LW.bid, `LW.bresp);
    @(negedge clock);
  endtask

  task get(input [11:0] id, input [20:0] address);
    `LW.arid = id;
    `LW.araddr = address;
    `LW.arvalid = 1;
    do @(posedge clock); while (!`LW.arready);
    @(negedge clock);
    `LW.arvalid = 0;
    do @(posedge clock); while (!`LW.rvalid);
    $display("read %h %h %h %0d", `LW.rid, address, `LW.rdata, `LW.rresp);
    if (!`LW.rlast) $display("the read does not end");
    @(negedge clock);
  endtask

  initial begin
    dut.hps.clocks_resets.h2f_rst_n = 0;
    `LW.awvalid = 0;
    `LW.wvalid = 0;
    `LW.arvalid = 0;
    `LW.bready = 1;
    `LW.rready = 1;
    `LW.awlen = 0;
    `LW.arlen = 0;
    `LW.awsize = 2;
    `LW.arsize = 2;
    `LW.awburst = 1;
    `LW.arburst = 1;
    `LW.wstrb = 15;
    repeat (8) @(negedge clock);
    dut.hps.clocks_resets.h2f_rst_n = 1;
    repeat (8) @(negedge clock);
    get(12'h123, 21'h0);
    get(12'hFFF, 21'h4);
    put(21'h18, 32'h3C000100);
    put(21'h1C, 32'd1);
    get(12'h001, 21'h18);
    put(21'h10, 32'd1);
    repeat (200) @(negedge clock);
    get(12'h002, 21'h14);
    get(12'h003, 21'h20);
    get(12'h004, 21'h38);
    $display("end");
    $finish;
  end

  initial begin
    repeat (20000) @(posedge clock);
    $fatal(1, "still waiting");
  end

  integer beat;
  initial begin
    `MEMORY.awready = 0;
    `MEMORY.wready = 0;
    `MEMORY.bvalid = 0;
    `MEMORY.rvalid = 0;
    `MEMORY.arready = 1;
    forever begin
      do @(posedge clock); while (!(`MEMORY.arvalid && `MEMORY.arready));
      $display("memory %h %0d", `MEMORY.araddr, `MEMORY.arlen);
      if ({`MEMORY.port_size_config, `MEMORY.arsize, `MEMORY.arburst} != {2'b01, 3'd3, 2'b01}) $display("wrong burst");
      @(negedge clock);
      `MEMORY.arready = 0;
      for (beat = 0; beat <= `MEMORY.arlen; beat = beat + 1) begin
        `MEMORY.rdata = 0;
        `MEMORY.rresp = 0;
        `MEMORY.rlast = beat == `MEMORY.arlen;
        `MEMORY.rvalid = 1;
        do @(posedge clock); while (!`MEMORY.rready);
        @(negedge clock);
      end
      `MEMORY.rvalid = 0;
      `MEMORY.arready = 1;
    end
  end
endmodule
