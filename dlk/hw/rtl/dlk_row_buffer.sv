// Rows of the input in PIXELS banks: PIXELS neighbours at any offset come each cycle, 0 outside of the picture.
// Latency: `act` follows `step_*` by 5 cycles; a write is readable 2 cycles later.
module dlk_row_buffer #(
    parameter PIXELS = 4,        // banks, a power of two
    parameter CH_IN = 32,
    parameter ROW_WORDS = 8192,
    parameter X_BITS = 18,       // signed column
    parameter PLACE_BITS = $clog2(ROW_WORDS),
    parameter PIXEL_BITS = $clog2(PIXELS),
    parameter LINE_BITS = PLACE_BITS - PIXEL_BITS
) (
    input  logic                      clock,
    input  logic                      write,
    input  logic [PLACE_BITS-1:0]     write_place,
    input  logic [2*CH_IN-1:0]        write_data,
    input  logic                      step_valid,
    input  logic                      step_row,    // the row is in the picture
    input  logic [LINE_BITS-1:0]      step_line,   // of column 0 in the row and group
    input  logic [X_BITS-1:0]         step_x,      // column of the first pixel
    input  logic [15:0]               in_width,
    output logic [PIXELS*2*CH_IN-1:0] act
);
  localparam WORD_BITS = 2 * CH_IN;

  logic writing;
  logic [PLACE_BITS-1:0] place;
  logic [WORD_BITS-1:0] data;
  always_ff @(posedge clock) begin
    writing <= write;
    place <= write_place;
    data <= write_data;
  end

  // 1: the line of the first pixel, the column of each. 2: each bank's line, which pixels are in the picture.
  logic row_1;
  logic [LINE_BITS-1:0] line_1, next_line_1;
  logic [PIXEL_BITS-1:0] offset_1, offset_2, offset_3;
  logic [PIXELS-1:0] inside_2, inside_3;
  logic [PIXELS*WORD_BITS-1:0] words_4;
  assign next_line_1 = line_1 + 1'b1;

  always_ff @(posedge clock) begin
    row_1 <= step_valid & step_row;
    line_1 <= step_line + step_x[PIXEL_BITS+:LINE_BITS];
    offset_1 <= step_x[PIXEL_BITS-1:0];
    offset_2 <= offset_1;
    offset_3 <= offset_2;
    inside_3 <= inside_2;
  end

  genvar b;
  generate
    for (b = 0; b < PIXELS; b = b + 1) begin : gen_bank
      localparam [PIXEL_BITS-1:0] BANK = b;
      logic [LINE_BITS-1:0] line_2;
      logic [WORD_BITS-1:0] read_data;
      always_ff @(posedge clock) begin
        line_2 <= {1'b0, offset_1} > {1'b0, BANK} ? next_line_1 : line_1;
        words_4[b*WORD_BITS+:WORD_BITS] <= read_data;
      end
      dlk_ram #(
          .WIDTH(WORD_BITS),
          .DEPTH(ROW_WORDS / PIXELS)
      ) ram (
          .clock(clock),
          .write(writing && place[PIXEL_BITS-1:0] == BANK),
          .write_address(place[PLACE_BITS-1:PIXEL_BITS]),
          .write_data(data),
          .read_address(line_2),
          .read_data(read_data)
      );
    end

    // 4: pixel b stands in bank (x + b) mod PIXELS; each pixel has its own selection, for the sake of fan-out.
    for (b = 0; b < PIXELS; b = b + 1) begin : gen_pixel
      localparam [X_BITS-1:0] PIXEL = b;
      logic [X_BITS-1:0] x_1;
      logic [PIXEL_BITS-1:0] bank_4;
      logic inside_4;
      always_ff @(posedge clock) begin
        x_1 <= step_x + PIXEL;
        inside_2[b] <= row_1 && !x_1[X_BITS-1] && x_1[X_BITS-2:0] < {{(X_BITS - 17) {1'b0}}, in_width};
        bank_4 <= offset_3 + PIXEL[PIXEL_BITS-1:0];
        inside_4 <= inside_3[b];
      end
      always_ff @(posedge clock) begin
        if (!inside_4) act[b*WORD_BITS+:WORD_BITS] <= {WORD_BITS{1'b0}};
        else act[b*WORD_BITS+:WORD_BITS] <= words_4[bank_4*WORD_BITS+:WORD_BITS];
      end
    end
  endgenerate
endmodule
