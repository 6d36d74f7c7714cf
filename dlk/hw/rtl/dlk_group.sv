// Four outputs of four neighbouring pixels: counts P, keeps it in shadow registers and writes it out, as codes or sums.
// All that comes in is registered once and handed to the next group, which works one cycle later.
// Latency, from the `_in` ports: activations to P 5 cycles, `pixel_in` to `word_out` 5, `total_in` 4, `slot_in` 2.
module dlk_group #(
    parameter GROUP = 0,     // its number in the array
    parameter PIXELS = 4,
    parameter CH_IN = 32,    // channels of a step
    parameter OUTPUTS = 4,   // channels of this group
    parameter GROUPS = 8,
    parameter SUM_BITS = 16,
    parameter STEPS = 256,   // of one half of the weight buffer
    parameter ADDRESS_BITS = $clog2(2 * STEPS),
    parameter PIXEL_BITS = $clog2(PIXELS),
    parameter GROUP_BITS = $clog2(GROUPS)
) (
    input  logic                        clock,
    input  logic                        sums,                // constant during a command
    // from group to group
    input  logic [ADDRESS_BITS-1:0]     weight_address_in,   // 2 cycles before the activations of the same step
    output logic [ADDRESS_BITS-1:0]     weight_address_out,
    input  logic [PIXELS*2*CH_IN-1:0]   act_in,              // for each pixel CH_IN low bits, then CH_IN high bits
    output logic [PIXELS*2*CH_IN-1:0]   act_out,
    input  logic                        first_in,            // of a tile: P starts anew; 3 cycles after its activations
    output logic                        first_out,
    input  logic                        load_in,             // P of a tile is whole; 4 cycles after its last step
    output logic                        load_out,
    input  logic                        swap_in,             // thresholds of the next pass
    output logic                        swap_out,
    input  logic [PIXEL_BITS-1:0]       pixel_in,            // to be written out
    output logic [PIXEL_BITS-1:0]       pixel_out,
    input  logic [SUM_BITS-2:0]         total_in,            // A of that pixel, 1 cycle after `pixel_in`
    output logic [SUM_BITS-2:0]         total_out,
    input  logic [GROUP_BITS-1:0]       slot_in,             // whose sums are wanted, 3 cycles after `pixel_in`
    output logic [GROUP_BITS-1:0]       slot_out,
    input  logic [2*GROUPS*OUTPUTS-1:0] word_in,
    output logic [2*GROUPS*OUTPUTS-1:0] word_out,
    // from the parameter loader
    input  logic                        weight_write,
    input  logic [ADDRESS_BITS-1:0]     weight_write_address,
    input  logic [OUTPUTS*CH_IN-1:0]    weight_write_data,
    input  logic [OUTPUTS-1:0]          threshold_write,
    input  logic [3*SUM_BITS:0]         threshold_write_data
);
  localparam COUNT_BITS = $clog2(3 * CH_IN + 1);
  localparam P_BITS = SUM_BITS - 1;
  localparam WORD_BITS = 2 * GROUPS * OUTPUTS;

  logic first, load, swap;
  logic [PIXEL_BITS-1:0] pixel;
  logic [GROUP_BITS-1:0] slot;
  assign first_out = first;
  assign load_out = load;
  assign swap_out = swap;
  assign pixel_out = pixel;
  assign slot_out = slot;

  always_ff @(posedge clock) begin
    weight_address_out <= weight_address_in;
    act_out <= act_in;
    first <= first_in;
    load <= load_in;
    swap <= swap_in;
    pixel <= pixel_in;
    total_out <= total_in;
    slot <= slot_in;
  end

  logic [OUTPUTS*CH_IN-1:0] weights;
  dlk_weight_buffer #(
      .BITS (OUTPUTS * CH_IN),
      .STEPS(STEPS)
  ) weight_buffer (
      .clock(clock),
      .write(weight_write),
      .write_address(weight_write_address),
      .write_data(weight_write_data),
      .read_address(weight_address_out),
      .weights(weights)
  );

  logic [OUTPUTS*SUM_BITS-1:0] sum;
  logic [OUTPUTS*2-1:0] code;

  genvar o, p;
  generate
    for (o = 0; o < OUTPUTS; o = o + 1) begin : gen_output
      logic [PIXELS*P_BITS-1:0] shadow;
      logic [P_BITS-1:0] positive;

      for (p = 0; p < PIXELS; p = p + 1) begin : gen_pixel
        logic [COUNT_BITS-1:0] count;
        logic [P_BITS-1:0] counted;
        dlk_popcount #(
            .CH_IN(CH_IN),
            .COUNT_BITS(COUNT_BITS)
        ) popcount (
            .clock(clock),
            .weights(weights[o*CH_IN+:CH_IN]),
            .low(act_out[2*p*CH_IN+:CH_IN]),
            .high(act_out[(2*p+1)*CH_IN+:CH_IN]),
            .count(count)
        );
        always_ff @(posedge clock) begin
          counted <= (first ? {P_BITS{1'b0}} : counted) + {{(P_BITS - COUNT_BITS) {1'b0}}, count};
          if (load) shadow[p*P_BITS+:P_BITS] <= counted;
        end
      end

      always_ff @(posedge clock) positive <= shadow[pixel*P_BITS+:P_BITS];

      dlk_requantiser #(
          .SUM_BITS(SUM_BITS)
      ) requantiser (
          .clock(clock),
          .write(threshold_write[o]),
          .write_data(threshold_write_data),
          .swap(swap),
          .sums(sums),
          .positive(positive),
          .total(total_out),
          .sum(sum[o*SUM_BITS+:SUM_BITS]),
          .code(code[2*o+:2])
      );
    end
  endgenerate

  // The word of codes grows from group to group; a word of sums is one group's alone.
  logic [WORD_BITS-1:0] grown;
  always_comb begin
    grown = word_in;
    for (int i = 0; i < OUTPUTS; i++) begin
      grown[GROUP*OUTPUTS+i] = code[2*i];
      grown[WORD_BITS/2+GROUP*OUTPUTS+i] = code[2*i+1];
    end
  end

  always_ff @(posedge clock) begin
    if (!sums) word_out <= grown;
    else if (slot == GROUP[GROUP_BITS-1:0]) word_out <= sum;
    else word_out <= word_in;
  end
endmodule
