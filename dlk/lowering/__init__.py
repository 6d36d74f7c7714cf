"""From the rewritten graph to a Program: plain steps and numbers."""

from dlk.lowering.lower import lower

__all__ = ["lower"]
