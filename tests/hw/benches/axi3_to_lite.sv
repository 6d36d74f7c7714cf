// Plays the bursts of a file (+bursts=FILE +count=N) through dlk_axi3_to_lite and prints every beat on both of its sides.
// A burst: bit 42 write, 41..30 id, 29..9 address, 8..5 length, 4..2 size, 1..0 kind. Reads and writes go side by side.
// Each fourth burst n has strobes n + beat, the others all. Everybody stalls at random (+seed=N). Registers answer with their address; those at 0xE.. with SLVERR, 0xF.. DECERR.
`timescale 1ns / 1ps
module axi3_to_lite;
  logic clock = 0, reset = 1;
  always #5 clock = !clock;

  logic [11:0] s_awid, s_bid, s_arid, s_rid;
  logic [20:0] s_awaddr, s_araddr, m_awaddr, m_araddr;
  logic [3:0] s_awlen, s_arlen, s_wstrb;
  logic [2:0] s_awsize, s_arsize;
  logic [1:0] s_awburst, s_arburst, s_bresp, s_rresp;
  logic [1:0] m_bresp, m_rresp;
  logic [31:0] s_wdata, s_rdata, m_wdata, m_rdata;
  logic s_awvalid = 0, s_awready, s_wvalid = 0, s_wready, s_bvalid, s_bready = 0;
  logic s_arvalid = 0, s_arready, s_rvalid, s_rready = 0, s_rlast;
  logic m_awvalid, m_awready = 0, m_wvalid, m_wready = 0, m_bvalid = 0, m_bready;
  logic m_arvalid, m_arready = 0, m_rvalid = 0, m_rready;

  dlk_axi3_to_lite dut (.*);

  integer count, seed;
  reg [1023:0] file;
  reg [42:0] bursts[0:4095];
  reg writes_done = 0, reads_done = 0;

  function automatic [1:0] answer(input [20:0] address);
    answer = address[11:8] == 4'hE ? 2'd2 : address[11:8] == 4'hF ? 2'd3 : 2'd0;
  endfunction

  task pause;
    while ($random(seed) % 3 == 0) @(posedge clock);
  endtask

  initial begin
    if (!$value$plusargs("bursts=%s", file) || !$value$plusargs("count=%d", count)) $fatal(1, "no bursts");
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    $readmemh(file, bursts, 0, count - 1);
    repeat (4) @(posedge clock);
    reset <= 0;
    fork
      writer;
      reader;
      registers_written;
      registers_read;
    join_none
    wait (writes_done && reads_done);
    $display("end");
    $finish;
  end
  initial begin
    repeat (60000) @(posedge clock);
    $fatal(1, "still busy");
  end

  task writer;
    integer n, beat;
    for (n = 0; n < count; n = n + 1)
    if (bursts[n][42]) begin
      pause;
      {s_awid, s_awaddr, s_awlen, s_awsize, s_awburst} <= bursts[n][41:0];
      s_awvalid <= 1;
      do @(posedge clock); while (!s_awready);
      s_awvalid <= 0;
      for (beat = 0; beat <= bursts[n][8:5]; beat = beat + 1) begin
        pause;
        s_wdata <= {n[15:0], beat[15:0]};
        s_wstrb <= n % 4 == 3 ? n + beat : 15;
        s_wvalid <= 1;
        do @(posedge clock); while (!s_wready);
        s_wvalid <= 0;
      end
      pause;
      s_bready <= 1;
      do @(posedge clock); while (!s_bvalid);
      s_bready <= 0;
      $display("answer %0d %0d", s_bid, s_bresp);
    end
    writes_done = 1;
  endtask

  task reader;
    integer n, last;
    for (n = 0; n < count; n = n + 1)
    if (!bursts[n][42]) begin
      pause;
      {s_arid, s_araddr, s_arlen, s_arsize, s_arburst} <= bursts[n][41:0];
      s_arvalid <= 1;
      do @(posedge clock); while (!s_arready);
      s_arvalid <= 0;
      last = 0;
      while (!last) begin
        pause;
        s_rready <= 1;
        do @(posedge clock); while (!s_rvalid);
        s_rready <= 0;
        last = s_rlast;
        $display("read %0d %0d %0d %0d", s_rid, s_rdata, s_rresp, s_rlast);
      end
    end
    reads_done = 1;
  endtask

  // Address and data in either order, as AXI-Lite lets a slave take them.
  task registers_written;
    reg [20:0] address;
    forever begin
      fork
        begin
          pause;
          m_awready <= 1;
          do @(posedge clock); while (!m_awvalid);
          m_awready <= 0;
          address = m_awaddr;
        end
        begin
          pause;
          m_wready <= 1;
          do @(posedge clock); while (!m_wvalid);
          m_wready <= 0;
          $display("write %0d", m_wdata);
        end
      join
      $display("at %0d", address);
      pause;
      m_bresp <= answer(address);
      m_bvalid <= 1;
      do @(posedge clock); while (!m_bready);
      m_bvalid <= 0;
    end
  endtask

  task registers_read;
    forever begin
      pause;
      m_arready <= 1;
      do @(posedge clock); while (!m_arvalid);
      m_arready <= 0;
      m_rdata <= m_araddr;
      m_rresp <= answer(m_araddr);
      pause;
      m_rvalid <= 1;
      do @(posedge clock); while (!m_rready);
      m_rvalid <= 0;
    end
  endtask
endmodule
