"""Faults put into a conversion on purpose, each of which verification must find and name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from conversions import Done, convert, fingerprint, sign_words

import dlk.convert
from dlk.errors import VerificationError
from dlk.lowering.program import Program, QuantConv, Thresholds
from dlk.passes.compute_thresholds import ComputeThresholds
from dlk.targets import Target


def flip_weight(monkeypatch: pytest.MonkeyPatch, done: Done, layer: str, bit: int) -> None:
    """Let the build give a library in which one packed weight of ``layer`` is inverted."""

    def build(project: Path, target: Target, *, jobs: int | None = None) -> Path:
        library = done.build(project, target, jobs=jobs)
        words = np.array(sign_words(project, layer), np.uint64)
        data = bytearray(library.read_bytes())
        assert data.count(words.tobytes()) == 1
        data[data.index(words.tobytes()) + bit // 8] ^= 1 << bit % 8
        library.write_bytes(data)
        return library

    monkeypatch.setattr(dlk.convert, "build", build)


def layer_codes(done: Done, layer: str) -> np.ndarray:
    with np.load(done.export / "reference.npz") as file:
        return np.asarray(file[f"codes/{layer}"])


def expect_failure(export: Path, layer: str) -> None:
    """Convert; verification must name the layer, and the last good conversion must stay as it was."""
    before = {name: fingerprint(export / name) for name in ("output", "project")}
    with pytest.raises(VerificationError) as caught:
        convert(export)
    assert caught.value.exit_code == 3
    assert layer in caught.value.what
    assert {name: fingerprint(export / name) for name in ("output", "project")} == before
    assert json.loads((export / "verification.json").read_text())["passed"] is True
    failed = json.loads((export / "unfinished/verification.json").read_text())
    assert failed["passed"] is False
    assert any(item["failure"] or item["first_difference"]["layer"] == layer for item in failed["executors"])


def lose_threshold(monkeypatch: pytest.MonkeyPatch, done: Done, layer: str) -> None:
    """Let a channel of ``layer`` never give code 1, the channel that has it most often."""
    codes = layer_codes(done, layer)
    channel = int(np.argmax(np.bincount(np.nonzero(codes == 1)[-1], minlength=codes.shape[-1])))
    lower = dlk.convert.lower

    def change(model: ir.Model, meta: dict[str, object]) -> Program:
        program = lower(model, meta)
        steps = []
        for step in program.steps:
            if step.name == layer:
                assert isinstance(step, QuantConv) and isinstance(step.epilogue, Thresholds)
                values = step.epilogue.values.copy()
                values[channel, 0] = values[channel, 1]
                step = dataclasses.replace(step, epilogue=dataclasses.replace(step.epilogue, values=values))
            steps.append(step)
        return dataclasses.replace(program, steps=tuple(steps))

    monkeypatch.setattr(dlk.convert, "lower", change)


def turn_normalisation(monkeypatch: pytest.MonkeyPatch, done: Done, layer: str) -> None:
    """Let the passes see another sign of gamma in the channel of ``layer`` that varies most."""
    codes = layer_codes(done, layer)
    channel = int(np.argmax(codes.reshape(-1, codes.shape[-1]).std(axis=0)))
    rewrite = ComputeThresholds.rewrite

    def change(self: ComputeThresholds, model: ir.Model) -> bool:
        value = model.graph.initializers[f"{layer}/gamma"]
        gamma = np.array(value.const_value.numpy())
        gamma[channel] = -gamma[channel]
        value.const_value = ir.tensor(gamma, name=value.name)
        return rewrite(self, model)

    monkeypatch.setattr(ComputeThresholds, "rewrite", change)
