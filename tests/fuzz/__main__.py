"""``make fuzz``: a million inputs over all targets, from the seeds on; JSON as the last line.

    python tests/fuzz                        all targets
    python tests/fuzz --runs 50000 meta zoo  some of them, fewer inputs

Exit status: 0 every input was answered within its bounds, 1 a finding (the input's file is named).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz_targets import HERE, LEAST, TARGETS, Target

RUNS = 1_000_000
SECONDS, MEGABYTES = 10, 2048
"""What one input may take."""

_DONE = re.compile(rb"stat::number_of_executed_units: (\d+)")
_LEFT = re.compile(rb"#(\d+)\s+[a-zA-Z]+\s")


def main() -> int:
    """Run the campaign; return the exit status."""
    parser = argparse.ArgumentParser(description="Fuzz everything that reads what others wrote.")
    parser.add_argument("--runs", type=int, default=RUNS, help="inputs over all targets [%(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="of the first campaign's mutations [%(default)s]")
    parser.add_argument("--found", type=Path, default=Path("build/fuzz"), help="folder of findings [%(default)s]")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} [all]")
    options = parser.parse_args()
    if unknown := sorted(set(options.targets) - set(TARGETS)):
        parser.error(f"there is no target {', '.join(unknown)}")
    chosen = [TARGETS[name] for name in options.targets or TARGETS]
    whole = sum(target.share for target in chosen)
    found = options.found.resolve()
    found.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    results = {}
    for target in sorted(chosen, key=lambda target: -target.share):
        runs = max(1, round(options.runs * target.share / whole))
        if options.runs >= RUNS and not options.targets:
            runs = max(runs, LEAST)
        results[target.name] = campaign(target, runs, options.seed, found)
        _say(f"{target.name}: {results[target.name]}")
    crashes = sum(result["crashes"] for result in results.values())
    executions = sum(result["executions"] for result in results.values())
    summary = {
        "executions": executions,
        "crashes": crashes,
        "seconds": round(time.monotonic() - began, 1),
        "seed": options.seed,
        "targets": results,
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if crashes else 0


def campaign(target: Target, runs: int, seed: int, found: Path) -> dict[str, object]:
    """Run one target; return executions, crashes, seconds, what chose the inputs, and the file of a finding."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="blueoil-fuzz-") as name:
        folder = Path(name)
        (folder / "work").mkdir()
        corpus = folder / "corpus"
        corpus.mkdir()
        command, engine = _command(target, folder / "work")
        options = [
            f"-runs={runs}", f"-seed={seed}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}",
            f"-max_len={target.largest}", f"-artifact_prefix={found}/{target.name}-", "-print_final_stats=1",
        ]  # fmt: skip
        inputs = [corpus, target.seeds] if engine != "fuzz_alone.c" else sorted(target.seeds.iterdir())
        log = found / f"{target.name}.log"
        with log.open("wb") as output:
            status = subprocess.run(
                [*command, *options, *inputs], stdout=output, stderr=subprocess.STDOUT, check=False, env=_environment()
            ).returncode
    text = log.read_bytes()
    done = _DONE.findall(text) or _LEFT.findall(text) or [b"0"]
    result: dict[str, object] = {
        "executions": int(done[-1]),
        "crashes": int(status != 0),
        "seconds": round(time.monotonic() - began, 1),
        "engine": engine,
    }
    return result | ({"log": str(log)} if status else {})


def _command(target: Target, folder: Path) -> tuple[list[str | Path], str]:
    if target.maker is None:
        from fuzz_library import driver

        program, engine = driver(folder / "project")
        return [program], engine
    return [sys.executable, HERE / "fuzz_one.py", target.name, folder], "atheris"


def _environment() -> dict[str, str]:
    limits = f"hard_rss_limit_mb={MEGABYTES}:allocator_may_return_null=1"
    return {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "ASAN_OPTIONS": limits, "OMP_NUM_THREADS": "1"}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
