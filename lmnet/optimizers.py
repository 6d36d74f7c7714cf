"""How the weights follow the gradient, by name."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras.optimizers.schedules import LearningRateSchedule

OPTIMIZERS: dict[str, Callable[[LearningRateSchedule], keras.optimizers.Optimizer]] = {
    "Momentum": lambda schedule: keras.optimizers.SGD(schedule, momentum=0.9),
    "Adam": lambda schedule: keras.optimizers.Adam(schedule, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
}
