"""Code generation: a lowered program becomes a C++ project that stands alone."""

from dlk.codegen.emit import emit

__all__ = ["emit"]
