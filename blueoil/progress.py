"""The progress of a training run: a live bar on a terminal, one line an interval elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from blueoil.console import Console, duration, percent, size

if TYPE_CHECKING:
    from lmnet.training import events

_REDRAW_SECONDS = 0.1
_BAR = 10  # columns of a terminal
_TOLD_WAIT = 0.01
"""Share of the time that the loop waits for its data from which on it is told."""


class TrainingProgress:
    """Tells the trainer's events; call it with each one.

    Args:
        console: where to tell.
        interval: steps between two lines where nobody watches a bar.
    """

    def __init__(self, console: Console, *, interval: int) -> None:
        self._console = console
        self._interval = interval
        self._bar: Any = None
        self._drawn = 0.0
        self._first = 0

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: events.Event) -> None:
        """Tell one event."""
        from lmnet.training.events import Saved, Started, StepDone, Validated

        match event:
            case Started():
                self._start(event)
            case StepDone():
                self._step(event)
            case Validated():
                best = ", the best so far" if event.best else ""
                self._say(f"step {event.step}: validation mIoU {percent(event.scores.mean_iou)}{best}")
            case Saved():
                self._say(f"step {event.step}: saved {event.path.name}")

    def _start(self, event: events.Started) -> None:
        self._first = event.first_step + 1
        self._say(f"network: {event.network}")
        self._say(f"train dataset num: {event.train_images}")
        self._say(f"validation dataset num: {event.validation_images}")
        self._say(f"classes: {len(event.classes)}, parameters: {event.parameters:,}")
        going_on = f", going on after step {event.first_step}" if event.first_step else ""
        self._say(f"steps: {event.total_steps}{going_on}")
        if self._console.is_terminal:
            if self._bar is not None:  # of the float twin, whose run is over
                self._bar.stop()
            self._bar = _bar(self._console)
            self._task = self._bar.add_task("train", total=event.total_steps, completed=event.first_step, told="")
            self._bar.start()

    def _step(self, event: events.StepDone) -> None:
        if self._bar is not None:
            # Redrawing each step of a fast net would cost more than the step.
            if time.monotonic() - self._drawn > _REDRAW_SECONDS or event.step == event.total_steps:
                self._drawn = time.monotonic()
                self._bar.update(self._task, completed=event.step, told=self._told(event))
        elif event.step % self._interval == 0 or event.step in (1, event.total_steps):
            self._say(f"step {event.step}/{event.total_steps}  {self._told(event)}")

    def _told(self, event: events.StepDone) -> str:
        """Return the numbers of a step, on a terminal those that fit beside the bar.

        The first one compiles the network: its time says nothing about the others.
        """
        miou = "-" if event.mean_iou is None else percent(event.mean_iou)
        told = [f"loss {event.loss:.4f}", f"mIoU {miou}"]
        if event.step == self._first:
            return "  ".join([*told, "ETA -"])
        told += [f"{event.steps_per_second:.2f} steps/s", f"ETA {duration(event.eta_seconds)}"]
        if event.data_wait is not None and event.data_wait >= _TOLD_WAIT:
            told.append(f"waits for data {100 * event.data_wait:.0f} %")
        if event.gpu_bytes is not None:
            told.append(f"GPU {size(event.gpu_bytes)}")
        if self._bar is not None:
            room = self._bar.console.width - _BAR - 2 * len(str(event.total_steps)) - 3
            while len("  ".join(told)) > room and len(told) > 1:
                told.pop()
        return "  ".join(told)

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            self._console.say(text)


def _bar(console: Console) -> Any:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=_BAR), MofNCompleteColumn(), TextColumn("{task.fields[told]}", markup=False))
    return Progress(*columns, console=RichConsole(file=console.stream), refresh_per_second=4)
