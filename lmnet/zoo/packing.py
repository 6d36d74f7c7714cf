"""Pack a trained network into a small file and rebuild it: one bit and its share of a scale for a binary weight.

A binary kernel is kept as ``LAYER/kernel/signs`` (uint8, bits in C order, 1 for +1) and ``LAYER/kernel/scales``
(float32 [1], or [C] with one scale an output channel), every other weight as ``LAYER/WEIGHT`` (float32). The rebuilt
kernel has other magnitudes than the trained one, but the same signs and the same scales to the last bit: the two
networks compute the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lmnet import networks
from lmnet.errors import LmnetError
from lmnet.layers import QuantizedConv2D
from lmnet.quantizers import BinaryQuantizer
from lmnet.settings import Settings
from lmnet.zoo.archive import Archive, Facts, parse, read, to_bytes, unreadable
from lmnet.zoo.kernels import pack_kernel, unpack_kernel

SIGNS, SCALES = "signs", "scales"


def pack(model: keras.Model, settings: Settings, classes: Sequence[str], facts: Facts) -> bytes:
    """Return the content of a file from which ``unpack`` makes a network that computes the same, bit for bit.

    Args:
        model: trained network.
        settings: of its run.
        classes: class names in the order of the outputs.
        facts: what is known of it.

    Raises:
        LmnetError: the rebuilt network would differ.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, weight, quantizer in _weights(model):
        values = np.asarray(weight, np.float32)
        if quantizer is None:
            arrays[name] = values
            continue
        arrays[f"{name}/{SIGNS}"], arrays[f"{name}/{SCALES}"] = pack_kernel(values, quantizer)
    data = to_bytes(Archive(settings, tuple(classes), facts, arrays))
    rebuilt = _rebuild(parse(data, Path("the packed network")))
    for (name, ours, quantizer), (_, theirs, _) in zip(_weights(model), _weights(rebuilt), strict=True):
        before, after = (np.asarray(weight) for weight in (ours, theirs))
        if quantizer is not None:
            before, after = (np.asarray(quantizer(kernel)) for kernel in (before, after))
        if not np.array_equal(before, after):
            raise LmnetError(f"The network cannot be packed: {name} would not be the same afterwards.", where=name)
    return data


def unpack(file: Path) -> tuple[keras.Model, Settings, tuple[str, ...], Facts]:
    """Return the network of a file, in float32, with its settings, classes and facts.

    Raises:
        LmnetError: the file cannot be used.
    """
    archive = read(file)
    try:
        model = _rebuild(archive)
    except ValueError as error:
        raise unreadable(file, str(error)) from error
    return model, archive.settings, archive.classes, archive.facts


def _weights(model: keras.Model) -> Iterator[tuple[str, keras.Variable, BinaryQuantizer | None]]:
    """Yield each weight with its name in the file, and the quantizer where it is a binary kernel."""
    for layer in model.layers:
        quantizer = layer.kernel_quantizer if isinstance(layer, QuantizedConv2D) else None
        for weight in layer.weights:
            yield f"{layer.name}/{weight.name}", weight, quantizer if isinstance(quantizer, BinaryQuantizer) else None


def _rebuild(archive: Archive) -> keras.Model:
    """Return the network; ValueError where the arrays are not its weights."""
    model = networks.build(archive.settings, len(archive.classes))
    left = dict(archive.arrays)
    for name, weight, quantizer in _weights(model):
        parts = [name] if quantizer is None else [f"{name}/{SIGNS}", f"{name}/{SCALES}"]
        if absent := [part for part in parts if part not in left]:
            raise ValueError(f"it lacks {', '.join(absent)}")
        found = [left.pop(part) for part in parts]
        try:
            values = found[0] if quantizer is None else unpack_kernel(found[0], found[1], weight.shape, quantizer)
            if values.shape != tuple(weight.shape) or values.dtype != np.float32:
                raise ValueError(f"it is {values.dtype} {list(values.shape)}, not {list(weight.shape)}")
        except ValueError as error:
            raise ValueError(f"{name} does not fit: {error}") from error
        weight.assign(values)
    if left:
        raise ValueError(f"{archive.settings.network} has no {', '.join(sorted(left))}")
    return model
