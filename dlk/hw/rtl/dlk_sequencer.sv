// Fetches the commands of the list one by one, checks their fields, starts the units and waits for them.
// On an error, or when told to abandon, it stops new bursts, waits until the bus is quiet and resets the units.
// Latency: about 90 cycles from a command's fetch to its first read; a serial multiplier checks the products.
module dlk_sequencer #(
    parameter ROW_WORDS = 8192,
    parameter STEPS = 256,
    parameter STEP_BITS = $clog2(STEPS)
) (
    input  logic               clock,
    input  logic               reset,
    // registers
    input  logic               start,
    input  logic               abandon,
    input  logic [31:0]        list,
    input  logic [15:0]        count,
    output logic               busy,
    output logic               running,          // busy, and no error yet
    output logic               finished,         // pulse: the last command is done
    output logic [2:0]         error,            // 0: none
    output logic [15:0]        command,          // number of the command in work
    output logic               command_done,     // pulse
    // units
    output logic               unit_reset,
    output logic               unit_start,
    output logic               flush,
    output logic               halt,
    input  logic               window_done,
    input  logic               loaders_idle,
    input  logic               writer_idle,
    input  logic               reader_quiet,
    input  logic               writer_quiet,
    input  logic               read_failed,
    input  logic               write_failed,
    // the command list
    output logic               burst_valid,
    input  logic               burst_ready,
    output logic [31:0]        burst_address,
    input  logic               word_valid,
    input  logic [63:0]        word,
    // the command, and the steps of a tile
    output logic [STEP_BITS:0] steps,
    output logic               sums,
    output logic [3:0]         sum_words,
    output logic [7:0]         groups,
    output logic [7:0]         passes,
    output logic [3:0]         kernel_height,
    output logic [3:0]         kernel_width,
    output logic [3:0]         top,
    output logic [3:0]         left,
    output logic [15:0]        in_height,
    output logic [15:0]        in_width,
    output logic [15:0]        out_height,
    output logic [15:0]        out_width,
    output logic [31:0]        source,
    output logic [31:0]        target,
    output logic [31:0]        parameters,
    output logic [31:0]        pass_bytes,
    output logic [15:0]        pitch,
    output logic [15:0]        slot_words,
    output logic [15:0]        slots,
    output logic [15:0]        run,
    output logic [31:0]        row_low,
    output logic [31:0]        row_high,
    output logic [31:0]        outer_source,
    output logic [31:0]        inner_source,
    output logic [15:0]        outer_place,
    output logic [15:0]        inner_place,
    output logic [15:0]        odd_place,
    output logic [15:0]        word_place,
    output logic [7:0]         outer,
    output logic [7:0]         inner,
    output logic               row_shift,
    output logic               word_shift
);
  localparam [3:0] IDLE = 0, FETCH = 1, WORDS = 2, MULTIPLY = 3, PRODUCT = 4, CHECK = 5, START = 6, RUN = 7, FLUSH = 8,
      NEXT = 9, DRAIN = 10, RESET = 11;
  localparam [2:0] NONE = 0, OPCODE = 1, FIELD = 2, READ = 3, WRITE = 4, ADDRESS = 5;
  logic [3:0] state;

  logic [7:0] opcode;
  logic [3:0] index;     // of the next word of the command
  logic whole;           // all words of the command are here
  logic abandoned;

  // Products, 16 cycles each: taps, steps, groups * pitch, slots * slot_words.
  logic [1:0] phase;
  logic [4:0] bit_left;
  logic [31:0] product, factor;
  logic [15:0] other;
  logic too_many_steps, wrong_slot_words, too_many_rows;

  logic wrong_address, wrong_field;
  always_ff @(posedge clock) begin
    wrong_address <= source[6:0] != 0 || target[6:0] != 0 || parameters[6:0] != 0;
    wrong_field <= too_many_steps || wrong_slot_words || too_many_rows ||
        (sums && (sum_words == 0 || sum_words > 4'd8)) || groups == 0 || passes == 0 ||
        kernel_height == 0 || kernel_height[3] || kernel_width == 0 || kernel_width[3] ||
        in_height == 0 || in_width == 0 || out_height == 0 || out_width == 0 || pass_bytes[6:0] != 0 ||
        pitch[1:0] != 0 || pitch < in_width || (slots < {12'd0, kernel_height} && slots < in_height) || run == 0 ||
        row_low[2:0] != 0 || row_high[2:0] != 0 || outer_source[2:0] != 0 || inner_source[2:0] != 0 ||
        outer == 0 || inner == 0;
  end

  logic list_is_wrong;
  assign list_is_wrong = list[6:0] != 0 || count == 0;
  assign busy = state != IDLE;
  assign running = busy && state != DRAIN && state != RESET;
  assign burst_valid = state == FETCH;
  assign unit_start = state == START;
  assign unit_reset = reset || state == RESET;
  assign flush = state == FLUSH;
  assign halt = state == DRAIN;

  always_ff @(posedge clock) begin
    if (word_valid) begin
      index <= index + 1'b1;
      whole <= index == 4'd15;
      case (index)
        4'd0: begin
          opcode <= word[7:0];
          sums <= word[8];
          sum_words <= word[15:12];
          groups <= word[23:16];
          passes <= word[31:24];
          kernel_height <= word[35:32];
          kernel_width <= word[39:36];
          top <= word[43:40];
          left <= word[47:44];
        end
        4'd1: {out_width, out_height, in_width, in_height} <= word;
        4'd2: {target, source} <= word;
        4'd3: {pass_bytes, parameters} <= word;
        4'd4: {run, slots, slot_words, pitch} <= word;
        4'd5: {row_high, row_low} <= word;
        4'd6: {inner_source, outer_source} <= word;
        4'd7: {word_place, odd_place, inner_place, outer_place} <= word;
        4'd8: begin
          outer <= word[7:0];
          inner <= word[15:8];
          row_shift <= word[16];
          word_shift <= word[17];
        end
        default: ;
      endcase
    end

    finished <= 1'b0;
    command_done <= 1'b0;
    case (state)
      IDLE:
      if (start) begin
        abandoned <= 1'b0;
        error <= list_is_wrong ? ADDRESS : NONE;
        command <= 16'd0;
        burst_address <= list;
        state <= list_is_wrong ? DRAIN : FETCH;
      end

      FETCH: begin
        index <= 4'd0;
        whole <= 1'b0;
        if (burst_ready) state <= WORDS;
      end

      WORDS: begin
        phase <= 2'd0;
        product <= 32'd0;
        factor <= {28'd0, kernel_height};
        other <= {12'd0, kernel_width};
        bit_left <= 5'd16;
        if (whole) state <= MULTIPLY;
      end

      MULTIPLY: begin
        if (other[0]) product <= product + factor;
        factor <= {factor[30:0], 1'b0};
        other <= {1'b0, other[15:1]};
        bit_left <= bit_left - 1'b1;
        if (bit_left == 5'd1) state <= PRODUCT;
      end

      PRODUCT: begin
        bit_left <= 5'd16;
        phase <= phase + 1'b1;
        product <= 32'd0;
        state <= MULTIPLY;
        case (phase)
          2'd0: begin
            factor <= product;
            other <= {8'd0, groups};
          end
          2'd1: begin
            steps <= product[STEP_BITS:0];
            too_many_steps <= product > STEPS;
            factor <= {16'd0, pitch};
            other <= {8'd0, groups};
          end
          2'd2: begin
            wrong_slot_words <= product != {16'd0, slot_words};
            factor <= {16'd0, slot_words};
            other <= slots;
          end
          default: begin
            too_many_rows <= product > ROW_WORDS;
            state <= CHECK;
          end
        endcase
      end

      CHECK: begin
        phase <= phase + 1'b1;  // `wrong_field` follows the products by a cycle
        if (phase == 2'd1) begin
          state <= START;
          if (opcode != 8'd1) begin
            error <= OPCODE;
            state <= DRAIN;
          end else if (wrong_address) begin
            error <= ADDRESS;
            state <= DRAIN;
          end else if (wrong_field) begin
            error <= FIELD;
            state <= DRAIN;
          end
        end
      end

      START: state <= RUN;

      RUN: if (window_done) state <= FLUSH;

      FLUSH: if (writer_idle && loaders_idle && reader_quiet) state <= NEXT;

      NEXT: begin
        command_done <= 1'b1;
        command <= command + 1'b1;
        burst_address <= burst_address + 32'd128;
        if (command == count - 1'b1) begin
          finished <= 1'b1;
          state <= RESET;
        end else begin
          state <= FETCH;
        end
      end

      DRAIN: if (reader_quiet && writer_quiet) state <= RESET;

      default: begin
        if (abandoned) error <= NONE;
        state <= IDLE;
      end
    endcase

    if (running && (read_failed || write_failed)) begin
      error <= read_failed ? READ : WRITE;
      state <= DRAIN;
    end
    if (abandon) begin
      abandoned <= 1'b1;
      if (!busy) error <= NONE;
      else if (running) state <= DRAIN;
    end
    if (reset) begin
      state <= IDLE;
      error <= NONE;
      abandoned <= 1'b0;
      finished <= 1'b0;
      command_done <= 1'b0;
    end
  end
endmodule
