// A, the sum of all codes under the window, for each pixel of a tile: the one count that all outputs share.
// Latency: activations to A 4 cycles, `pixel` to `total` 1.
module dlk_total #(
    parameter PIXELS = 4,
    parameter CH_IN = 32,
    parameter SUM_BITS = 16,
    parameter PIXEL_BITS = $clog2(PIXELS)
) (
    input  logic                      clock,
    input  logic [PIXELS*2*CH_IN-1:0] act,
    input  logic                      first,  // 3 cycles after the activations of a tile's first step
    input  logic                      load,   // 4 cycles after those of its last
    input  logic [PIXEL_BITS-1:0]     pixel,
    output logic [SUM_BITS-2:0]       total
);
  localparam COUNT_BITS = $clog2(3 * CH_IN + 1);
  localparam A_BITS = SUM_BITS - 1;
  logic [PIXELS*A_BITS-1:0] shadow;

  genvar p;
  generate
    for (p = 0; p < PIXELS; p = p + 1) begin : gen_pixel
      logic [COUNT_BITS-1:0] count;
      logic [A_BITS-1:0] counted;
      dlk_popcount #(
          .CH_IN(CH_IN),
          .COUNT_BITS(COUNT_BITS)
      ) popcount (
          .clock(clock),
          .weights({CH_IN{1'b1}}),
          .low(act[2*p*CH_IN+:CH_IN]),
          .high(act[(2*p+1)*CH_IN+:CH_IN]),
          .count(count)
      );
      always_ff @(posedge clock) begin
        counted <= (first ? {A_BITS{1'b0}} : counted) + {{(A_BITS - COUNT_BITS) {1'b0}}, count};
        if (load) shadow[p*A_BITS+:A_BITS] <= counted;
      end
    end
  endgenerate

  always_ff @(posedge clock) total <= shadow[pixel*A_BITS+:A_BITS];
endmodule
