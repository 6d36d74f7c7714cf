"""Sums over the devices that share a batch: what an op must know of the whole batch and sees a part of."""

from __future__ import annotations

import keras
from keras import KerasTensor


def total(x: KerasTensor) -> KerasTensor:
    """Return the sum of a tensor over the replicas of a training step.

    On one device, and in JAX, where an op sees the whole batch however it is spread, that is the tensor itself.
    """
    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return x
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, x)
