"""Runs one target under Atheris (libFuzzer for Python): ``python fuzz_one.py NAME FOLDER [libFuzzer's options]``.

FOLDER is where the target may write. The answer is libFuzzer's: exit status 0 when every input was answered.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["blueoil", "lmnet", "dlk", "fuzz_graph"]):
    from fuzz_targets import TARGETS

    _NAME, _FOLDER = sys.argv[1:3]
    _RUN = TARGETS[_NAME].make(Path(_FOLDER))

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[3:]], _RUN)
    atheris.Fuzz()
