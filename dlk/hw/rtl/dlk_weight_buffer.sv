// The weights of one group of outputs: two halves, one in use and one that is being filled.
// Latency: `weights` follow `read_address` by 2 cycles (M10K, then a register).
module dlk_weight_buffer #(
    parameter BITS = 128,    // of a step: CH_IN for each output of the group
    parameter STEPS = 256,   // of one half
    parameter ADDRESS_BITS = $clog2(2 * STEPS)
) (
    input  logic                    clock,
    input  logic                    write,
    input  logic [ADDRESS_BITS-1:0] write_address,
    input  logic [BITS-1:0]         write_data,
    input  logic [ADDRESS_BITS-1:0] read_address,
    output logic [BITS-1:0]         weights
);
  logic [BITS-1:0] read_data;

  dlk_ram #(
      .WIDTH(BITS),
      .DEPTH(2 * STEPS)
  ) ram (
      .clock(clock),
      .write(write),
      .write_address(write_address),
      .write_data(write_data),
      .read_address(read_address),
      .read_data(read_data)
  );

  always_ff @(posedge clock) weights <= read_data;
endmodule
