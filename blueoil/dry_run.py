"""``blueoil train --dry-run``: what a run will take, and whether its network converts, before a day is spent."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blueoil import tensorflow_start
from blueoil.console import Console, duration, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from lmnet.networks.facts import Block
    from lmnet.settings import Settings
    from lmnet.training.dry_run import DryRun


def run(settings: Settings, console: Console, next_step: str) -> int:
    """Tell everything; return the exit code, 1 where the network cannot be converted.

    Args:
        settings: the run.
        console: where to tell.
        next_step: the command that trains.
    """
    console.say("Dry run: checks the dataset, builds the network and runs a few steps; writes nothing.")
    tensorflow_start.start()
    from lmnet.networks.facts import blocks
    from lmnet.training.dry_run import dry_run

    found = dry_run(settings)
    parts = blocks(found.network)
    _tell_dataset(found, console)
    _tell_network(parts, settings, console)
    _tell_memory(found, settings, console)
    _tell_time(found, settings, console)
    targets = _targets(found.network, settings, found.dataset.classes)
    faults = _tell_targets(targets, settings, console)
    console.result({**_document(found, parts, settings), "targets": targets})
    if faults:
        return 1
    console.say(f"Next step: {next_step}")
    return 0


def _tell_dataset(found: DryRun, console: Console) -> None:
    dataset = found.dataset
    console.say(f"dataset: {len(dataset.train)} training and {len(dataset.validation)} validation images")
    console.say(f"{len(dataset.classes)} classes: {', '.join(dataset.classes)}")


def _tell_network(parts: Sequence[Block], settings: Settings, console: Console) -> None:
    rows = [
        [
            block.name,
            "x".join(map(str, block.shape)),
            f"{block.weight_bits} bit" if block.weight_bits else "",
            f"{block.activation_bits} bit",
            f"{block.parameters:,}" if block.parameters else "",
            f"{block.macs / 1e6:,.1f} M" if block.macs else "",
        ]
        for block in parts
    ]
    columns = ["block", "output", "weights", "activations", "parameters", "multiply-adds"]
    console.table(columns, rows, title=settings.network)
    sums = _sums(parts)
    side = "x".join(map(str, settings.image_size))
    console.say(f"{sums['parameters']:,} parameters, {sums['macs'] / 1e9:.2f} G multiply-adds an image of {side}")
    console.say(f"{size(sums['packed_bytes'])} with kernels in their own bits and all else in float32")


def _tell_memory(found: DryRun, settings: Settings, console: Console) -> None:
    memory = found.memory
    side = "x".join(map(str, settings.train_size))
    parts = f"weights {size(memory.weights)}, optimizer {size(memory.optimizer)}"
    layers = f"outputs of the layers for {settings.batch_size} pictures of {side} {size(memory.activations)}"
    console.say(f"memory of a step, computed: {parts}, {layers}")
    where = "tensors on the GPU" if memory.on_gpu else "the whole process, libraries and dataset included"
    console.say(f"memory, measured: {size(memory.measured)} at most, {where}")


def _tell_time(found: DryRun, settings: Settings, console: Console) -> None:
    making = f"making its batch {found.batch_seconds:.3f} s, meanwhile"
    console.say(f"a step {found.step_seconds:.3f} s ({making}); a validation {found.validation_seconds:.1f} s")
    if found.float32_step_seconds is not None:
        faster = found.float32_step_seconds / found.step_seconds
        times = f"{faster:.1f} times faster" if faster >= 1 else f"{1 / faster:.1f} times slower"
        console.say(f"in float32 a step {found.float32_step_seconds:.3f} s: {settings.precision} is {times} here")
    twin = f" after {found.float_steps} of the float twin, taken to be as fast" if found.float_steps else ""
    validations = f"{found.validations} validation{'s' * (found.validations > 1)}"
    if found.devices > 1:
        console.say(f"{found.devices} devices will share each batch: all this is for one that has the whole")
    console.say(f"the whole run about {duration(found.total_seconds)}: {found.steps} steps{twin}, and {validations}")


def _targets(network: keras.Model, settings: Settings, classes: Sequence[str]) -> dict[str, Any]:
    """Return what each target says of the network with the weights that it has now; empty for a float network."""
    from dlk.feasibility import feasibility
    from dlk.targets import TARGETS
    from lmnet import networks
    from lmnet.errors import LmnetError
    from lmnet.export.meta import meta
    from lmnet.export.onnx_graph import onnx_model

    if networks.float_twin(settings.network) == settings.network:
        return {}
    try:
        proto = onnx_model(network)
    except LmnetError as error:
        return {name: _misfit(name, error) for name in TARGETS}
    with tempfile.TemporaryDirectory(prefix="blueoil-dry-run-") as folder:
        model = Path(folder) / "model.onnx"
        model.write_bytes(proto.SerializeToString())
        verdicts = feasibility(model, meta(settings, classes, experiment="", checkpoint=""))
    return {
        verdict.target: _misfit(verdict.target, verdict.error)
        if verdict.memory is None
        else {"converts": True, "memory_bytes": asdict(verdict.memory), "words": verdict.memory.words()}
        for verdict in verdicts
    }


def _misfit(target: str, error: Exception | None) -> dict[str, Any]:
    """Return the verdict of a target that the network does not fit; one with an accelerator is left out by default."""
    from dlk.hw.limits import MisfitError

    if isinstance(error, MisfitError):
        return {"converts": False, "left_out": True, "reason": str(error.received)}
    return {"converts": False, "left_out": False, "reason": str(error)}


def _tell_targets(targets: dict[str, Any], settings: Settings, console: Console) -> list[str]:
    """Return the reasons why the network cannot be converted, each once."""
    if not targets:
        console.say(f"Note: {settings.network} is a float network: it trains, but only its quantized twin converts.")
    for name, verdict in targets.items():
        if verdict["converts"]:
            console.say(f"{name}: can be converted; {verdict['words']}")
        elif verdict["left_out"]:
            console.say(f"{name}: would be left out: {verdict['reason']}")
        else:
            console.say(f"{name}: CANNOT be converted")
    if any(verdict["converts"] for verdict in targets.values()):
        console.say("The lists depend on the weights, which are those of an untrained network here.")
    faults = [verdict for verdict in targets.values() if not verdict["converts"] and not verdict["left_out"]]
    reasons = list(dict.fromkeys(verdict["reason"] for verdict in faults))
    for reason in reasons:
        console.warn(f"Error: {reason}")
    return reasons


def _sums(parts: Sequence[Block]) -> dict[str, int]:
    return {
        "parameters": sum(block.parameters for block in parts),
        "macs": sum(block.macs for block in parts),
        "packed_bytes": -(-sum(block.packed_bits for block in parts) // 8),
    }


def _document(found: DryRun, parts: Sequence[Block], settings: Settings) -> dict[str, Any]:
    return {
        "network": settings.network,
        "image_size": settings.image_size,
        "train_size": settings.train_size,
        "train_images": len(found.dataset.train),
        "validation_images": len(found.dataset.validation),
        "classes": found.dataset.classes,
        "blocks": [asdict(block) for block in parts],
        **_sums(parts),
        "memory_bytes": asdict(found.memory),
        "steps": found.steps,
        "float_steps": found.float_steps,
        "validations": found.validations,
        "batch_seconds": found.batch_seconds,
        "step_seconds": found.step_seconds,
        "float32_step_seconds": found.float32_step_seconds,
        "validation_seconds": found.validation_seconds,
        "total_seconds": found.total_seconds,
        "devices": found.devices,
    }
