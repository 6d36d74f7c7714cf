"""How the weights follow the gradient, by name."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras.optimizers.schedules import LearningRateSchedule

OPTIMIZERS: dict[str, Callable[[LearningRateSchedule, float | None], keras.optimizers.Optimizer]] = {
    "Momentum": lambda schedule, decay: keras.optimizers.SGD(schedule, momentum=0.9, weight_decay=decay),
    "Adam": lambda schedule, decay: keras.optimizers.Adam(
        schedule, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=decay
    ),
}
"""Name to optimizer of (learning rate, weight decay or None). The decay is decoupled from the gradient: Adam with it is
AdamW of Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
"""
