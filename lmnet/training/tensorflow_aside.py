"""TensorFlow for what Keras does not do: records and graphs. Beside another backend it leaves the GPUs to that."""

from __future__ import annotations

import keras
import tensorflow as tf

if keras.backend.backend() != "tensorflow":
    tf.config.set_visible_devices([], "GPU")

__all__ = ["tf"]
