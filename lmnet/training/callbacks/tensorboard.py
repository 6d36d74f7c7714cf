"""TensorBoard records under ``tensorboard/train`` and ``tensorboard/validation``."""

from __future__ import annotations

import math
from typing import Any

from lmnet.evaluation.pictures import COUNT
from lmnet.training.callbacks.base import StepCallback
from lmnet.training.state import TrainingState
from lmnet.training.tensorflow_aside import tf


class TensorBoard(StepCallback):
    """Scalars at each summary, scores and pictures at each validation."""

    writes = True

    def __init__(self, state: TrainingState) -> None:
        super().__init__(state)
        self._writers: dict[str, Any] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the two records."""
        for name in ("train", "validation"):
            self._writers[name] = tf.summary.create_file_writer(str(self.state.folder / "tensorboard" / name))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the two records."""
        for writer in self._writers.values():
            writer.close()

    def after_step(self) -> None:
        """Write what this step has to tell; it is on disk on return."""
        state = self.state
        if state.is_summary_step or state.validation is not None:
            with self._writers["train"].as_default(step=state.step):
                tf.summary.scalar("learning_rate", state.learning_rate)
                tf.summary.scalar("loss/loss", state.loss)
                if state.data_wait is not None:
                    tf.summary.scalar("data_wait", state.data_wait)
            self._writers["train"].flush()
        if state.validation is None:
            return
        measured = state.validation.scores
        with self._writers["validation"].as_default(step=state.step):
            tf.summary.scalar("loss/loss", state.validation.loss)
            tf.summary.scalar("metrics/mean_iou", measured.mean_iou)
            tf.summary.scalar("metrics/pixel_accuracy", measured.pixel_accuracy)
            for name, value in zip(state.dataset.classes, measured.iou, strict=True):
                if not math.isnan(value):
                    tf.summary.scalar(f"metrics/iou/{name}", value)
        assert state.pictures is not None  # noqa: S101 - drawn before they are recorded
        shown = {"train": state.show(state.dataset.train), "validation": state.pictures}
        for name, by_tag in shown.items():
            with self._writers[name].as_default(step=state.step):
                for tag, images in by_tag.items():
                    tf.summary.image(f"images/{tag}", images, max_outputs=COUNT)
            self._writers[name].flush()
