// A reset that begins at once and ends with the clock: `raw_n` low sets it whether the clock runs or not.
module dlk_reset_sync #(
    parameter STAGES = 3
) (
    input  logic clock,
    input  logic raw_n,
    output logic reset
);
  logic [STAGES-1:0] stage;
  assign reset = !stage[STAGES-1];
  always_ff @(posedge clock or negedge raw_n)
    if (!raw_n) stage <= {STAGES{1'b0}};
    else stage <= {stage[STAGES-2:0], 1'b1};
endmodule
