"""TensorFlow starts without packages that nothing calls, and with an allocator that reuses memory."""

from __future__ import annotations

import os
import subprocess
import sys

from blueoil.tensorflow_start import ENVIRONMENT

STARTED = """
import gc, resource, sys
from blueoil import tensorflow_start
tensorflow_start.start()
print(*sorted({"cv2", "jax", "matplotlib", "pandas"} & set(sys.modules)), "and", gc.isenabled())
import matplotlib.pyplot
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


def test_starts_light_and_tensors_take_the_memory_of_those_before_them() -> None:
    free = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    done = subprocess.run([sys.executable, "-c", STARTED], env=free, capture_output=True, text=True, check=True)
    packages, faults = done.stdout.splitlines()
    assert packages == "and True"
    assert int(faults) < 4096, "the pages of one tensor of the twenty"
