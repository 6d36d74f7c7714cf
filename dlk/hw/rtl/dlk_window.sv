// Walks over passes, rows, tiles and steps: says which pixels and weights meet in the array, one step a cycle.
// Latency: a step may begin in the cycle after the one before it; a row costs 5 cycles, a pass the array's latency.
// All of `step_*` are registered, 1 cycle after the decision: cycle 0 of dlk_row_buffer and dlk_array.
module dlk_window #(
    parameter PIXELS = 4,
    parameter ROW_WORDS = 8192,
    parameter STEPS = 256,
    parameter X_BITS = 18,
    parameter PIXEL_BITS = $clog2(PIXELS),
    parameter LINE_BITS = $clog2(ROW_WORDS) - PIXEL_BITS,  // a line is PIXELS words of the row buffer
    parameter STEP_BITS = $clog2(STEPS)
) (
    input  logic                  clock,
    input  logic                  reset,
    input  logic                  start,
    // the command
    input  logic                  sums,
    input  logic [3:0]            sum_words,
    input  logic [7:0]            groups,
    input  logic [7:0]            passes,
    input  logic [3:0]            kernel_height,
    input  logic [3:0]            kernel_width,
    input  logic [3:0]            top,
    input  logic [3:0]            left,
    input  logic [15:0]           in_height,
    input  logic [15:0]           out_height,
    input  logic [15:0]           out_width,
    input  logic [LINE_BITS-1:0]  pitch_lines,
    input  logic [LINE_BITS-1:0]  slot_lines,
    input  logic [15:0]           slots,
    // rows, parameters, writer
    input  logic                  row_done,         // one more row is in the row buffer
    output logic                  row_free,         // the oldest one is not needed any more
    input  logic                  pass_loaded,      // parameters of the next pass are there
    output logic                  swap,             // the pass begins: use them
    input  logic                  room,             // for the words of a tile, in the writer
    output logic                  reserve,
    output logic [5:0]            reserve_words,
    input  logic                  tile_out,         // the last word of a tile has left the array
    // one step
    output logic                  step_valid,
    output logic                  step_first,
    output logic                  step_last,
    output logic [PIXEL_BITS-1:0] step_last_pixel,
    output logic [STEP_BITS:0]    step_weights,
    output logic                  step_row,
    output logic [LINE_BITS-1:0]  step_line,
    output logic [X_BITS-1:0]     step_x,
    output logic                  stalled,
    output logic                  done
);
  localparam [2:0] IDLE = 0, PASS = 1, ROW_NEED = 2, ROW_WAIT = 3, TILES = 4, ROW_END = 5, PASS_END = 6, FINISH = 7;
  logic [2:0] state;

  // What has to be there before a step.
  logic signed [17:0] available;   // rows loaded and not freed; negative where rows at the bottom were not needed
  logic signed [17:0] needed;
  logic rows_ready;
  logic [1:0] settle;              // cycles until `rows_ready` tells of this row
  logic loaded;                    // parameters of the next pass
  logic [4:0] tiles_under_way;     // in the array
  logic [4:0] spacing;             // cycles until the array has written the tile before out

  // Position.
  logic half;                      // of the weight buffer
  logic [7:0] pass;
  logic [15:0] y;
  logic signed [17:0] row;         // of the window's first row
  logic signed [17:0] bottom;      // after its last
  logic [16:0] base;               // row whose slot is `base_line`: the window's first row in the picture
  logic [15:0] base_slot;
  logic [LINE_BITS-1:0] base_line;
  logic [15:0] columns;            // of the row that are not begun
  logic [X_BITS-1:0] tile_x, x;
  logic [7:0] group;
  logic [LINE_BITS-1:0] group_line;
  logic [3:0] ky, kx;
  logic signed [17:0] tap_row;
  logic [15:0] tap_slot;
  logic [LINE_BITS-1:0] tap_line;
  logic [STEP_BITS-1:0] weight;
  logic first;                     // the next step is a tile's first

  // The command does not change while it runs: what is compared with stands in registers.
  logic [7:0] last_group, last_pass;
  logic [3:0] last_ky, last_kx;
  logic [15:0] last_y, last_slot;
  always_ff @(posedge clock) begin
    last_group <= groups - 1'b1;
    last_pass <= passes - 1'b1;
    last_ky <= kernel_height - 1'b1;
    last_kx <= kernel_width - 1'b1;
    last_y <= out_height - 1'b1;
    last_slot <= slots - 1'b1;
  end

  logic [17:0] in_height_wide;
  assign in_height_wide = {2'b00, in_height};

  logic issue, begin_tile, kx_last, ky_last, tile_last, row_last;
  assign kx_last = kx == last_kx;
  assign ky_last = ky == last_ky;
  assign tile_last = kx_last && ky_last && group == last_group;
  assign row_last = columns <= PIXELS[15:0];
  assign issue = state == TILES && (!first || (room && spacing == 0));
  assign begin_tile = issue && first;
  assign stalled = (state == PASS && !swap) || (state == ROW_WAIT && settle == 0 && !rows_ready) ||
      (state == TILES && !issue);
  assign swap = state == PASS && loaded && tiles_under_way == 0;
  assign done = state == FINISH && tiles_under_way == 0;

  // Pixels of this tile, words that they become, cycles that these take.
  logic [2:0] pixels;
  logic [5:0] words;
  assign pixels = row_last ? columns[2:0] : 3'd4;
  assign words = !sums ? {3'd0, pixels} :
      (pixels[2] ? {sum_words, 2'b00} : 6'd0) + (pixels[1] ? {1'b0, sum_words, 1'b0} : 6'd0) +
      (pixels[0] ? {2'b00, sum_words} : 6'd0);

  function [LINE_BITS+15:0] next_slot(input [15:0] slot, input [LINE_BITS-1:0] line);
    if (slot == last_slot) next_slot = {(LINE_BITS + 16) {1'b0}};
    else next_slot = {slot + 1'b1, line + slot_lines};
  endfunction

  logic base_moves, more, fewer;  // rows
  assign base_moves = (state == ROW_END && !row[17] && base < in_height_wide[16:0]) ||
      (state == PASS_END && base < in_height_wide[16:0]);
  assign more = row_done && !row_free;
  assign fewer = row_free && !row_done;

  always_ff @(posedge clock) begin
    rows_ready <= available >= needed;
    row_free <= base_moves;
    available <= available + {{17{fewer}}, more || fewer};
    loaded <= (loaded && !swap) || pass_loaded;
    tiles_under_way <= tiles_under_way + {{4{tile_out && !begin_tile}}, tile_out != begin_tile};
    if (spacing != 0) spacing <= spacing - 1'b1;
    if (begin_tile) spacing <= sums ? {sum_words[2:0] - 3'd1, 2'b11} : 5'd3;

    if (base_moves) begin
      base <= base + 1'b1;
      {base_slot, base_line} <= next_slot(base_slot, base_line);
    end

    case (state)
      PASS:
      if (swap) begin
        state <= ROW_NEED;
        half <= ~half;
        y <= 16'd0;
        row <= -$signed({14'd0, top});
      end

      ROW_NEED: begin
        bottom <= row + $signed({14'd0, kernel_height});
        state <= ROW_WAIT;
        columns <= out_width;
        tile_x <= -{{(X_BITS - 4) {1'b0}}, left};
        x <= -{{(X_BITS - 4) {1'b0}}, left};
        tap_row <= row;
        tap_slot <= base_slot;
        tap_line <= base_line;
        settle <= 2'd2;
      end

      ROW_WAIT: begin
        needed <= (bottom > $signed(in_height_wide) ? $signed(in_height_wide) : bottom) - $signed({1'b0, base});
        if (settle != 0) settle <= settle - 1'b1;
        else if (rows_ready) state <= TILES;
      end

      TILES:
      if (issue) begin
        first <= tile_last;
        weight <= tile_last ? {STEP_BITS{1'b0}} : weight + 1'b1;
        if (!kx_last) begin
          kx <= kx + 1'b1;
          x <= x + 1'b1;
        end else begin
          kx <= 4'd0;
          x <= tile_x;
          if (!ky_last) begin
            ky <= ky + 1'b1;
            tap_row <= tap_row + 18'sd1;
            if (!tap_row[17]) {tap_slot, tap_line} <= next_slot(tap_slot, tap_line);
          end else begin
            ky <= 4'd0;
            tap_row <= row;
            tap_slot <= base_slot;
            tap_line <= base_line;
            if (!tile_last) begin
              group <= group + 1'b1;
              group_line <= group_line + pitch_lines;
            end else begin
              group <= 8'd0;
              group_line <= {LINE_BITS{1'b0}};
              columns <= columns - PIXELS[15:0];
              tile_x <= tile_x + PIXELS[X_BITS-1:0];
              x <= tile_x + PIXELS[X_BITS-1:0];
              if (row_last) state <= ROW_END;
            end
          end
        end
      end

      ROW_END: begin
        y <= y + 1'b1;
        row <= row + 18'sd1;
        state <= y == last_y ? PASS_END : ROW_NEED;
      end

      PASS_END:
      if (!base_moves) begin
        base <= 17'd0;
        pass <= pass + 1'b1;
        state <= pass == last_pass ? FINISH : PASS;
      end

      FINISH: if (tiles_under_way == 0) state <= IDLE;

      default:
      if (start) begin
        state <= PASS;
        half <= 1'b1;
        available <= 18'sd0;
        pass <= 8'd0;
        base <= 17'd0;
        base_slot <= 16'd0;
        base_line <= {LINE_BITS{1'b0}};
        group <= 8'd0;
        group_line <= {LINE_BITS{1'b0}};
        ky <= 4'd0;
        kx <= 4'd0;
        weight <= {STEP_BITS{1'b0}};
        first <= 1'b1;
      end
    endcase

    if (reset) begin
      state <= IDLE;
      row_free <= 1'b0;
      loaded <= 1'b0;
      tiles_under_way <= 5'd0;
      spacing <= 5'd0;
    end
  end

  always_ff @(posedge clock) begin
    reserve <= begin_tile && !reset;
    reserve_words <= words;
    step_valid <= issue && !reset;
    step_first <= issue && first;
    step_last <= issue && tile_last && !reset;
    step_last_pixel <= pixels[PIXEL_BITS-1:0] - 1'b1;
    step_weights <= {half, weight};
    step_row <= !tap_row[17] && tap_row < $signed(in_height_wide);
    step_line <= tap_line + group_line;
    step_x <= x;
  end
endmodule
