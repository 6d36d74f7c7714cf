"""A few real steps of a run that is not begun: what it will take, and whether it can run at all."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import keras

from lmnet import networks
from lmnet.datasets import open_dataset
from lmnet.datasets.base import Dataset
from lmnet.datasets.feeder import batch_for_step
from lmnet.settings import Settings
from lmnet.training.callbacks.validation import validate
from lmnet.training.gpu import peak_bytes
from lmnet.training.seeding import make_repeatable
from lmnet.training.state import TrainingState
from lmnet.training.strategy import Strategy, open_strategy
from lmnet.training.trainer import begin, float_stage
from lmnet.training.warm_start import check_twin

STEPS = 3
"""The first compiles the network, the others are timed."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a step takes, bytes.

    Attributes:
        weights: of the network, float32; computed.
        optimizer: what the optimizer keeps for each weight; computed.
        activations: outputs of all layers for one batch, kept for the gradient; computed.
        measured: most that tensors took on a GPU, or without one the whole process, dataset and libraries included.
        on_gpu: which of the two.
    """

    weights: int
    optimizer: int
    activations: int
    measured: int
    on_gpu: bool


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run will take.

    Attributes:
        dataset: checked, as training does.
        network: in float32 at the image size, with the weights after the steps.
        steps: of the network's run.
        float_steps: of the run of the float twin before it.
        validations: of both runs.
        batch_seconds: to make the batch of a step, in a thread beside it.
        step_seconds: of a step; the float twin is taken to be as fast.
        float32_step_seconds: of a step in float32, where the settings say another precision.
        validation_seconds: of a validation pass.
        memory: of a step.
        devices: how many share a batch in the run; times and memory are those of one that has the whole.
    """

    dataset: Dataset
    network: keras.Model
    steps: int
    float_steps: int
    validations: int
    batch_seconds: float
    step_seconds: float
    float32_step_seconds: float | None
    validation_seconds: float
    memory: Memory
    devices: int

    @property
    def total_seconds(self) -> float:
        """Estimate of the whole run."""
        return (self.steps + self.float_steps) * self.step_seconds + self.validations * self.validation_seconds


def dry_run(settings: Settings) -> DryRun:
    """Check the dataset, build the network, run the first steps of training and a batch of validation; write nothing.

    One device does it, whatever the run will have.

    Raises:
        LmnetError: a fault in dataset or settings, as training would tell it.
    """
    make_repeatable(settings.seed)
    devices = open_strategy(settings.batch_size).devices
    dataset = open_dataset(settings)
    steps, float_steps = settings.total_steps(len(dataset.train)), 0
    if settings.float_start:
        twin = float_stage(settings, steps)
        check_twin(settings, twin, dataset)
        float_steps = twin.total_steps(len(dataset.train))
    model, making, stepping = _first_steps(settings, dataset)
    network = networks.at_image_size(model, settings, len(dataset.classes))
    memory = _memory(model, settings.batch_size)
    return DryRun(
        dataset=dataset,
        network=network,
        steps=steps,
        float_steps=float_steps,
        validations=-(-steps // settings.test_steps) + -(-float_steps // settings.test_steps),
        batch_seconds=making,
        step_seconds=stepping,
        float32_step_seconds=_float32_step_seconds(settings, dataset),
        validation_seconds=_validation_seconds(model, network, settings, dataset),
        memory=memory,
        devices=devices,
    )


def _first_steps(settings: Settings, dataset: Dataset) -> tuple[keras.Model, float, float]:
    """Return the network after the first steps, and the seconds of a batch's making and of a step."""
    model = begin(settings, dataset)
    Strategy().prepare(model)
    making, stepping = [], []
    for step in range(STEPS):
        started = time.monotonic()
        batch = batch_for_step(dataset, settings, step)
        made = time.monotonic()
        model.train_on_batch(*batch)
        making.append(made - started)
        stepping.append(time.monotonic() - made)
    return model, min(making), sum(stepping[1:]) / (STEPS - 1)


def _float32_step_seconds(settings: Settings, dataset: Dataset) -> float | None:
    """Return the seconds of a step in float32: a device without instructions for fewer bits is slow at them."""
    if settings.precision == "float32":
        return None
    return _first_steps(settings.model_copy(update={"precision": "float32"}), dataset)[2]


def _validation_seconds(model: keras.Model, network: keras.Model, settings: Settings, dataset: Dataset) -> float:
    """Return the time of a validation pass, from its first batch run twice."""
    whole, size = dataset.validation, min(settings.batch_size, len(dataset.validation))
    part = replace(dataset, validation=replace(whole, pairs=whole.pairs[:size]))
    state = TrainingState(settings, part, Path(), lambda event: None, total_steps=1)
    validate(model, network, state)
    started = time.monotonic()
    validate(model, network, state)
    return (time.monotonic() - started) * len(whole) / size


def _memory(model: keras.Model, batch: int) -> Memory:
    on_gpu = peak_bytes()
    return Memory(
        weights=_bytes(model.weights),
        optimizer=_bytes(model.optimizer.variables),
        activations=batch * sum(_output_bytes(layer) for layer in model.layers),
        measured=on_gpu if on_gpu is not None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        on_gpu=on_gpu is not None,
    )


def _bytes(variables: Iterable[Any]) -> int:
    return sum(keras.ops.convert_to_numpy(variable).nbytes for variable in variables)


def _output_bytes(layer: keras.layers.Layer) -> int:
    return prod(layer.output.shape[1:]) * (4 if layer.compute_dtype == "float32" else 2)
