"""Repeatable runs: seeds, and kernels that always add in the same order."""

from __future__ import annotations

import keras


def make_repeatable(seed: int) -> None:
    """Seed everything that draws numbers; without a GPU, also let TensorFlow use deterministic kernels only.

    On a CPU this costs nothing that can be measured; on a GPU some kernels would become much slower. JAX has no others.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
