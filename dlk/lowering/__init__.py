"""From the rewritten graph to a Program: plain steps and numbers."""
