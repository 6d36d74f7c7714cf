"""Repeatable runs: seeds, and kernels that always add in the same order."""

from __future__ import annotations

import keras
import tensorflow as tf


def make_repeatable(seed: int) -> None:
    """Seed everything that draws numbers; without a GPU, also let TensorFlow use deterministic kernels only.

    On a CPU this costs nothing that can be measured; on a GPU some kernels would become much slower.
    """
    keras.utils.set_random_seed(seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
