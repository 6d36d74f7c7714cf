// The accelerator: one AXI-Lite slave for its registers, one AXI master for the memory. See ../README.md.
// The master's constants (size 8 bytes, INCR, all strobes, one ID) are the board's to tie.
module dlk_core #(
    parameter PIXELS = 4,        // neighbouring output pixels of a tile
    parameter CH_IN = 32,        // input channels of a step; words of codes are 2 CH_IN bits
    parameter CH_OUT = 32,       // output channels of a pass
    parameter SUM_BITS = 16,     // of S, signed
    parameter ROW_WORDS = 8192,  // words of the row buffer
    parameter STEPS = 256        // steps of one half of the weight buffer
) (
    input  logic        clock,
    input  logic        reset,
    // registers
    input  logic [7:0]  s_awaddr,
    input  logic        s_awvalid,
    output logic        s_awready,
    input  logic [31:0] s_wdata,
    input  logic        s_wvalid,
    output logic        s_wready,
    output logic [1:0]  s_bresp,
    output logic        s_bvalid,
    input  logic        s_bready,
    input  logic [7:0]  s_araddr,
    input  logic        s_arvalid,
    output logic        s_arready,
    output logic [31:0] s_rdata,
    output logic [1:0]  s_rresp,
    output logic        s_rvalid,
    input  logic        s_rready,
    // memory
    output logic [31:0] m_araddr,
    output logic [7:0]  m_arlen,
    output logic        m_arvalid,
    input  logic        m_arready,
    input  logic [63:0] m_rdata,
    input  logic [1:0]  m_rresp,
    input  logic        m_rlast,
    input  logic        m_rvalid,
    output logic        m_rready,
    output logic [31:0] m_awaddr,
    output logic [7:0]  m_awlen,
    output logic        m_awvalid,
    input  logic        m_awready,
    output logic [63:0] m_wdata,
    output logic        m_wlast,
    output logic        m_wvalid,
    input  logic        m_wready,
    input  logic [1:0]  m_bresp,
    input  logic        m_bvalid,
    output logic        m_bready,
    // for a lamp
    output logic        busy
);
  localparam OUTPUTS = 4;  // channels of a group: its sums are one word
  localparam GROUPS = CH_OUT / OUTPUTS;
  localparam GROUP_BITS = $clog2(GROUPS);
  localparam PIXEL_BITS = $clog2(PIXELS);
  localparam PLACE_BITS = $clog2(ROW_WORDS);
  localparam LINE_BITS = PLACE_BITS - PIXEL_BITS;
  localparam STEP_BITS = $clog2(STEPS);
  localparam X_BITS = 18;

  logic start, abandon, running, finished, command_done, stalled;
  logic [31:0] list;
  logic [15:0] count, command;
  logic [2:0] error;

  logic unit_reset, unit_start, flush, halt;
  logic window_done, rows_idle, parameters_idle, writer_idle, reader_quiet, writer_quiet, read_failed, write_failed;

  logic [2:0] burst_valid, burst_ready, word_valid;
  logic [95:0] burst_address;
  logic [14:0] burst_words;
  logic [63:0] word;
  assign burst_words[4:0] = 5'd16;

  logic [STEP_BITS:0] steps;
  logic sums, row_shift, word_shift;
  logic [3:0] sum_words, kernel_height, kernel_width, top, left;
  logic [7:0] groups, passes, outer, inner;
  logic [15:0] in_height, in_width, out_height, out_width, pitch, slot_words, slots, run;
  logic [15:0] outer_place, inner_place, odd_place, word_place;
  logic [31:0] source, target, parameters, pass_bytes, row_low, row_high, outer_source, inner_source;

  logic row_free, row_done, row_write;
  logic [PLACE_BITS-1:0] row_place;
  logic pass_loaded, swap, swapped, room, reserve, out_valid, out_last;
  logic [5:0] reserve_words;
  logic [63:0] out_word;
  logic [GROUPS-1:0] weight_write;
  logic [STEP_BITS:0] weight_write_address, step_weights;
  logic [OUTPUTS*CH_IN-1:0] weight_write_data;
  logic [CH_OUT-1:0] threshold_write;
  logic [3*SUM_BITS:0] threshold_write_data;
  logic step_valid, step_first, step_last, step_row;
  logic [PIXEL_BITS-1:0] step_last_pixel;
  logic [LINE_BITS-1:0] step_line;
  logic [X_BITS-1:0] step_x;
  logic [PIXELS*2*CH_IN-1:0] act;

  dlk_csr #(
      .PIXELS(PIXELS),
      .CH_IN(CH_IN),
      .CH_OUT(CH_OUT),
      .SUM_BITS(SUM_BITS),
      .ROW_WORDS(ROW_WORDS),
      .STEPS(STEPS)
  ) csr (
      .clock(clock),
      .reset(reset),
      .awaddr(s_awaddr),
      .awvalid(s_awvalid),
      .awready(s_awready),
      .wdata(s_wdata),
      .wvalid(s_wvalid),
      .wready(s_wready),
      .bresp(s_bresp),
      .bvalid(s_bvalid),
      .bready(s_bready),
      .araddr(s_araddr),
      .arvalid(s_arvalid),
      .arready(s_arready),
      .rdata(s_rdata),
      .rresp(s_rresp),
      .rvalid(s_rvalid),
      .rready(s_rready),
      .start(start),
      .abandon(abandon),
      .list(list),
      .count(count),
      .busy(busy),
      .running(running),
      .finished(finished),
      .error(error),
      .command(command),
      .stepped(step_valid),
      .stalled(stalled),
      .command_done(command_done),
      .word_read(m_rvalid && m_rready),
      .word_written(m_wvalid && m_wready)
  );

  dlk_sequencer #(
      .ROW_WORDS(ROW_WORDS),
      .STEPS(STEPS)
  ) sequencer (
      .clock(clock),
      .reset(reset),
      .start(start),
      .abandon(abandon),
      .list(list),
      .count(count),
      .busy(busy),
      .running(running),
      .finished(finished),
      .error(error),
      .command(command),
      .command_done(command_done),
      .unit_reset(unit_reset),
      .unit_start(unit_start),
      .flush(flush),
      .halt(halt),
      .window_done(window_done),
      .loaders_idle(rows_idle && parameters_idle),
      .writer_idle(writer_idle),
      .reader_quiet(reader_quiet),
      .writer_quiet(writer_quiet),
      .read_failed(read_failed),
      .write_failed(write_failed),
      .burst_valid(burst_valid[0]),
      .burst_ready(burst_ready[0]),
      .burst_address(burst_address[31:0]),
      .word_valid(word_valid[0]),
      .word(word),
      .steps(steps),
      .sums(sums),
      .sum_words(sum_words),
      .groups(groups),
      .passes(passes),
      .kernel_height(kernel_height),
      .kernel_width(kernel_width),
      .top(top),
      .left(left),
      .in_height(in_height),
      .in_width(in_width),
      .out_height(out_height),
      .out_width(out_width),
      .source(source),
      .target(target),
      .parameters(parameters),
      .pass_bytes(pass_bytes),
      .pitch(pitch),
      .slot_words(slot_words),
      .slots(slots),
      .run(run),
      .row_low(row_low),
      .row_high(row_high),
      .outer_source(outer_source),
      .inner_source(inner_source),
      .outer_place(outer_place),
      .inner_place(inner_place),
      .odd_place(odd_place),
      .word_place(word_place),
      .outer(outer),
      .inner(inner),
      .row_shift(row_shift),
      .word_shift(word_shift)
  );

  dlk_reader reader (
      .clock(clock),
      .reset(unit_reset),
      .halt(halt),
      .quiet(reader_quiet),
      .failed(read_failed),
      .burst_valid(burst_valid),
      .burst_ready(burst_ready),
      .burst_address(burst_address),
      .burst_words(burst_words),
      .word_valid(word_valid),
      .word(word),
      .araddr(m_araddr),
      .arlen(m_arlen),
      .arvalid(m_arvalid),
      .arready(m_arready),
      .rdata(m_rdata),
      .rresp(m_rresp),
      .rlast(m_rlast),
      .rvalid(m_rvalid),
      .rready(m_rready)
  );

  dlk_parameter_loader #(
      .CH_OUT(CH_OUT),
      .OUTPUTS(OUTPUTS),
      .SUM_BITS(SUM_BITS),
      .STEPS(STEPS)
  ) parameter_loader (
      .clock(clock),
      .reset(unit_reset),
      .start(unit_start),
      .idle(parameters_idle),
      .passes(passes),
      .parameters(parameters),
      .pass_bytes(pass_bytes),
      .steps(steps),
      .pass_loaded(pass_loaded),
      .swapped(swapped),
      .weight_write(weight_write),
      .weight_write_address(weight_write_address),
      .weight_write_data(weight_write_data),
      .threshold_write(threshold_write),
      .threshold_write_data(threshold_write_data),
      .burst_valid(burst_valid[1]),
      .burst_ready(burst_ready[1]),
      .burst_address(burst_address[63:32]),
      .burst_words(burst_words[9:5]),
      .word_valid(word_valid[1]),
      .word(word)
  );

  dlk_row_loader #(
      .ROW_WORDS(ROW_WORDS)
  ) row_loader (
      .clock(clock),
      .reset(unit_reset),
      .start(unit_start),
      .idle(rows_idle),
      .passes(passes),
      .in_height(in_height),
      .source(source),
      .slot_words(slot_words[PLACE_BITS-1:0]),
      .slots(slots),
      .run(run),
      .row_low(row_low),
      .row_high(row_high),
      .outer_source(outer_source),
      .inner_source(inner_source),
      .outer_place(outer_place[PLACE_BITS-1:0]),
      .inner_place(inner_place[PLACE_BITS-1:0]),
      .odd_place(odd_place[PLACE_BITS-1:0]),
      .word_place(word_place[PLACE_BITS-1:0]),
      .outer(outer),
      .inner(inner),
      .row_shift(row_shift),
      .word_shift(word_shift),
      .row_free(row_free),
      .row_done(row_done),
      .burst_valid(burst_valid[2]),
      .burst_ready(burst_ready[2]),
      .burst_address(burst_address[95:64]),
      .burst_words(burst_words[14:10]),
      .word_valid(word_valid[2]),
      .write(row_write),
      .write_place(row_place)
  );

  dlk_row_buffer #(
      .PIXELS(PIXELS),
      .CH_IN(CH_IN),
      .ROW_WORDS(ROW_WORDS),
      .X_BITS(X_BITS)
  ) row_buffer (
      .clock(clock),
      .write(row_write),
      .write_place(row_place),
      .write_data(word),
      .step_valid(step_valid),
      .step_row(step_row),
      .step_line(step_line),
      .step_x(step_x),
      .in_width(in_width),
      .act(act)
  );

  dlk_window #(
      .PIXELS(PIXELS),
      .ROW_WORDS(ROW_WORDS),
      .STEPS(STEPS),
      .X_BITS(X_BITS)
  ) window (
      .clock(clock),
      .reset(unit_reset),
      .start(unit_start),
      .sums(sums),
      .sum_words(sum_words),
      .groups(groups),
      .passes(passes),
      .kernel_height(kernel_height),
      .kernel_width(kernel_width),
      .top(top),
      .left(left),
      .in_height(in_height),
      .out_height(out_height),
      .out_width(out_width),
      .pitch_lines(pitch[PIXEL_BITS+:LINE_BITS]),
      .slot_lines(slot_words[PIXEL_BITS+:LINE_BITS]),
      .slots(slots),
      .row_done(row_done),
      .row_free(row_free),
      .pass_loaded(pass_loaded),
      .swap(swap),
      .room(room),
      .reserve(reserve),
      .reserve_words(reserve_words),
      .tile_out(out_valid && out_last),
      .step_valid(step_valid),
      .step_first(step_first),
      .step_last(step_last),
      .step_last_pixel(step_last_pixel),
      .step_weights(step_weights),
      .step_row(step_row),
      .step_line(step_line),
      .step_x(step_x),
      .stalled(stalled),
      .done(window_done)
  );

  dlk_array #(
      .PIXELS(PIXELS),
      .CH_IN(CH_IN),
      .CH_OUT(CH_OUT),
      .OUTPUTS(OUTPUTS),
      .SUM_BITS(SUM_BITS),
      .STEPS(STEPS)
  ) array (
      .clock(clock),
      .reset(unit_reset),
      .sums(sums),
      .last_slot(sums ? sum_words[GROUP_BITS-1:0] - 1'b1 : {GROUP_BITS{1'b0}}),
      .step_first(step_first),
      .step_last(step_last),
      .step_last_pixel(step_last_pixel),
      .step_weights(step_weights),
      .act(act),
      .swap(swap),
      .swapped(swapped),
      .word_valid(out_valid),
      .word_last(out_last),
      .word(out_word),
      .weight_write(weight_write),
      .weight_write_address(weight_write_address),
      .weight_write_data(weight_write_data),
      .threshold_write(threshold_write),
      .threshold_write_data(threshold_write_data)
  );

  dlk_writer writer (
      .clock(clock),
      .reset(unit_reset),
      .halt(halt),
      .quiet(writer_quiet),
      .failed(write_failed),
      .start(unit_start),
      .target(target[31:7]),
      .flush(flush),
      .idle(writer_idle),
      .reserve(reserve),
      .reserve_words(reserve_words),
      .room(room),
      .word_valid(out_valid),
      .word(out_word),
      .awaddr(m_awaddr),
      .awlen(m_awlen),
      .awvalid(m_awvalid),
      .awready(m_awready),
      .wdata(m_wdata),
      .wlast(m_wlast),
      .wvalid(m_wvalid),
      .wready(m_wready),
      .bresp(m_bresp),
      .bvalid(m_bvalid),
      .bready(m_bready)
  );

  // Places and pitches that were checked, or that only a command which is none could have so large.
  logic unused;
  assign unused = &{1'b0, pitch[15:PLACE_BITS], pitch[PIXEL_BITS-1:0], slot_words[15:PLACE_BITS], target[6:0],
      outer_place[15:PLACE_BITS], inner_place[15:PLACE_BITS], odd_place[15:PLACE_BITS], word_place[15:PLACE_BITS]};
endmodule
