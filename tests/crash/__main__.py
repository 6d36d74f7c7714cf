"""``make crash-test``: train and convert killed at random moments, on disks that fail, twice at once; JSON at the end.

    python tests/crash               100 kills, half of them of train, half of convert
    python tests/crash --kills 10    fewer
    python tests/crash --short       what `make test` runs: one kill of train, one full disk

Exit status: 0 nothing was lost, 1 something was (it is told).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import crash_disks  # noqa: E402 - the folders above hold what it imports
import crash_fork  # noqa: E402
import crash_kills  # noqa: E402


def main() -> int:
    """Run all of it; return the exit status."""
    parser = argparse.ArgumentParser(description="Kill train and convert, and let their disks fail.")
    parser.add_argument("--kills", type=int, default=100, help="half of train, half of convert [%(default)s]")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments [the clock]")
    parser.add_argument("--short", action="store_true", help="one kill of train, one full disk")
    options = parser.parse_args()
    _say(f"seed {options.seed}")
    began = time.monotonic()
    chance = random.Random(options.seed)  # noqa: S311 - moments, no secrets
    crash_fork.warm()
    with tempfile.TemporaryDirectory(prefix="blueoil-crash-") as name:
        folder = Path(name).resolve()
        crash_kills.prepare(folder)
        kills, convert = (1, crash_kills.Tally()) if options.short else (options.kills - options.kills // 2, None)
        train = crash_kills.kill_training(folder, kills, chance, compares=not options.short)
        _say(f"train: {train}")
        if convert is None:
            convert = crash_kills.kill_converting(folder, options.kills // 2, chance)
            _say(f"convert: {convert}")
        refused = crash_disks.second_training_is_refused(folder)
        disks = crash_disks.check(folder, short=options.short)
    both = (train, convert)
    summary = {
        "kills": sum(tally.kills for tally in both),
        "lost_checkpoints": sum(tally.lost_checkpoints for tally in both),
        "half_written": sum(tally.half_written for tally in both),
        "failed_next_commands": sum(tally.failed_next_commands for tally in both),
        "other_weights": sum(tally.other_weights for tally in both),
        "whole_runs": sum(tally.whole_runs for tally in both),
        "moments": dict(train.moments + convert.moments),
        "second_training_refused": refused,
        "disks": disks,
        "faults": [*train.told, *convert.told],
        "seed": options.seed,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(sum(os.times()[:4]), 1),
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0 if refused and not summary["faults"] and not disks["faults"] else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
