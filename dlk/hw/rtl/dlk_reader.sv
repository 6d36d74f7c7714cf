// The AXI read master: bursts of three clients (0 commands, 1 parameters, 2 rows), and their words back in order.
// Clients 1 and 2 take turns. `halt` lets nothing new out; it is quiet when all that went out has come back.
// Latency: 1 cycle from a client's burst to the bus, 1 from the bus to the client. Clients take every word at once.
module dlk_reader #(
    parameter UNDER_WAY = 8  // bursts, a power of two
) (
    input  logic        clock,
    input  logic        reset,
    input  logic        halt,
    output logic        quiet,
    output logic        failed,        // a word came with an error
    input  logic [2:0]  burst_valid,
    output logic [2:0]  burst_ready,
    input  logic [95:0] burst_address,
    input  logic [14:0] burst_words,
    output logic [2:0]  word_valid,
    output logic [63:0] word,
    // AXI
    output logic [31:0] araddr,
    output logic [7:0]  arlen,
    output logic        arvalid,
    input  logic        arready,
    input  logic [63:0] rdata,
    input  logic [1:0]  rresp,
    input  logic        rlast,
    input  logic        rvalid,
    output logic        rready
);
  localparam BITS = $clog2(UNDER_WAY);
  logic [2*UNDER_WAY-1:0] clients;  // whose burst it is, in order
  logic [BITS-1:0] newest, oldest;
  logic [BITS:0] count;
  logic turn;                       // client 2 goes first
  logic [1:0] chosen;
  logic any, take, came;

  assign any = |burst_valid;
  assign chosen = burst_valid[0] ? 2'd0 : burst_valid[2] && (turn || !burst_valid[1]) ? 2'd2 : 2'd1;
  assign take = any && !halt && (!arvalid || arready) && !count[BITS];
  assign burst_ready = take ? 3'd1 << chosen : 3'd0;
  assign came = rvalid && rready && rlast;
  assign rready = 1'b1;
  assign quiet = count == 0;

  always_ff @(posedge clock) begin
    if (arready) arvalid <= 1'b0;
    if (take) begin
      arvalid <= 1'b1;
      araddr <= burst_address[chosen*32+:32];
      arlen <= {3'd0, burst_words[chosen*5+:5] - 5'd1};
      turn <= chosen == 2'd1;
      for (int i = 0; i < UNDER_WAY; i++) if (newest == i[BITS-1:0]) clients[2*i+:2] <= chosen;
      newest <= newest + 1'b1;
    end
    if (came) oldest <= oldest + 1'b1;
    count <= count + {{BITS{came && !take}}, came != take};

    word <= rdata;
    word_valid <= rvalid ? 3'd1 << clients[oldest*2+:2] : 3'd0;
    failed <= rvalid && rresp != 2'b00;

    if (reset) begin
      arvalid <= 1'b0;
      newest <= {BITS{1'b0}};
      oldest <= {BITS{1'b0}};
      count <= {(BITS + 1) {1'b0}};
      turn <= 1'b0;
      word_valid <= 3'd0;
      failed <= 1'b0;
    end
  end
endmodule
