"""The same topology in float32 and int8 for LiteRT, with the plain operators that suit it best.

Latency does not depend on the weights, so they are random. Space/depth moves are TensorFlow's own operators here, which
the peer runs natively; folded batch norm, ReLU and per-channel int8 are what its converter makes of the network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blueoil.bench.topology import OUTPUT_KERNEL, TOPOLOGY

CALIBRATION_IMAGES = 3


@dataclass(frozen=True, slots=True)
class LiteRtModels:
    """The network as two TFLite flat buffers."""

    float32: bytes
    int8: bytes


def litert_models(height: int, width: int, classes: int) -> LiteRtModels:
    """Build LmSegnetV1 with random weights and convert it for LiteRT, in float32 and calibrated int8."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "model")
        _keras_network(height, width, classes).export(saved, verbose=False)

        def calibration() -> Iterator[list[NDArray[np.float32]]]:
            for _ in range(CALIBRATION_IMAGES):
                yield [rng.standard_normal((1, height, width, 3)).astype(np.float32)]

        plain = tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert()
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return LiteRtModels(plain, converter.convert())


def _keras_network(height: int, width: int, classes: int):  # type: ignore[no-untyped-def]
    import keras
    import tensorflow as tf

    class Move(keras.layers.Layer):
        def __init__(self, move: str) -> None:
            super().__init__()
            self.operator = {"down": tf.nn.space_to_depth, "up": tf.nn.depth_to_space}[move]

        def call(self, x):  # type: ignore[no-untyped-def]
            return self.operator(x, 2)

    def conv(x, filters: int, kernel: int):  # type: ignore[no-untyped-def]
        x = keras.layers.Conv2D(filters, kernel, padding="same", use_bias=False)(x)
        return keras.layers.BatchNormalization(epsilon=1e-3)(x)

    image = x = keras.Input((height, width, 3), batch_size=1)
    for part in TOPOLOGY:
        x = Move(part)(x) if isinstance(part, str) else keras.layers.ReLU()(conv(x, *part))
    return keras.Model(image, conv(x, classes, OUTPUT_KERNEL))
