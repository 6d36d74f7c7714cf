// One output channel: S = 2 P - A, and the number of its three thresholds that S reaches.
// Direction - compares S <= t as ~S >= ~t: `write_data` brings thresholds already inverted, bit 48 the direction.
// Latency: `sum` and `code` follow `positive` and `total` by 2 cycles. `swap` puts the written thresholds to use.
module dlk_requantiser #(
    parameter SUM_BITS = 16  // of S and of a threshold, signed
) (
    input  logic                  clock,
    input  logic                  write,
    input  logic [3*SUM_BITS:0]   write_data,
    input  logic                  swap,
    input  logic                  sums,      // S is what leaves: it must not be inverted
    input  logic [SUM_BITS-2:0]   positive,  // P
    input  logic [SUM_BITS-2:0]   total,     // A
    output logic [SUM_BITS-1:0]   sum,
    output logic [1:0]            code
);
  logic [3*SUM_BITS:0] pending;
  logic [3*SUM_BITS-1:0] thresholds;
  logic invert;

  always_ff @(posedge clock) begin
    if (write) pending <= write_data;
    if (swap) begin
      thresholds <= pending[3*SUM_BITS-1:0];
      invert <= pending[3*SUM_BITS] & ~sums;
    end
  end

  logic [SUM_BITS-1:0] difference, compared;
  assign difference = {positive, 1'b0} - {1'b0, total};

  logic [2:0] reached;
  always_ff @(posedge clock) begin
    compared <= difference ^ {SUM_BITS{invert}};
    sum <= compared;
    for (int i = 0; i < 3; i++) reached[i] <= $signed(compared) >= $signed(thresholds[i*SUM_BITS+:SUM_BITS]);
  end
  assign code = {1'b0, reached[0]} + {1'b0, reached[1]} + {1'b0, reached[2]};
endmodule
