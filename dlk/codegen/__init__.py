"""Code generation: a lowered program becomes a C++ project that stands alone."""

from dlk.codegen.emit import emit, fit

__all__ = ["emit", "fit"]
