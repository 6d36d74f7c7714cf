"""TensorBoard records under ``tensorboard/train`` and ``tensorboard/validation``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lmnet.datasets.base import Split
from lmnet.processors.overlay import overlay
from lmnet.processors.palette import class_colors, paint
from lmnet.processors.post import class_map
from lmnet.processors.pre import PRE_PROCESSORS
from lmnet.training.callbacks.base import StepCallback
from lmnet.training.state import TrainingState

PICTURES = 3


class TensorBoard(StepCallback):
    """Scalars at each summary, scores and pictures at each validation."""

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
        for name, split in (("train", state.dataset.train), ("validation", state.dataset.validation)):
            with self._writers[name].as_default(step=state.step):
                for tag, pictures in self._pictures(split).items():
                    tf.summary.image(f"images/{tag}", pictures, max_outputs=PICTURES)
            self._writers[name].flush()

    def _pictures(self, split: Split) -> dict[str, NDArray[np.uint8]]:
        """Return uint8 [N,H,W,3] by tag, of the first images of a split, not augmented."""
        samples = [split.load(i) for i in range(min(PICTURES, len(split)))]
        state = self.state
        preprocess = PRE_PROCESSORS[state.settings.preprocessor]
        assert state.evaluator is not None  # noqa: S101 - validation comes before its records
        classes = class_map(state.evaluator.predict_on_batch(np.stack([preprocess(s.image) for s in samples])))
        colors = class_colors(state.dataset.classes)
        return {
            "input": np.stack([s.image for s in samples]),
            "labels": np.stack([paint(s.mask, colors) for s in samples]),
            "prediction": np.stack([paint(c, colors) for c in classes]),
            "overlap": np.stack([overlay(s.image, c, colors) for s, c in zip(samples, classes, strict=True)]),
        }
