"""The FPGA accelerator: its RTL, what it reads and writes, and what it computes. README.md is the contract."""
