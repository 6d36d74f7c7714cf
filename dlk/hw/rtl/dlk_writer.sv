// The AXI write master: the words of a command as one stream from `target` on, in bursts of 16, the last one shorter.
// A burst goes out only when all of its words are here, so one that was begun always ends, whatever happens elsewhere.
// Latency: 4 cycles from a burst's last word to the bus. The window reserves room before a tile: nothing can overflow.
module dlk_writer #(
    parameter FIFO_WORDS = 512,  // a power of two
    parameter UNDER_WAY = 4,     // bursts, a power of two
    parameter TILE_WORDS = 32,   // at most
    parameter BITS = $clog2(FIFO_WORDS)
) (
    input  logic        clock,
    input  logic        reset,
    input  logic        halt,
    output logic        quiet,          // nothing under way on the bus
    output logic        failed,         // a write was answered with an error
    input  logic        start,
    input  logic [31:7] target,
    input  logic        flush,          // no more words will come
    output logic        idle,           // all words written and answered
    input  logic        reserve,
    input  logic [5:0]  reserve_words,
    output logic        room,           // for two tiles
    input  logic        word_valid,
    input  logic [63:0] word,
    // AXI
    output logic [31:0] awaddr,
    output logic [7:0]  awlen,
    output logic        awvalid,
    input  logic        awready,
    output logic [63:0] wdata,
    output logic        wlast,
    output logic        wvalid,
    input  logic        wready,
    input  logic [1:0]  bresp,
    input  logic        bvalid,
    output logic        bready
);
  localparam LENGTH_BITS = $clog2(UNDER_WAY);

  logic [BITS-1:0] write_pointer, read_pointer, next_read_pointer;
  logic [BITS-4:0] blocks;  // 16 words in the memory that no burst has yet
  logic [3:0] odd;          // words beside them
  logic [BITS:0] free;      // words that nobody has reserved
  logic [63:0] read_data;
  logic pop, popped;
  logic [5:0] reserved;
  assign next_read_pointer = read_pointer + {{(BITS - 1) {1'b0}}, pop};

  dlk_ram #(
      .WIDTH(64),
      .DEPTH(FIFO_WORDS)
  ) ram (
      .clock(clock),
      .write(word_valid),
      .write_address(write_pointer),
      .write_data(word),
      .read_address(next_read_pointer),
      .read_data(read_data)
  );

  // Addresses.
  logic arrived;                              // a word that is in the memory since this cycle
  logic [24:0] position;                      // blocks of 128 bytes: every burst but the last is one
  logic full, rest, begin_burst;
  logic [4:0] begin_words;
  logic [LENGTH_BITS:0] answers, lengths_held;  // bursts not answered; bursts whose data have not begun
  logic [5*UNDER_WAY-1:0] lengths;
  logic [LENGTH_BITS-1:0] newest, oldest;
  logic answered, take_length;
  logic more, fewer;                          // blocks
  assign more = arrived && odd == 4'd15 && !(begin_burst && full);
  assign fewer = begin_burst && full && !(arrived && odd == 4'd15);
  assign full = blocks != 0;
  assign rest = flush && odd != 0;
  assign begin_words = full ? 5'd16 : {1'b0, odd};
  assign begin_burst = (full || rest) && !halt && (!awvalid || awready) && !answers[LENGTH_BITS];
  assign answered = bvalid && bready;
  assign bready = 1'b1;

  // Data.
  logic [4:0] left;  // words of the burst that have not been popped
  assign pop = left != 0 && (!wvalid || wready);
  assign take_length = lengths_held != 0 && (left == 0 || (left == 5'd1 && pop));
  assign quiet = answers == 0;
  assign idle = quiet && blocks == 0 && odd == 0 && !arrived && !word_valid;

  always_ff @(posedge clock) begin
    arrived <= word_valid;
    if (word_valid) write_pointer <= write_pointer + 1'b1;
    read_pointer <= next_read_pointer;
    odd <= odd + {3'd0, arrived};
    if (begin_burst && !full) odd <= 4'd0;
    blocks <= blocks + {{(BITS - 4) {fewer}}, more || fewer};
    popped <= pop;
    reserved <= reserve ? reserve_words : 6'd0;
    free <= free + {{BITS{1'b0}}, popped} - {{(BITS - 5) {1'b0}}, reserved};
    room <= free >= 2 * TILE_WORDS;

    if (awready) awvalid <= 1'b0;
    if (begin_burst) begin
      awvalid <= 1'b1;
      awaddr <= {position, 7'd0};
      awlen <= {3'd0, begin_words - 5'd1};
      position <= position + 1'b1;
      lengths[newest*5+:5] <= begin_words;
      newest <= newest + 1'b1;
    end
    answers <= answers + {{LENGTH_BITS{answered && !begin_burst}}, answered != begin_burst};
    lengths_held <= lengths_held + {{LENGTH_BITS{take_length && !begin_burst}}, take_length != begin_burst};

    if (wready) wvalid <= 1'b0;
    if (pop) begin
      wvalid <= 1'b1;
      wdata <= read_data;
      wlast <= left == 5'd1;
      left <= left - 1'b1;
    end
    if (take_length) begin
      left <= lengths[oldest*5+:5];
      oldest <= oldest + 1'b1;
    end
    failed <= bvalid && bresp != 2'b00;

    if (start) position <= target;
    if (reset) begin
      position <= 25'd0;
      write_pointer <= {BITS{1'b0}};
      read_pointer <= {BITS{1'b0}};
      blocks <= {(BITS - 3) {1'b0}};
      odd <= 4'd0;
      popped <= 1'b0;
      reserved <= 6'd0;
      free <= FIFO_WORDS[BITS:0];
      room <= 1'b0;
      arrived <= 1'b0;
      awvalid <= 1'b0;
      wvalid <= 1'b0;
      answers <= {(LENGTH_BITS + 1) {1'b0}};
      lengths_held <= {(LENGTH_BITS + 1) {1'b0}};
      newest <= {LENGTH_BITS{1'b0}};
      oldest <= {LENGTH_BITS{1'b0}};
      left <= 5'd0;
      failed <= 1'b0;
    end
  end
endmodule
