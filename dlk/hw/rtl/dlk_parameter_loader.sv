// Brings thresholds and weights to the groups: those of the next pass while the array works on this one.
// Latency: a word is on the groups' ports 1 cycle after it came; `pass_loaded` follows a pass's last word by 2 cycles.
module dlk_parameter_loader #(
    parameter CH_OUT = 32,
    parameter OUTPUTS = 4,
    parameter SUM_BITS = 16,
    parameter STEPS = 256,
    parameter GROUPS = CH_OUT / OUTPUTS,
    parameter STEP_BITS = $clog2(STEPS)
) (
    input  logic                clock,
    input  logic                reset,
    input  logic                start,
    output logic                idle,                  // all passes have been asked for
    // the command
    input  logic [7:0]          passes,
    input  logic [31:0]         parameters,
    input  logic [31:0]         pass_bytes,
    input  logic [STEP_BITS:0]  steps,
    // window and array
    output logic                pass_loaded,
    input  logic                swapped,               // the array uses them: the other half is free
    output logic [GROUPS-1:0]   weight_write,
    output logic [STEP_BITS:0]  weight_write_address,
    output logic [127:0]        weight_write_data,
    output logic [CH_OUT-1:0]   threshold_write,
    output logic [3*SUM_BITS:0] threshold_write_data,
    // reader
    output logic                burst_valid,
    input  logic                burst_ready,
    output logic [31:0]         burst_address,
    output logic [4:0]          burst_words,
    input  logic                word_valid,
    input  logic [63:0]         word
);
  logic asking, waiting, run_ready, splitter_idle;
  logic [7:0] pass;
  logic [31:0] pass_address;
  logic [15:0] run_words;
  assign run_words = {{(11 - STEP_BITS) {1'b0}}, steps, 4'd0} + 16'd32;
  assign idle = !asking && !waiting && splitter_idle;

  dlk_splitter splitter (
      .clock(clock),
      .reset(reset),
      .run_valid(asking),
      .run_ready(run_ready),
      .run_address(pass_address[31:3]),
      .run_words(run_words),
      .burst_valid(burst_valid),
      .burst_ready(burst_ready),
      .burst_address(burst_address),
      .burst_words(burst_words),
      .idle(splitter_idle)
  );

  always_ff @(posedge clock) begin
    if (asking && run_ready) begin
      asking <= 1'b0;
      pass <= pass + 1'b1;
      pass_address <= pass_address + pass_bytes;
      waiting <= pass != passes - 1'b1;
    end
    if (waiting && swapped) begin
      waiting <= 1'b0;
      asking <= 1'b1;
    end
    if (start) begin
      asking <= 1'b1;
      pass <= 8'd0;
      pass_address <= parameters;
    end
    if (reset) begin
      asking <= 1'b0;
      waiting <= 1'b0;
    end
  end

  // 32 words of thresholds, then 16 words of weights a step: two of them are what a group takes at once.
  logic in_thresholds, half, last;
  logic [4:0] index;
  logic [STEP_BITS:0] step;  // steps that are not loaded yet
  logic [STEP_BITS-1:0] address;
  logic [63:0] first_word;
  logic [3*SUM_BITS-1:0] inversion;
  assign inversion = {3 * SUM_BITS{word[3*SUM_BITS]}};

  always_ff @(posedge clock) begin
    weight_write <= {GROUPS{1'b0}};
    threshold_write <= {CH_OUT{1'b0}};
    last <= 1'b0;
    pass_loaded <= last;
    weight_write_address <= {half, address};
    weight_write_data <= {word, first_word};
    threshold_write_data <= {word[3*SUM_BITS], word[3*SUM_BITS-1:0] ^ inversion};
    if (word_valid) begin
      index <= index + 1'b1;
      first_word <= word;
      if (in_thresholds) begin
        threshold_write <= {{(CH_OUT - 1) {1'b0}}, 1'b1} << index;
        if (index == 5'd31) in_thresholds <= 1'b0;
      end else begin
        if (index[0]) weight_write <= {{(GROUPS - 1) {1'b0}}, 1'b1} << index[3:1];
        if (index[3:0] == 4'd15) begin
          address <= address + 1'b1;
          step <= step - 1'b1;
          if (step == 1) begin
            last <= 1'b1;
            in_thresholds <= 1'b1;
            index <= 5'd0;
            half <= ~half;
            address <= {STEP_BITS{1'b0}};
            step <= steps;
          end
        end
      end
    end
    if (start) begin
      in_thresholds <= 1'b1;
      index <= 5'd0;
      half <= 1'b0;
      address <= {STEP_BITS{1'b0}};
      step <= steps;
    end
    if (reset) begin
      last <= 1'b0;
      pass_loaded <= 1'b0;
    end
  end
endmodule
