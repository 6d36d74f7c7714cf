// Sum of the codes whose weight bit is set: countones(weights & low) + 2 countones(weights & high).
// Latency: 3 cycles. Carry-save adders over thirds of the channels come first: as vectors they simulate fast, and
// they leave the narrow counts that fit the fabric's tables.
module dlk_popcount #(
    parameter CH_IN = 32,      // channels of a step
    parameter COUNT_BITS = 7   // of the sum, at most 3 CH_IN
) (
    input  logic                  clock,
    input  logic [CH_IN-1:0]      weights,
    input  logic [CH_IN-1:0]      low,
    input  logic [CH_IN-1:0]      high,
    output logic [COUNT_BITS-1:0] count
);
  localparam THIRD = (CH_IN + 2) / 3;
  localparam ONES_BITS = $clog2(THIRD + 1);
  localparam LAST = CH_IN - 2 * THIRD;  // channels of the last third

  logic [CH_IN-1:0] low_taken, high_taken;
  logic [THIRD-1:0] low_a, low_b, low_c, high_a, high_b, high_c;
  assign low_taken = weights & low;
  assign high_taken = weights & high;
  assign low_a = low_taken[0+:THIRD];
  assign low_b = low_taken[THIRD+:THIRD];
  assign low_c = {{(THIRD - LAST) {1'b0}}, low_taken[2*THIRD+:LAST]};
  assign high_a = high_taken[0+:THIRD];
  assign high_b = high_taken[THIRD+:THIRD];
  assign high_c = {{(THIRD - LAST) {1'b0}}, high_taken[2*THIRD+:LAST]};

  logic [THIRD-1:0] low_sum, low_carry, high_sum, high_carry;  // worth 1, 2, 2, 4
  logic [ONES_BITS-1:0] ones, fours;
  logic [ONES_BITS:0] twos;

  always_ff @(posedge clock) begin
    low_sum <= low_a ^ low_b ^ low_c;
    low_carry <= (low_a & low_b) | (low_c & (low_a | low_b));
    high_sum <= high_a ^ high_b ^ high_c;
    high_carry <= (high_a & high_b) | (high_c & (high_a | high_b));

    ones <= ONES_BITS'($countones(low_sum));
    twos <= (ONES_BITS + 1)'($countones({low_carry, high_sum}));
    fours <= ONES_BITS'($countones(high_carry));

    count <= COUNT_BITS'(ones) + COUNT_BITS'({twos, 1'b0}) + COUNT_BITS'({fours, 2'b00});
  end
endmodule
