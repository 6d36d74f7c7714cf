// The chain of groups, the count of A before it and the order in which a tile leaves: one word a cycle.
// A step enters with its control at `step_*` (cycle 0) and its activations 5 cycles later, from dlk_row_buffer.
// Latency: the first word of a tile follows the `step_last` of the tile by 22 cycles (at 8 groups).
module dlk_array #(
    parameter PIXELS = 4,
    parameter CH_IN = 32,    // channels of a step
    parameter CH_OUT = 32,   // channels of a pass
    parameter OUTPUTS = 4,   // channels of a group
    parameter SUM_BITS = 16,
    parameter STEPS = 256,
    parameter GROUPS = CH_OUT / OUTPUTS,
    parameter ADDRESS_BITS = $clog2(2 * STEPS),
    parameter PIXEL_BITS = $clog2(PIXELS),
    parameter GROUP_BITS = $clog2(GROUPS)
) (
    input  logic                        clock,
    input  logic                        reset,
    input  logic                        sums,
    input  logic [GROUP_BITS-1:0]       last_slot,       // words of sums for a pixel, less 1; 0 for codes
    input  logic                        step_first,
    input  logic                        step_last,
    input  logic [PIXEL_BITS-1:0]       step_last_pixel, // of the tile: 0 .. PIXELS-1
    input  logic [ADDRESS_BITS-1:0]     step_weights,
    input  logic [PIXELS*2*CH_IN-1:0]   act,             // 5 cycles after step_*
    input  logic                        swap,
    output logic                        swapped,         // all groups have the thresholds
    output logic                        word_valid,
    output logic                        word_last,       // of a tile
    output logic [2*CH_OUT-1:0]         word,
    input  logic [GROUPS-1:0]           weight_write,
    input  logic [ADDRESS_BITS-1:0]     weight_write_address,
    input  logic [OUTPUTS*CH_IN-1:0]    weight_write_data,
    input  logic [CH_OUT-1:0]           threshold_write,
    input  logic [3*SUM_BITS:0]         threshold_write_data
);
  localparam ACT_BITS = PIXELS * 2 * CH_IN;
  localparam WORD_BITS = 2 * CH_OUT;
  localparam P_BITS = SUM_BITS - 1;
  localparam WEIGHT_DELAY = 3;             // from step_weights to the chain
  localparam FIRST_DELAY = 8;              // from step_first to the counts of the step
  localparam LOAD_DELAY = FIRST_DELAY + 1;
  localparam WORD_DELAY = GROUPS + 4;      // from a slot to the chain's end

  logic [WEIGHT_DELAY*ADDRESS_BITS-1:0] weights_delayed;
  logic [FIRST_DELAY-1:0] first_delayed;
  logic [LOAD_DELAY-1:0] load_delayed;
  logic [LOAD_DELAY*PIXEL_BITS-1:0] last_pixel_delayed;
  logic first, load;
  logic [PIXEL_BITS-1:0] last_pixel;

  always_ff @(posedge clock) begin
    weights_delayed <= {weights_delayed[(WEIGHT_DELAY-1)*ADDRESS_BITS-1:0], step_weights};
    last_pixel_delayed <= {last_pixel_delayed[(LOAD_DELAY-1)*PIXEL_BITS-1:0], step_last_pixel};
    first_delayed <= {first_delayed[FIRST_DELAY-2:0], step_first};
    if (reset) load_delayed <= {LOAD_DELAY{1'b0}};
    else load_delayed <= {load_delayed[LOAD_DELAY-2:0], step_last};
  end
  assign first = first_delayed[FIRST_DELAY-1];
  assign load = load_delayed[LOAD_DELAY-1];
  assign last_pixel = last_pixel_delayed[(LOAD_DELAY-1)*PIXEL_BITS+:PIXEL_BITS];

  // A slot is one word on its way out: pixel after pixel, and in sums mode word after word of a pixel.
  logic slot_valid, slot_last;
  logic [PIXEL_BITS-1:0] pixel, end_pixel;
  logic [GROUP_BITS-1:0] slot;
  assign slot_last = pixel == end_pixel && slot == last_slot;

  always_ff @(posedge clock) begin
    if (slot == last_slot) begin
      slot <= {GROUP_BITS{1'b0}};
      pixel <= pixel + 1'b1;
    end else begin
      slot <= slot + 1'b1;
    end
    if (slot_last) slot_valid <= 1'b0;
    if (load) begin
      slot_valid <= 1'b1;
      slot <= {GROUP_BITS{1'b0}};
      pixel <= {PIXEL_BITS{1'b0}};
      end_pixel <= last_pixel;
    end
    if (reset) slot_valid <= 1'b0;
  end

  logic [3*GROUP_BITS-1:0] slot_delayed;
  logic [WORD_DELAY-1:0] valid_delayed, last_delayed;
  always_ff @(posedge clock) begin
    slot_delayed <= {slot_delayed[2*GROUP_BITS-1:0], slot};
    last_delayed <= {last_delayed[WORD_DELAY-2:0], slot_last};
    if (reset) valid_delayed <= {WORD_DELAY{1'b0}};
    else valid_delayed <= {valid_delayed[WORD_DELAY-2:0], slot_valid};
  end

  logic [P_BITS-1:0] total;
  dlk_total #(
      .PIXELS(PIXELS),
      .CH_IN(CH_IN),
      .SUM_BITS(SUM_BITS)
  ) total_counter (
      .clock(clock),
      .act(act),
      .first(first),
      .load(load),
      .pixel(pixel),
      .total(total)
  );

  logic [(GROUPS+1)*ADDRESS_BITS-1:0] weight_address_chain;
  logic [(GROUPS+1)*ACT_BITS-1:0] act_chain;
  logic [GROUPS:0] first_chain, load_chain, swap_chain;
  logic [(GROUPS+1)*PIXEL_BITS-1:0] pixel_chain;
  logic [(GROUPS+1)*P_BITS-1:0] total_chain;
  logic [(GROUPS+1)*GROUP_BITS-1:0] slot_chain;
  logic [(GROUPS+1)*WORD_BITS-1:0] word_chain;

  assign weight_address_chain[0+:ADDRESS_BITS] = weights_delayed[(WEIGHT_DELAY-1)*ADDRESS_BITS+:ADDRESS_BITS];
  assign act_chain[0+:ACT_BITS] = act;
  assign first_chain[0] = first;
  assign load_chain[0] = load;
  assign swap_chain[0] = swap;
  assign pixel_chain[0+:PIXEL_BITS] = pixel;
  assign total_chain[0+:P_BITS] = total;
  assign slot_chain[0+:GROUP_BITS] = slot_delayed[2*GROUP_BITS+:GROUP_BITS];
  assign word_chain[0+:WORD_BITS] = {WORD_BITS{1'b0}};

  genvar k;
  generate
    for (k = 0; k < GROUPS; k = k + 1) begin : gen_group
      dlk_group #(
          .GROUP(k),
          .PIXELS(PIXELS),
          .CH_IN(CH_IN),
          .OUTPUTS(OUTPUTS),
          .GROUPS(GROUPS),
          .SUM_BITS(SUM_BITS),
          .STEPS(STEPS)
      ) group (
          .clock(clock),
          .sums(sums),
          .weight_address_in(weight_address_chain[k*ADDRESS_BITS+:ADDRESS_BITS]),
          .weight_address_out(weight_address_chain[(k+1)*ADDRESS_BITS+:ADDRESS_BITS]),
          .act_in(act_chain[k*ACT_BITS+:ACT_BITS]),
          .act_out(act_chain[(k+1)*ACT_BITS+:ACT_BITS]),
          .first_in(first_chain[k]),
          .first_out(first_chain[k+1]),
          .load_in(load_chain[k]),
          .load_out(load_chain[k+1]),
          .swap_in(swap_chain[k]),
          .swap_out(swap_chain[k+1]),
          .pixel_in(pixel_chain[k*PIXEL_BITS+:PIXEL_BITS]),
          .pixel_out(pixel_chain[(k+1)*PIXEL_BITS+:PIXEL_BITS]),
          .total_in(total_chain[k*P_BITS+:P_BITS]),
          .total_out(total_chain[(k+1)*P_BITS+:P_BITS]),
          .slot_in(slot_chain[k*GROUP_BITS+:GROUP_BITS]),
          .slot_out(slot_chain[(k+1)*GROUP_BITS+:GROUP_BITS]),
          .word_in(word_chain[k*WORD_BITS+:WORD_BITS]),
          .word_out(word_chain[(k+1)*WORD_BITS+:WORD_BITS]),
          .weight_write(weight_write[k]),
          .weight_write_address(weight_write_address),
          .weight_write_data(weight_write_data),
          .threshold_write(threshold_write[k*OUTPUTS+:OUTPUTS]),
          .threshold_write_data(threshold_write_data)
      );
    end
  endgenerate

  assign swapped = swap_chain[GROUPS];
  assign word_valid = valid_delayed[WORD_DELAY-1];
  assign word_last = last_delayed[WORD_DELAY-1];
  assign word = word_chain[GROUPS*WORD_BITS+:WORD_BITS];

  // What the last group hands on.
  logic unused;
  assign unused = &{1'b0, weight_address_chain[GROUPS*ADDRESS_BITS+:ADDRESS_BITS], act_chain[GROUPS*ACT_BITS+:ACT_BITS],
      first_chain[GROUPS], load_chain[GROUPS], pixel_chain[GROUPS*PIXEL_BITS+:PIXEL_BITS],
      total_chain[GROUPS*P_BITS+:P_BITS], slot_chain[GROUPS*GROUP_BITS+:GROUP_BITS]};
endmodule
