"""What TensorFlow tells of the memory of GPUs."""

from __future__ import annotations

import keras


def peak_bytes() -> int | None:
    """Return the most memory that tensors took on the GPU that is fullest, so far in this process, bytes.

    None without a GPU, and under another backend than TensorFlow, which is not asked.
    """
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    return max((tf.config.experimental.get_memory_info(gpu.name)["peak"] for gpu in gpus), default=None)
