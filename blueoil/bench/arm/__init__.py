"""Estimated speed on ARM cores, which need not be at hand: llvm-mca on the instructions that a run executes."""
