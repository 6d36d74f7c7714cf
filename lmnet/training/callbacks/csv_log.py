"""``results.csv``: one row a summary or validation, cells empty where nothing was measured."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from lmnet.training.callbacks.base import StepCallback

FILE = "results.csv"


class CsvLog(StepCallback):
    """Appends rows, each before its step is saved; a resumed run first removes those of steps that it does again."""

    writes = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the header, and the rows that a resumed run keeps."""
        path, kept = self._path, []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                kept = [row for row in csv.DictReader(file) if 0 < _step(row) <= self.state.first_step]
        unfinished = path.with_name(f".unfinished-{FILE}")
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)
        unfinished.replace(path)

    def after_step(self) -> None:
        """Append the row of this step, if it has one."""
        state = self.state
        if not state.is_summary_step and state.validation is None:
            return
        row: dict[str, Any] = {
            "step": state.step,
            "epoch": f"{state.epoch:.4f}",
            "loss": f"{state.loss:.7g}",
            "learning_rate": f"{state.learning_rate:.7g}",
        }
        if state.data_wait is not None:
            row["data_wait"] = f"{state.data_wait:.4f}"
        if state.validation is not None:
            measured = state.validation.scores
            row |= {"mean_iou": f"{measured.mean_iou:.6f}", "pixel_accuracy": f"{measured.pixel_accuracy:.6f}"}
            named = zip(state.dataset.classes, measured.iou, strict=True)
            row |= {f"iou/{name}": f"{value:.6f}" for name, value in named if not math.isnan(value)}
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    @property
    def _path(self) -> Path:
        return self.state.folder / FILE

    @property
    def _columns(self) -> list[str]:
        fixed = ["step", "epoch", "loss", "learning_rate", "data_wait", "mean_iou", "pixel_accuracy"]
        return [*fixed, *(f"iou/{name}" for name in self.state.dataset.classes)]


def _step(row: dict[str, str]) -> int:
    """Return the step of a row, 0 for a row that a killed process left half written."""
    text = row.get("step") or ""
    return int(text) if text.isdecimal() and None not in row.values() else 0
