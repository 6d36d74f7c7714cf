"""Start a network from the weights of another one: its float twin, or the same network on other data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from lmnet import networks
from lmnet.datasets.base import Dataset
from lmnet.errors import LmnetError
from lmnet.schedules import make_schedule
from lmnet.settings import Settings
from lmnet.training import checkpoints


def copy_weights(path: Path, model: keras.Model, classes: Sequence[str]) -> None:
    """Give a network the weights of a checkpoint, layer by layer of the same name.

    Where the checkpoint learned other classes, layers of another shape keep their new weights: those depend on the
    number of classes.

    Args:
        path: folder of the checkpoint, ``save.ckpt-N``.
        model: changed in place.
        classes: those that the network shall learn.

    Raises:
        LmnetError: the checkpoint cannot be read, or its network is another one.
    """
    source, state = checkpoints.load(path, compiled=False)
    known = {layer.name: layer.get_weights() for layer in source.layers}
    other_classes = state.classes != tuple(classes)
    strange = []
    for layer in model.layers:
        wanted, found = layer.get_weights(), known.get(layer.name, [])
        if [weight.shape for weight in wanted] == [weight.shape for weight in found]:
            layer.set_weights(found)
        elif not (other_classes and found):
            strange.append(layer.name)
    if strange:
        raise LmnetError(
            f"The network cannot start from the checkpoint {path.name}.",
            where=str(path),
            expected=f"the layers of {model.name}",
            received=f"{state.network}, where {_differing(strange)}",
            fix=f"take a checkpoint of {model.name} or of its float twin as WARM_START, or none",
        )


def check_twin(settings: Settings, twin: Settings, dataset: Dataset) -> None:
    """See before the float twin is trained that it can be, and that the network can start from it.

    Args:
        settings: of the network's run.
        twin: of the float twin's run before it.
        dataset: of both.

    Raises:
        LmnetError: the twin's run is too short for the schedule, or layers of one name differ in their weights.
    """
    try:
        make_schedule(twin, len(dataset.train))
    except LmnetError as error:
        error.where = f"the run of the float twin, FLOAT_START {settings.float_start:g}"
        raise
    float_layers, layers = (_shapes(each, len(dataset.classes)) for each in (twin, settings))
    if strange := [name for name, shapes in layers.items() if float_layers.get(name) != shapes]:
        raise LmnetError(
            f"{settings.network} cannot start from its float twin {twin.network}.",
            where="FLOAT_START",
            expected="layers of the same names with weights of the same shapes in both",
            received=_differing(strange),
            fix="float_start=0, or the same layers whether the network is quantized or not",
        )


def _shapes(settings: Settings, classes: int) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes of the weights of each layer that has any."""
    layers = networks.at_train_size(settings, classes).layers
    return {layer.name: [weight.shape for weight in layer.weights] for layer in layers if layer.weights}


def _differing(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'differ' if len(names) > 1 else 'differs'}"
