// From the AXI3 of the HPS' lightweight bridge to AXI-Lite: bursts become single accesses, one after another, and the
// identifier comes back with the answer. Reads and writes go side by side; of each there is one burst at a time.
// FIXED, INCR and WRAP bursts of 1..16 beats of up to 4 bytes; write data in the order of its addresses. Registers are
// written whole: a beat without strobes passes by, one with some of the four is not written and answered with SLVERR.
// The answer to a write is the first error of its beats. Latency: 3 cycles a beat, without waits.
module dlk_axi3_to_lite #(
    parameter ID_BITS = 12,
    parameter ADDRESS_BITS = 21
) (
    input  logic                    clock,
    input  logic                    reset,
    // AXI3, from the bridge
    input  logic [ID_BITS-1:0]      s_awid,
    input  logic [ADDRESS_BITS-1:0] s_awaddr,
    input  logic [3:0]              s_awlen,
    input  logic [2:0]              s_awsize,
    input  logic [1:0]              s_awburst,
    input  logic                    s_awvalid,
    output logic                    s_awready,
    input  logic [31:0]             s_wdata,
    input  logic [3:0]              s_wstrb,
    input  logic                    s_wvalid,
    output logic                    s_wready,
    output logic [ID_BITS-1:0]      s_bid,
    output logic [1:0]              s_bresp,
    output logic                    s_bvalid,
    input  logic                    s_bready,
    input  logic [ID_BITS-1:0]      s_arid,
    input  logic [ADDRESS_BITS-1:0] s_araddr,
    input  logic [3:0]              s_arlen,
    input  logic [2:0]              s_arsize,
    input  logic [1:0]              s_arburst,
    input  logic                    s_arvalid,
    output logic                    s_arready,
    output logic [ID_BITS-1:0]      s_rid,
    output logic [31:0]             s_rdata,
    output logic [1:0]              s_rresp,
    output logic                    s_rlast,
    output logic                    s_rvalid,
    input  logic                    s_rready,
    // AXI-Lite, to the registers
    output logic [ADDRESS_BITS-1:0] m_awaddr,
    output logic                    m_awvalid,
    input  logic                    m_awready,
    output logic [31:0]             m_wdata,
    output logic                    m_wvalid,
    input  logic                    m_wready,
    input  logic [1:0]              m_bresp,
    input  logic                    m_bvalid,
    output logic                    m_bready,
    output logic [ADDRESS_BITS-1:0] m_araddr,
    output logic                    m_arvalid,
    input  logic                    m_arready,
    input  logic [31:0]             m_rdata,
    input  logic [1:0]              m_rresp,
    input  logic                    m_rvalid,
    output logic                    m_rready
);
  localparam [1:0] FIXED = 2'd0, WRAP = 2'd2;
  localparam [1:0] OKAY = 2'd0, SLVERR = 2'd2;

  // The address of the next beat. A wrapping burst stays in the block of its own size that it began in.
  function automatic [ADDRESS_BITS-1:0] following(input [ADDRESS_BITS-1:0] address, input [3:0] length,
                                                  input [2:0] size, input [1:0] burst);
    logic [ADDRESS_BITS-1:0] step, block, next;
    step = {{(ADDRESS_BITS - 1) {1'b0}}, 1'b1} << size;
    block = (({{(ADDRESS_BITS - 4) {1'b0}}, length} + 1'b1) << size) - 1'b1;
    next = (address & ~(step - 1'b1)) + step;
    case (burst)
      FIXED: following = address;
      WRAP: following = (address & ~block) | (next & block);
      default: following = next;
    endcase
  endfunction

  // Reads: 0 none, 1 the address goes out, 2 the word is awaited, 3 the word goes back.
  logic [1:0] read_state;
  logic [3:0] read_length, read_left;
  logic [2:0] read_size;
  logic [1:0] read_burst;
  assign s_arready = read_state == 2'd0;
  assign m_arvalid = read_state == 2'd1;
  assign m_rready = read_state == 2'd2;
  assign s_rvalid = read_state == 2'd3;
  assign s_rlast = read_left == 4'd0;

  always_ff @(posedge clock) begin
    case (read_state)
      2'd0:
      if (s_arvalid) begin
        s_rid <= s_arid;
        m_araddr <= s_araddr;
        read_length <= s_arlen;
        read_left <= s_arlen;
        read_size <= s_arsize;
        read_burst <= s_arburst;
        read_state <= 2'd1;
      end
      2'd1: if (m_arready) read_state <= 2'd2;
      2'd2:
      if (m_rvalid) begin
        s_rdata <= m_rdata;
        s_rresp <= m_rresp;
        read_state <= 2'd3;
      end
      default:
      if (s_rready) begin
        m_araddr <= following(m_araddr, read_length, read_size, read_burst);
        read_left <= read_left - 1'b1;
        read_state <= s_rlast ? 2'd0 : 2'd1;
      end
    endcase
    if (reset) read_state <= 2'd0;
  end

  // Writes: 0 none, 1 a beat is awaited, 2 it goes out, 3 its answer is awaited, 4 the answer goes back.
  logic [2:0] write_state;
  logic [3:0] write_length, write_left;
  logic [2:0] write_size;
  logic [1:0] write_burst;
  logic address_sent, data_sent, whole, beat_over;
  assign whole = &s_wstrb;
  assign beat_over = write_state == 3'd1 && s_wvalid && !whole || write_state == 3'd3 && m_bvalid;
  assign s_awready = write_state == 3'd0;
  assign s_wready = write_state == 3'd1;
  assign m_awvalid = write_state == 3'd2 && !address_sent;
  assign m_wvalid = write_state == 3'd2 && !data_sent;
  assign m_bready = write_state == 3'd3;
  assign s_bvalid = write_state == 3'd4;

  always_ff @(posedge clock) begin
    case (write_state)
      3'd0:
      if (s_awvalid) begin
        s_bid <= s_awid;
        s_bresp <= OKAY;
        m_awaddr <= s_awaddr;
        write_length <= s_awlen;
        write_left <= s_awlen;
        write_size <= s_awsize;
        write_burst <= s_awburst;
        write_state <= 3'd1;
      end
      3'd1:
      if (s_wvalid) begin
        m_wdata <= s_wdata;
        address_sent <= 1'b0;
        data_sent <= 1'b0;
        if (|s_wstrb && !whole && s_bresp == OKAY) s_bresp <= SLVERR;
        if (whole) write_state <= 3'd2;
      end
      3'd2: begin
        address_sent <= address_sent || m_awready;
        data_sent <= data_sent || m_wready;
        if ((address_sent || m_awready) && (data_sent || m_wready)) write_state <= 3'd3;
      end
      3'd3: if (m_bvalid && s_bresp == OKAY) s_bresp <= m_bresp;
      default: if (s_bready) write_state <= 3'd0;
    endcase
    if (beat_over) begin
      m_awaddr <= following(m_awaddr, write_length, write_size, write_burst);
      write_left <= write_left - 1'b1;
      write_state <= write_left == 4'd0 ? 3'd4 : 3'd1;
    end
    if (reset) write_state <= 3'd0;
  end
endmodule
