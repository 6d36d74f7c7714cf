// Cuts a run of words into bursts of at most 16 words that do not cross 128 bytes.
// Latency: the first burst stands 2 cycles after the run was taken; then one burst a cycle.
module dlk_splitter (
    input  logic        clock,
    input  logic        reset,
    input  logic        run_valid,
    output logic        run_ready,
    input  logic [31:3] run_address,
    input  logic [15:0] run_words,    // 1 or more
    output logic        burst_valid,
    input  logic        burst_ready,
    output logic [31:0] burst_address,
    output logic [4:0]  burst_words,  // 1 .. 16
    output logic        idle
);
  logic busy, last;
  logic [24:0] block;  // of 128 bytes
  logic [3:0] offset;  // words in it
  logic [4:0] line;    // words to its end
  logic [15:0] remaining;
  assign last = remaining <= {11'd0, line};
  assign run_ready = !busy;
  assign idle = !busy && !burst_valid;

  always_ff @(posedge clock) begin
    if (!busy) begin
      busy <= run_valid;
      {block, offset} <= run_address;
      line <= 5'd16 - {1'b0, run_address[6:3]};
      remaining <= run_words;
    end
    if (burst_ready) burst_valid <= 1'b0;
    if (busy && (!burst_valid || burst_ready)) begin
      burst_valid <= 1'b1;
      burst_address <= {block, offset, 3'b000};
      burst_words <= last ? remaining[4:0] : line;
      block <= block + 1'b1;
      offset <= 4'd0;
      line <= 5'd16;
      remaining <= remaining - {11'd0, line};
      busy <= !last;
    end
    if (reset) begin
      busy <= 1'b0;
      burst_valid <= 1'b0;
    end
  end
endmodule
