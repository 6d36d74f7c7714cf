"""Train a network: open the dataset, build or resume, fit, and keep what a callback after each step writes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np

from lmnet import losses, networks
from lmnet.datasets import open_dataset
from lmnet.datasets.base import Dataset
from lmnet.errors import LmnetError
from lmnet.optimizers import OPTIMIZERS
from lmnet.schedules import make_schedule
from lmnet.settings import Settings
from lmnet.training import checkpoints
from lmnet.training.callbacks.checkpoint import Checkpoint
from lmnet.training.callbacks.count import Count
from lmnet.training.callbacks.csv_log import CsvLog
from lmnet.training.callbacks.nan_guard import NanGuard
from lmnet.training.callbacks.overlays import Overlays
from lmnet.training.callbacks.progress import Progress, Turn
from lmnet.training.callbacks.stop import StopEarly, StopOnSignal
from lmnet.training.callbacks.tensorboard import TensorBoard
from lmnet.training.callbacks.validation import TellValidation, Validate
from lmnet.training.events import Event, Started, TrainingResult
from lmnet.training.feed import StepBatches
from lmnet.training.folder import BEST, FLOAT
from lmnet.training.seeding import make_repeatable
from lmnet.training.state import Clock, TrainingState
from lmnet.training.strategy import Strategy, open_strategy
from lmnet.training.warm_start import check_twin, copy_weights

_OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"
"""Stands in what XLA says of memory that it did not get."""


def train(
    settings: Settings, folder: Path, *, report: Callable[[Event], None], seconds: float = math.inf
) -> TrainingResult:
    """Train until the last step, ``early_stop`` or Ctrl-C, from the newest checkpoint in the folder if there is one.

    Data order, augmentation and first weights depend on ``settings.seed`` only, so a resumed run ends with the weights
    of an unbroken one. Every device that the backend sees has a share of each batch.

    Args:
        settings: the run.
        folder: experiment folder; gets checkpoints, ``best``, tensorboard, overlays and results.csv; with
            ``float_start`` also the folder ``float``, which has the same of the float twin. Of several processes the
            first one's; the others read copies of its checkpoints in theirs and leave no result.
        report: called with each event, in this thread, by the first process.
        seconds: after them the run is saved and stopped.

    Raises:
        LmnetError: a fault in dataset, settings or checkpoint, or training diverged.
        KeyboardInterrupt: Ctrl-C a second time.
    """
    deadline = time.monotonic() + seconds
    make_repeatable(settings.seed)
    strategy = open_strategy(settings.batch_size)
    with strategy.together():
        dataset = open_dataset(settings)
    strategy.check_same(settings, dataset)
    told = _silent if strategy.process else report
    run = partial(_run, dataset=dataset, report=told, strategy=strategy, deadline=deadline)
    steps = settings.total_steps(len(dataset.train))
    if settings.float_start:
        twin = float_stage(settings, steps)
        if _last(folder, strategy) is None:
            check_twin(settings, twin, dataset)
            result = run(twin, folder / FLOAT, steps_after=steps)
            if not result.finished:
                return result
        start = _last(folder / FLOAT, strategy)
        settings = settings.model_copy(update={"float_start": 0.0, "warm_start": start})
    return run(settings, folder)


def float_stage(settings: Settings, steps: int) -> Settings:
    """Return the run that trains the float twin before the network's own run of ``steps``."""
    changes = {
        "network": networks.float_twin(settings.network),
        "max_steps": max(1, round(settings.float_start * steps)),
        "float_start": 0.0,
        "early_stop": None,
    }
    return settings.model_copy(update=changes)


def _run(
    settings: Settings,
    folder: Path,
    *,
    dataset: Dataset,
    report: Callable[[Event], None],
    strategy: Strategy,
    deadline: float,
    steps_after: int = 0,
) -> TrainingResult:
    """Train one network in one folder; ``steps_after`` are those of the run that follows."""
    state = TrainingState(
        settings=settings,
        dataset=dataset,
        folder=folder,
        report=report,
        total_steps=settings.total_steps(len(dataset.train)),
        strategy=strategy,
        deadline=deadline,
        steps_after=steps_after,
    )
    with strategy.building():
        model = _resume(state) or _begin(state)
    strategy.prepare(model)
    report(
        Started(
            network=settings.network,
            total_steps=state.total_steps,
            first_step=state.first_step,
            train_images=len(dataset.train),
            validation_images=len(dataset.validation),
            classes=dataset.classes,
            parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
            validation=dataset.validation,
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    if not state.is_over:
        _fit(model, state)
    assert state.last is not None  # noqa: S101 - the last step saves
    return TrainingResult(
        step=state.step,
        # Who stops the last step of the float twin does not want the network's run that follows.
        finished=state.is_over and not (state.stopped and steps_after),
        last=state.last,
        best=state.best,
        mean_iou=state.best_mean_iou,
        stopped_early=state.ends_early and not state.is_last_step,
    )


def _last(folder: Path, strategy: Strategy) -> Path | None:
    """Return the newest checkpoint of an experiment, of the first process's where several train."""
    return strategy.fetch(checkpoints.last(folder / checkpoints.FOLDER), folder)


def _begin(state: TrainingState) -> keras.Model:
    start = state.strategy.fetch(state.settings.warm_start, state.folder)
    return begin(state.settings.model_copy(update={"warm_start": start}), state.dataset)


def begin(settings: Settings, dataset: Dataset) -> keras.Model:
    """Return a new network at the size of the training pictures, with its loss and optimizer."""
    keras.config.set_dtype_policy(settings.precision)
    try:
        model = networks.at_train_size(settings, len(dataset.classes))
    finally:
        keras.config.set_dtype_policy("float32")
    if settings.warm_start is not None:
        copy_weights(settings.warm_start, model, dataset.classes)
    schedule = make_schedule(settings, len(dataset.train))
    optimizer = OPTIMIZERS[settings.optimizer](schedule, settings.weight_decay or None)
    model.compile(optimizer=optimizer, loss=losses.build(settings, dataset), jit_compile=False)
    optimizer.build(model.trainable_weights)  # else the first step makes its variables, and is traced twice for that
    return model


def _resume(state: TrainingState) -> keras.Model | None:
    """Return the model of the newest checkpoint and bring the state to its step; None where there is none."""
    checkpoints.discard_unfinished(state.folder / checkpoints.FOLDER)
    path = _last(state.folder, state.strategy)
    if path is None:
        return None
    model, saved = checkpoints.load(path)
    found = state.settings.network, state.dataset.classes, len(state.dataset.train)
    known = saved.network, saved.classes, saved.train_images
    if found != known:
        raise LmnetError(
            f"The checkpoint {path.name} belongs to another network or dataset.",
            where=str(path),
            expected=_in_words(*known),
            received=_in_words(*found),
            fix="resume with the dataset of the run, or start a new run",
        )
    state.first_step = state.step = saved.step
    state.last, state.mean_iou = path.name, saved.mean_iou
    state.clock = Clock(saved.seconds, saved.cpu_seconds)
    state.best, state.best_mean_iou = saved.best, saved.best_mean_iou
    state.validations_since_best = saved.validations_since_best
    if saved.best is not None and not state.strategy.process:
        # It went when a better one came; who then removed that one, damaged, goes on without a best one.
        if (state.folder / checkpoints.FOLDER / saved.best).is_dir():
            checkpoints.write_best(state.folder, saved.best)
        else:
            (state.folder / BEST).unlink(missing_ok=True)
    return model


def _silent(event: Event) -> None:
    """Tell nobody."""


def _too_large(state: TrainingState) -> LmnetError:
    settings = state.settings
    side = "x".join(map(str, settings.train_size))
    return LmnetError(
        "There is not enough memory for a step, or for a validation.",
        where=f"step {state.step + 1} of {settings.network}",
        expected="a device with more memory, or less to do at once",
        received=f"{settings.batch_size} pictures of {side}",
        fix=f"batch_size={max(1, settings.batch_size // 2)}, or a smaller crop_size: see train --dry-run",
    )


def _in_words(network: str, classes: tuple[str, ...], train_images: int) -> str:
    return f"{network}, {train_images} training images, the classes {', '.join(classes)}"


def _fit(model: keras.Model, state: TrainingState) -> None:
    batches = StepBatches(state)
    with StopOnSignal(state) as stop:
        callbacks = [
            Count(state),
            NanGuard(state),
            Progress(state, batches),
            Validate(state),
            # Records before the checkpoint: a step that is saved is recorded, wherever the process is killed.
            CsvLog(state),
            Overlays(state),
            TensorBoard(state),
            TellValidation(state),
            StopEarly(state),
            # Ctrl-C during the step, its validation or its records ends the run with this step.
            stop,
            Checkpoint(state),
            Turn(state),
        ]
        if state.strategy.process:
            callbacks = [callback for callback in callbacks if not callback.writes]
        try:
            with state.strategy.fitting():
                model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks)
        except Exception as error:
            if batches.error is not None:
                raise batches.error from error
            if "ResourceExhausted" in type(error).__name__ or _OUT_OF_MEMORY in str(error):
                raise _too_large(state) from error
            raise
        finally:
            batches.close()
