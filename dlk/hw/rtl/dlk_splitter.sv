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
  logic busy;
  logic [28:0] position;  // words
  logic [15:0] remaining;
  logic [4:0] line, words;
  assign line = 5'd16 - {1'b0, position[3:0]};  // words to the next multiple of 128 bytes
  assign words = remaining < {11'd0, line} ? remaining[4:0] : line;
  assign run_ready = !busy;
  assign idle = !busy && !burst_valid;

  always_ff @(posedge clock) begin
    if (!busy) begin
      busy <= run_valid;
      position <= run_address;
      remaining <= run_words;
    end
    if (burst_ready) burst_valid <= 1'b0;
    if (busy && (!burst_valid || burst_ready)) begin
      burst_valid <= 1'b1;
      burst_address <= {position, 3'b000};
      burst_words <= words;
      position <= position + {24'd0, words};
      remaining <= remaining - {11'd0, words};
      if (remaining == {11'd0, words}) busy <= 1'b0;
    end
    if (reset) begin
      busy <= 1'b0;
      burst_valid <= 1'b0;
    end
  end
endmodule
