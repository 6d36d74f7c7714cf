"""From the generated C++ project to checked shared libraries."""

from dlk.build.cmake import build, build_folder, prune, trace_program
from dlk.build.jobs import JobPool
from dlk.build.symbols import SymbolReport, check_symbols

__all__ = ["JobPool", "SymbolReport", "build", "build_folder", "check_symbols", "prune", "trace_program"]
