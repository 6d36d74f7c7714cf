// Brings the rows of the input into the slots of the row buffer, in the row pattern of the command, once for each pass.
// Asks for a row as soon as a slot is free, so it runs ahead of the window, into the next pass too.
// Latency: a word is on the row buffer's port 0 cycles after it came; `row_done` follows a row's last word by 3 cycles.
module dlk_row_loader #(
    parameter ROW_WORDS = 8192,
    parameter PLACE_BITS = $clog2(ROW_WORDS)
) (
    input  logic                  clock,
    input  logic                  reset,
    input  logic                  start,
    output logic                  idle,          // all rows have been asked for
    // the command
    input  logic [7:0]            passes,
    input  logic [15:0]           in_height,
    input  logic [31:0]           source,
    input  logic [PLACE_BITS-1:0] slot_words,
    input  logic [15:0]           slots,
    input  logic [15:0]           run,
    input  logic [31:0]           row_low,
    input  logic [31:0]           row_high,
    input  logic [31:0]           outer_source,
    input  logic [31:0]           inner_source,
    input  logic [PLACE_BITS-1:0] outer_place,
    input  logic [PLACE_BITS-1:0] inner_place,
    input  logic [PLACE_BITS-1:0] odd_place,
    input  logic [PLACE_BITS-1:0] word_place,
    input  logic [7:0]            outer,
    input  logic [7:0]            inner,
    input  logic                  row_shift,
    input  logic                  word_shift,
    // window
    input  logic                  row_free,
    output logic                  row_done,
    // reader
    output logic                  burst_valid,
    input  logic                  burst_ready,
    output logic [31:0]           burst_address,
    output logic [4:0]            burst_words,
    input  logic                  word_valid,
    // row buffer: the data are the reader's word
    output logic                  write,
    output logic [PLACE_BITS-1:0] write_place
);
  // The command does not change while it runs: what is compared with stands in registers.
  logic [15:0] last_row, last_slot;
  logic [7:0] last_pass;
  always_ff @(posedge clock) begin
    last_row <= in_height - 1'b1;
    last_slot <= slots - 1'b1;
    last_pass <= passes - 1'b1;
  end

  // Asking.
  logic rows_left, sending, odd_row, has_free;
  logic signed [17:0] free;
  logic [15:0] ask_row;
  logic [7:0] ask_pass, ask_outer, ask_inner;
  logic [31:0] pair_address, row_address, outer_address, run_address;
  logic run_ready, splitter_idle, take_row, more, fewer;
  assign take_row = rows_left && !sending && has_free;
  assign more = row_free && !take_row;
  assign fewer = take_row && !row_free;
  assign idle = !rows_left && !sending && splitter_idle;

  dlk_splitter splitter (
      .clock(clock),
      .reset(reset),
      .run_valid(sending),
      .run_ready(run_ready),
      .run_address(run_address[31:3]),
      .run_words(run),
      .burst_valid(burst_valid),
      .burst_ready(burst_ready),
      .burst_address(burst_address),
      .burst_words(burst_words),
      .idle(splitter_idle)
  );

  always_ff @(posedge clock) begin
    has_free <= free > 18'sd0;
    free <= free + {{17{fewer}}, more || fewer};
    if (take_row) begin
      sending <= 1'b1;
      outer_address <= row_address;
      run_address <= row_address;
      ask_outer <= 8'd1;
      ask_inner <= 8'd1;
      if (ask_row == last_row) begin
        ask_row <= 16'd0;
        ask_pass <= ask_pass + 1'b1;
        if (ask_pass == last_pass) rows_left <= 1'b0;
        odd_row <= 1'b0;
        pair_address <= source;
        row_address <= source;
      end else begin
        ask_row <= ask_row + 1'b1;
        odd_row <= row_shift && !odd_row;
        if (row_shift && !odd_row) begin
          row_address <= pair_address + row_low;
        end else begin
          pair_address <= pair_address + row_high;
          row_address <= pair_address + row_high;
        end
      end
    end
    if (sending && run_ready) begin
      if (ask_inner != inner) begin
        ask_inner <= ask_inner + 1'b1;
        run_address <= run_address + inner_source;
      end else begin
        ask_inner <= 8'd1;
        ask_outer <= ask_outer + 1'b1;
        outer_address <= outer_address + outer_source;
        run_address <= outer_address + outer_source;
        if (ask_outer == outer) sending <= 1'b0;
      end
    end
    if (start) begin
      rows_left <= 1'b1;
      free <= $signed({2'b00, slots});
      ask_row <= 16'd0;
      ask_pass <= 8'd0;
      odd_row <= 1'b0;
      pair_address <= source;
      row_address <= source;
    end
    if (reset) begin
      rows_left <= 1'b0;
      sending <= 1'b0;
      free <= 18'sd0;
    end
  end

  // Placing.
  logic [15:0] left, slot;
  logic [7:0] left_outer, left_inner;
  logic odd_word;
  logic [PLACE_BITS-1:0] slot_place, next_slot_place, outer_base, inner_base, even_place, place;
  logic [1:0] row_written;
  assign next_slot_place = slot == last_slot ? {PLACE_BITS{1'b0}} : slot_place + slot_words;
  assign write = word_valid;
  assign write_place = place;

  always_ff @(posedge clock) begin
    row_written[0] <= 1'b0;
    row_written[1] <= row_written[0];
    row_done <= row_written[1];
    if (word_valid) begin
      if (left != 16'd1) begin
        left <= left - 1'b1;
        odd_word <= word_shift && !odd_word;
        if (word_shift && !odd_word) begin
          place <= even_place + odd_place;
        end else begin
          even_place <= even_place + word_place;
          place <= even_place + word_place;
        end
      end else begin
        left <= run;
        odd_word <= 1'b0;
        if (left_inner != 8'd1) begin
          left_inner <= left_inner - 1'b1;
          inner_base <= inner_base + inner_place;
          even_place <= inner_base + inner_place;
          place <= inner_base + inner_place;
        end else begin
          left_inner <= inner;
          if (left_outer != 8'd1) begin
            left_outer <= left_outer - 1'b1;
            outer_base <= outer_base + outer_place;
            inner_base <= outer_base + outer_place;
            even_place <= outer_base + outer_place;
            place <= outer_base + outer_place;
          end else begin
            left_outer <= outer;
            row_written[0] <= 1'b1;
            slot <= slot == last_slot ? 16'd0 : slot + 1'b1;
            slot_place <= next_slot_place;
            outer_base <= next_slot_place;
            inner_base <= next_slot_place;
            even_place <= next_slot_place;
            place <= next_slot_place;
          end
        end
      end
    end
    if (start) begin
      left <= run;
      left_inner <= inner;
      left_outer <= outer;
      odd_word <= 1'b0;
      slot <= 16'd0;
      slot_place <= {PLACE_BITS{1'b0}};
      outer_base <= {PLACE_BITS{1'b0}};
      inner_base <= {PLACE_BITS{1'b0}};
      even_place <= {PLACE_BITS{1'b0}};
      place <= {PLACE_BITS{1'b0}};
    end
    if (reset) begin
      row_written <= 2'b00;
      row_done <= 1'b0;
    end
  end
endmodule
