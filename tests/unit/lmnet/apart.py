"""Starts ``train_apart.py``: training in processes of their own, with another backend or other devices."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT = 300
"""Seconds after which a process that still runs is taken to hang; none needs a tenth of them."""
QUICK = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
"""A step of the tiny network is short whatever it is compiled to; the compiler's work is not."""


def start(
    backend: str, task: Mapping[str, Any], script: str = "train_apart.py", **environment: str
) -> subprocess.Popen[str]:
    """Start one process; ``task`` is what the script reads."""
    paths = os.pathsep.join(map(str, (HERE.parents[1], HERE.parents[2])))
    process = subprocess.Popen(
        [sys.executable, str(HERE / script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **QUICK, "KERAS_BACKEND": backend, "PYTHONPATH": paths, **environment},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(task))
    process.stdin.close()
    process.stdin = None
    return process


def result(process: subprocess.Popen[str], *, code: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Return what the runs of a process gave, and its stderr."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == code, err
    return [_numbered(run) for run in json.loads(out.splitlines()[-1])["runs"]], err


def together(runs: Sequence[Sequence[Mapping[str, Any]]], *, codes: Sequence[int]) -> list[tuple[list[dict], str]]:
    """Return the results of processes of JAX that train together; each has its own list of runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    local = {"JAX_COORDINATOR_BIND_ADDRESS": address}
    started = [
        start("jax", {"join": [address, number, len(runs)], "runs": list(own)}, **local)
        for number, own in enumerate(runs)
    ]
    try:
        return [result(process, code=code) for process, code in zip(started, codes, strict=True)]
    finally:
        for process in started:
            process.kill()
            process.wait()


def _numbered(run: dict[str, Any]) -> dict[str, Any]:
    """Return losses and scores by step: JSON has texts for keys."""
    steps = {
        name: {int(step): value for step, value in run[name].items()} for name in ("losses", "scores") if name in run
    }
    return run | steps
