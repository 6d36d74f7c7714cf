// One write port, one read port, one clock: the plainest form, which every tool makes into M10K blocks.
// Latency: `read_data` follows `read_address` by 1 cycle. A word read while it is written is the old one.
module dlk_ram #(
    parameter WIDTH = 64,                 // bits of a word
    parameter DEPTH = 512,                // words, a power of two
    parameter ADDRESS_BITS = $clog2(DEPTH)
) (
    input  logic                    clock,
    input  logic                    write,
    input  logic [ADDRESS_BITS-1:0] write_address,
    input  logic [WIDTH-1:0]        write_data,
    input  logic [ADDRESS_BITS-1:0] read_address,
    output logic [WIDTH-1:0]        read_data
);
  logic [WIDTH-1:0] memory[0:DEPTH-1];

  always_ff @(posedge clock) begin
    if (write) memory[write_address] <= write_data;
  end

  always_ff @(posedge clock) read_data <= memory[read_address];
endmodule
