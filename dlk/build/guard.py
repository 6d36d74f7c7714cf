"""Runs ``guard.py PROGRAM ARGUMENT...``, which ends when the process that asked for it does, however that ends.

stdin is a pipe whose other end only that process holds. When it closes, the whole process group is stopped: else a
compiler would go on to write into a folder that the next conversion uses. Imports nothing that takes long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

GRACE = 2.0
"""Seconds between the wish and the order to stop: ninja stops the compilers that it started in groups of their own."""


def main() -> int:
    """Return the program's exit status, 128 and the signal's number where it was killed by one."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # the program has it too; its end is ours
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    status = program.wait()
    return status if status >= 0 else 128 - status


def _watch() -> None:
    os.read(0, 1)
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(0, number)
        time.sleep(GRACE)


if __name__ == "__main__":
    sys.exit(main())
