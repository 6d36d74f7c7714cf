"""Measure the whole validation split, exactly: every image once, void pixels left out."""

from __future__ import annotations

import time

import keras
import numpy as np

from lmnet import networks
from lmnet.datasets.feeder import validation_batches
from lmnet.metrics.confusion import confusion_matrix
from lmnet.metrics.iou import scores
from lmnet.processors.post import class_map
from lmnet.training.callbacks.base import StepCallback
from lmnet.training.events import Validated
from lmnet.training.state import TrainingState, Validation


class Validate(StepCallback):
    """Runs every ``test_steps`` steps and after the last one; remembers the best mIoU.

    Processes that train together measure a share of the images each; all know the result.
    """

    def after_step(self) -> None:
        """Validate when it is time."""
        state = self.state
        if state.step % state.settings.test_steps and not state.is_last_step:
            return
        begin = time.monotonic()
        state.validation = validate(self.model, self._network(), state)
        state.validation_seconds = time.monotonic() - begin
        state.mean_iou = state.validation.scores.mean_iou
        state.is_best = state.best_mean_iou is None or state.mean_iou > state.best_mean_iou
        state.validations_since_best += 1
        if state.is_best:
            state.best_mean_iou, state.validations_since_best = state.mean_iou, 0

    def _network(self) -> keras.Model:
        """Return the network that validation runs, with the weights of this step."""
        state = self.state
        if state.evaluator is None:
            several = state.strategy.devices > 1
            classes = len(state.dataset.classes)
            state.evaluator = networks.at_image_size(self.model, state.settings, classes, copy=several)
        elif state.evaluator is not self.model:
            state.evaluator.set_weights(self.model.get_weights())
        return state.evaluator


class TellValidation(StepCallback):
    """Comes after all records of a validation: whoever is told finds them."""

    def after_step(self) -> None:
        """Report the validation of this step."""
        state = self.state
        if state.validation is not None:
            state.report(Validated(state.step, state.validation.scores, state.dataset.classes, state.is_best))


def validate(model: keras.Model, network: keras.Model, state: TrainingState) -> Validation:
    """Return scores and mean loss of a network over the validation split; ``model`` knows the loss."""
    classes, split, strategy = len(state.dataset.classes), state.dataset.validation, state.strategy
    matrix = np.zeros((classes, classes), np.int64)
    loss = 0.0
    share = slice(strategy.process, None, strategy.processes)
    for images, masks in validation_batches(split, state.settings, state.settings.batch_size, share):
        logits = network.predict_on_batch(images)
        matrix += confusion_matrix(masks, class_map(logits), classes)
        loss += float(model.loss(masks, logits)) * len(images)
    return Validation(scores(strategy.total(matrix)), float(strategy.total(np.array(loss))) / len(split))
