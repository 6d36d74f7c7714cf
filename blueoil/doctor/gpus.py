"""GPUs: what the driver lists, and how many of them TensorFlow sees, asked in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from blueoil.doctor.check import Finding, State
from blueoil.doctor.programs import ask

SECONDS = 120.0
"""Until TensorFlow, which starts slowly, is given up."""
_LIST = ("--query-gpu=name,memory.total", "--format=csv,noheader")
_DRIVER = "apt install nvidia-driver"
_SEEN = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"


def gpus() -> Finding:
    """Tell the GPUs that training would use; TensorFlow is started only where the driver lists any."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding(State.MISSING, "no NVIDIA driver (no nvidia-smi on the PATH)", _DRIVER)
    try:
        cards = ask([program, *_LIST]).splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(State.UNUSABLE, f"nvidia-smi does not run: {error}", _DRIVER)
    if not cards:
        return Finding(State.MISSING, "the driver lists no GPU", "nvidia-smi -L")
    seen = _seen()
    if seen == 0:
        return Finding(State.UNUSABLE, f"TensorFlow sees none of {len(cards)}: {'; '.join(cards)}")
    return Finding(State.OK, f"{seen} of {len(cards)} seen by TensorFlow: {'; '.join(cards)}")


def _seen() -> int:
    """Return how many GPUs TensorFlow sees, 0 where it does not start."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _SEEN],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        return int(done.stdout.split()[-1])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return 0
