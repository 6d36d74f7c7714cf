"""The accelerator, simulated by Verilator."""
