"""Where a run trains: on one device, on every device of a machine, or on those of several machines at once.

The devices share each batch: every one computes the gradient of its part, the sums of all are what one device would
have got from the whole, and every device keeps the same weights. ``settings.batch_size`` is that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

import keras
from numpy.typing import NDArray

from lmnet import plugins
from lmnet.datasets.base import Dataset
from lmnet.datasets.fingerprint import fingerprint
from lmnet.errors import LmnetError
from lmnet.settings import Settings
from lmnet.training import processes

DEVICE = "GPU"
"""Kind of the devices that TensorFlow spreads a batch over; where there is no GPU, a test makes CPUs of it."""

_PLACES = {"train_path", "validation_path", "warm_start", "plugins"}
"""Settings that say where something lies, which each machine may answer in its own way."""


class Strategy:
    """One device, as Keras uses it by itself; the others build on it.

    Attributes:
        devices: how many share a batch, those of all processes together.
        process: number of this process; process 0 writes and reports.
        processes: how many train together.
        synchronized: batch normalization must ask the other devices for their part of the batch.
    """

    devices = 1
    process = 0
    processes = 1
    synchronized = False

    def building(self) -> AbstractContextManager[object]:
        """Return the context in which the network, its optimizer and its loss are made or loaded."""
        return nullcontext()

    def fitting(self) -> AbstractContextManager[object]:
        """Return the context of the training loop."""
        return nullcontext()

    def alone(self) -> AbstractContextManager[object]:
        """Return the context, inside the loop, of what this process does on one device by itself."""
        return nullcontext()

    def prepare(self, model: keras.Model) -> None:
        """Make a network, new or loaded, ready for these devices, whichever it was trained on before."""
        model.jit_compile = keras.backend.backend() == "jax"  # XLA makes TensorFlow's step slower
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = self.synchronized

    def rows(self, batch: int) -> slice:
        """Return the samples of a batch that this process prepares."""
        return slice(None)

    def total(self, values: NDArray) -> NDArray:
        """Return the sum over the processes of an array that each has in the same shape; every process must ask."""
        return values

    def fetch(self, folder: Path | None, into: Path) -> Path | None:
        """Return a checkpoint of process 0 where this process can read it: for the others a copy below ``into``."""
        return folder

    def together(self) -> AbstractContextManager[object]:
        """Return the context of what must go well in every process, else it raises LmnetError in every process."""
        return nullcontext()

    def check_same(self, settings: Settings, dataset: Dataset) -> None:
        """Raise LmnetError, in every process, where not all have the same settings and the same dataset."""


class _Mirrored(Strategy):
    """Several devices of this machine, by TensorFlow."""

    synchronized = True

    def __init__(self, names: tuple[str, ...]) -> None:
        import tensorflow as tf

        self.devices = len(names)
        self._mirrored = tf.distribute.MirroredStrategy(names)

    def building(self) -> AbstractContextManager[object]:
        return self._mirrored.scope()


class _Parallel(Strategy):
    """Several devices, of one process or of several, by JAX: an op sees the whole batch."""

    def __init__(self) -> None:
        import jax

        self._parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        self.process, self.processes = jax.process_index(), jax.process_count()
        owners = [device.process_index for device in jax.devices()]
        self.devices = len(owners)
        if len({owners.count(process) for process in owners}) > 1:
            counted = ", ".join(str(owners.count(process)) for process in range(self.processes))
            raise LmnetError(
                "The processes have different numbers of devices.",
                expected="as many in each",
                received=counted,
                fix="CUDA_VISIBLE_DEVICES=0,1 leaves a process two of its machine's",
            )

    def building(self) -> AbstractContextManager[object]:
        return self._parallel.scope()

    def fitting(self) -> AbstractContextManager[object]:
        return self._parallel.scope()

    @contextmanager
    def alone(self) -> Iterator[None]:
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(self._parallel)

    def rows(self, batch: int) -> slice:
        own = batch // self.processes
        return slice(self.process * own, (self.process + 1) * own)


class _Joined(_Parallel):
    """The devices of several processes that have joined."""

    def total(self, values: NDArray) -> NDArray:
        return processes.gather(values).sum(axis=0)

    def fetch(self, folder: Path | None, into: Path) -> Path | None:
        return processes.copy_from_first(folder, into)

    def together(self) -> AbstractContextManager[object]:
        return processes.together()

    def check_same(self, settings: Settings, dataset: Dataset) -> None:
        processes.check_same("config", settings.model_dump_json(exclude=_PLACES).encode())
        processes.check_same("plugins", plugins.sources(settings.plugins))
        processes.check_same("dataset", fingerprint(dataset))


def open_strategy(batch: int) -> Strategy:
    """Return the strategy of this process: every device that the backend sees, of all processes that it has joined.

    Args:
        batch: samples of a step, to be shared out equally.

    Raises:
        LmnetError: the devices cannot share the batch equally.
    """
    found = _OPEN.get(keras.backend.backend(), Strategy)()
    if batch % found.devices:
        more = -(-batch // found.devices) * found.devices
        raise LmnetError(
            f"{found.devices} devices cannot share a batch of {batch} equally.",
            where="BATCH_SIZE",
            expected=f"a multiple of {found.devices}",
            received=str(batch),
            fix=f"batch_size={more}, or fewer devices: CUDA_VISIBLE_DEVICES=0 leaves one",
        )
    return found


def _in_tensorflow() -> Strategy:
    import tensorflow as tf

    names = tuple(device.name for device in tf.config.list_logical_devices(DEVICE))
    return _mirrored(names) if len(names) > 1 else Strategy()


@cache
def _mirrored(names: tuple[str, ...]) -> Strategy:
    """Return one strategy for all runs of this process: the sums of a second one would get the numbers of the first."""
    return _Mirrored(names)


def _in_jax() -> Strategy:
    import jax

    if jax.process_count() > 1:
        return _Joined()
    return _Parallel() if jax.device_count() > 1 else Strategy()


_OPEN: dict[str, Callable[[], Strategy]] = {"tensorflow": _in_tensorflow, "jax": _in_jax}
"""Backend of Keras to what opens its strategy; any other backend trains on one device."""

__all__ = ["DEVICE", "Strategy", "open_strategy"]
