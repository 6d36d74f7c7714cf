// The registers of the README behind AXI-Lite, and the counters of the last run.
// Latency: 2 cycles from a write's address and data to its effect, 2 from a read's address to its data.
module dlk_csr #(
    parameter PIXELS = 4,
    parameter CH_IN = 32,
    parameter CH_OUT = 32,
    parameter SUM_BITS = 16,
    parameter ROW_WORDS = 8192,
    parameter STEPS = 256
) (
    input  logic        clock,
    input  logic        reset,
    // AXI-Lite
    input  logic [7:0]  awaddr,
    input  logic        awvalid,
    output logic        awready,
    input  logic [31:0] wdata,
    input  logic        wvalid,
    output logic        wready,
    output logic [1:0]  bresp,
    output logic        bvalid,
    input  logic        bready,
    input  logic [7:0]  araddr,
    input  logic        arvalid,
    output logic        arready,
    output logic [31:0] rdata,
    output logic [1:0]  rresp,
    output logic        rvalid,
    input  logic        rready,
    // sequencer
    output logic        start,    // pulse
    output logic        abandon,  // pulse
    output logic [31:0] list,
    output logic [15:0] count,
    input  logic        busy,
    input  logic        running,
    input  logic        finished,
    input  logic [2:0]  error,
    input  logic [15:0] command,
    // events to count
    input  logic        stepped,
    input  logic        stalled,
    input  logic        command_done,
    input  logic        word_read,
    input  logic        word_written
);
  localparam [31:0] ID = 32'h314B4C44;
  localparam [31:0] VERSION = 32'd1;
  localparam [5:0] CONTROL = 6'h04, LIST = 6'h06, COUNT = 6'h07;

  logic done;
  logic [31:0] cycles, steps, stalls, commands, words_read, words_written;
  logic write;
  assign write = awready;  // with awvalid and wvalid
  assign wready = awready;
  assign bresp = 2'b00;
  assign rresp = 2'b00;

  always_ff @(posedge clock) begin
    awready <= !awready && awvalid && wvalid && !bvalid;
    if (bready) bvalid <= 1'b0;
    if (write) bvalid <= 1'b1;
    start <= write && awaddr[7:2] == CONTROL && wdata[1:0] == 2'd1 && !busy && !start;
    abandon <= write && awaddr[7:2] == CONTROL && wdata[1:0] == 2'd2;
    if (write && awaddr[7:2] == LIST && !busy) list <= wdata;
    if (write && awaddr[7:2] == COUNT && !busy) count <= wdata[15:0];

    if (finished) done <= 1'b1;
    if (start || abandon) done <= 1'b0;
    if (reset) begin
      awready <= 1'b0;
      bvalid <= 1'b0;
      start <= 1'b0;
      abandon <= 1'b0;
      list <= 32'd0;
      count <= 16'd0;
      done <= 1'b0;
    end
  end

  always_ff @(posedge clock) begin
    arready <= !arready && arvalid && !rvalid;
    if (rready) rvalid <= 1'b0;
    if (arready) begin
      rvalid <= 1'b1;
      case (araddr[7:2])
        6'h00: rdata <= ID;
        6'h01: rdata <= VERSION;
        6'h02: rdata <= {SUM_BITS[7:0], CH_OUT[7:0], CH_IN[7:0], PIXELS[7:0]};
        6'h03: rdata <= {STEPS[15:0], ROW_WORDS[15:0]};
        6'h05: rdata <= {29'd0, error != 0 && !busy, done && !busy, busy};
        6'h06: rdata <= list;
        6'h07: rdata <= {16'd0, count};
        6'h08: rdata <= {29'd0, error};
        6'h09: rdata <= {16'd0, command};
        6'h0a: rdata <= cycles;
        6'h0b: rdata <= steps;
        6'h0c: rdata <= stalls;
        6'h0d: rdata <= commands;
        6'h0e: rdata <= words_read;
        6'h0f: rdata <= words_written;
        default: rdata <= 32'd0;
      endcase
    end
    if (reset) begin
      arready <= 1'b0;
      rvalid <= 1'b0;
    end
  end

  always_ff @(posedge clock) begin
    cycles <= cycles + {31'd0, running};
    steps <= steps + {31'd0, stepped && running};
    stalls <= stalls + {31'd0, stalled && running};
    commands <= commands + {31'd0, command_done};
    words_read <= words_read + {31'd0, word_read};
    words_written <= words_written + {31'd0, word_written};
    if (start || reset) begin
      cycles <= 32'd0;
      steps <= 32'd0;
      stalls <= 32'd0;
      commands <= 32'd0;
      words_read <= 32'd0;
      words_written <= 32'd0;
    end
  end

  logic unused;
  assign unused = &{1'b0, awaddr[1:0], araddr[1:0]};
endmodule
