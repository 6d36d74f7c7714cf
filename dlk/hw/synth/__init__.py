"""What the accelerator takes of the FPGA, by yosys, and what the linters say of it."""
