"""From the generated C++ project to checked shared libraries."""

from dlk.build.cmake import build, build_folder, trace_program
from dlk.build.symbols import SymbolReport, check_symbols

__all__ = ["SymbolReport", "build", "build_folder", "check_symbols", "trace_program"]
