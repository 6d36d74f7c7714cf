"""TensorFlow starts with an allocator that reuses memory."""

from __future__ import annotations

import os
import subprocess
import sys

from blueoil.tensorflow_start import ENVIRONMENT

FAULTS = """
import resource
from blueoil import tensorflow_start
tensorflow_start.start()
import tensorflow as tf

data = tf.data.Dataset.from_generator(lambda: iter([1.0]), output_signature=tf.TensorSpec((), tf.float32))
(one,) = data
x = tf.fill((1 << 22,), one)  # 16 MiB
for _ in range(3):
    y = tf.sqrt(x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    y = tf.sqrt(x)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_tensors_take_the_memory_of_those_before_them() -> None:
    free = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    done = subprocess.run([sys.executable, "-c", FAULTS], env=free, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4096, "the pages of one tensor of the twenty"
