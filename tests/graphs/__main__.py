"""``make graph-test``: the original's networks as GraphDefs, converted, built and run; JSON as the last line.

    python tests/graphs                    all networks, for x86 and for ARM under qemu
    python tests/graphs --targets x86 LMFYolo

Exit status: 0 all converted and equal on every target, else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "unit/dlk"), str(TESTS)]
for name, value in {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}.items():
    os.environ.setdefault(name, value)
PICTURES = 2


def main() -> int:
    """Convert the networks; return the exit status."""
    from networks import NETWORKS

    parser = argparse.ArgumentParser(description="Convert the original's networks and run them.")
    parser.add_argument("--targets", default="x86,arm", help="libraries to build [%(default)s]")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)} [all]")
    options = parser.parse_args()
    if unknown := sorted(set(options.networks) - set(NETWORKS)):
        parser.error(f"there is no network {', '.join(unknown)}")
    targets = tuple(options.targets.split(","))
    began = time.monotonic()
    results = {}
    for name in options.networks or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            results[name] = result = convert(NETWORKS[name](), Path(folder), targets)
        sys.stderr.write(f"{name}: {result}\n")
    summary = summed(results, targets) | {"seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(summary) + "\n")
    whole = all(row["networks"] == len(results) for row in summary["targets"].values())
    return 0 if summary["converted"] == len(results) and whole and not summary["mismatches"] else 1


def convert(data: bytes, folder: Path, targets: tuple[str, ...]) -> dict[str, Any]:
    """Return what ``blueoil convert --graph`` finds of one network: values and mismatches by target, or the error."""
    import dlk.convert
    from blueoil import graphs
    from dlk.errors import DlkError
    from dlk.frontends.graph import import_graph
    from dlk.frontends.support import Floats

    file = folder / "net.pb"
    file.write_bytes(data)
    try:
        imported = import_graph(file)
        meta = graphs.read_meta(None, imported, "net")
        graphs.write_export(file, imported, folder / "export", meta, graphs.scenes(imported.size)[:PICTURES])
        processors = TESTS.parent / "lmnet/processors"
        made = dlk.convert.convert(folder / "export", targets=targets, processors=processors, floats=Floats.FEW)
    except DlkError as error:
        verification = getattr(error, "verification", None)
        return {"error": str(error), "targets": _by_target(verification, targets) if verification else {}}
    return {"float_layers": len(made.float_layers), "targets": _by_target(made.verification, targets)}


def _by_target(verification: Any, targets: tuple[str, ...]) -> dict[str, dict[str, int]]:
    rows = {name: [r for r in verification.equality if r.executor.partition(" ")[0] == name] for name in targets}
    return {
        name: {"values": sum(row.values for row in found), "mismatches": sum(row.mismatches for row in found)}
        for name, found in rows.items()
        if found
    }


def summed(results: dict[str, dict[str, Any]], targets: tuple[str, ...]) -> dict[str, Any]:
    """Return the last line: networks, how many converted, mismatches, and both by target."""
    by_target = {
        name: {
            "networks": sum(name in result["targets"] for result in results.values()),
            "values": sum(result["targets"].get(name, {}).get("values", 0) for result in results.values()),
            "mismatches": sum(result["targets"].get(name, {}).get("mismatches", 0) for result in results.values()),
        }
        for name in targets
    }
    errors = {name: result["error"] for name, result in results.items() if "error" in result}
    return {
        "networks": len(results),
        "converted": len(results) - len(errors),
        "mismatches": sum(row["mismatches"] for row in by_target.values()),
        "targets": by_target,
        "errors": errors,
    }


if __name__ == "__main__":
    sys.exit(main())
