"""One folder a board: its top module, constraints, device tree and boot recipe."""
