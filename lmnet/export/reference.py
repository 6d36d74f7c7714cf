"""Golden tensors: what the frozen graph itself computes on real images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lmnet.export.channels_last import computable
from lmnet.export.names import INPUT, OUTPUT
from lmnet.layers import QuantizedActivation
from lmnet.processors.pre import PRE_PROCESSORS
from lmnet.quantizers import ActivationQuantizer

_PADDINGS = ("Pad", "PadV2")


def golden_tensors(
    graph_file: Path, model: keras.Model, images: NDArray[np.uint8], preprocessor: str
) -> dict[str, NDArray]:
    """Return the arrays of reference.npz.

    Args:
        graph_file: the frozen graph, run as it lies on disk.
        model: its network, which knows the activation quantizers.
        images: uint8 [N,H,W,3] at the network's size.
        preprocessor: name of the pre-processing.

    Returns:
        ``images`` uint8 [N,H,W,3], ``input`` float32 [N,H,W,3], ``codes/<block>`` uint8 [N,h,w,c] of each activation
        quantizer, ``output`` float32 [N,H,W,C].
    """
    quantizers: dict[str, ActivationQuantizer] = {
        layer.name: layer.quantizer for layer in model.layers if isinstance(layer, QuantizedActivation)
    }
    inputs = np.stack([PRE_PROCESSORS[preprocessor](image) for image in images])
    results = [run_graph(graph_file, image[None], [*quantizers, OUTPUT]) for image in inputs]
    tensors: dict[str, NDArray] = {"images": images, "input": inputs}
    for name, quantizer in quantizers.items():
        codes = np.concatenate([quantizer.codes(result[name]) for result in results])
        tensors[f"codes/{name.removesuffix('_act')}"] = codes
    return tensors | {OUTPUT: np.concatenate([result[OUTPUT] for result in results])}


def run_graph(
    graph_file: Path, batch: NDArray[np.float32], nodes: Sequence[str], *, source: str = INPUT
) -> dict[str, NDArray[np.float32]]:
    """Return the values of some nodes of a frozen graph, or of tensors, for a batch float32 [1,H,W,3] of ``source``.

    The graph runs as it is written: TensorFlow's rewrites, which multiply batch norm into the kernels, are off. One of
    oneDNN has no switch after the start, and takes a padding of channels for one of pixels when it puts it into the
    convolution that follows; a padding that is asked for stays.
    """
    as_written = tf.compat.v1.ConfigProto()
    as_written.graph_options.rewrite_options.disable_meta_optimizer = True
    as_written.graph_options.optimizer_options.opt_level = tf.compat.v1.OptimizerOptions.L0
    definition = computable(tf.compat.v1.GraphDef.FromString(graph_file.read_bytes()))
    paddings = _paddings(definition, nodes)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph, config=as_written) as session:
            values = session.run([_tensor(name) for name in (*nodes, *paddings)], {_tensor(source): batch})
    return dict(zip(nodes, values[: len(nodes)], strict=True))


def _paddings(definition: tf.compat.v1.GraphDef, nodes: Sequence[str]) -> list[str]:
    """Return the names of the padding nodes that the values of some nodes, or tensors, are computed from."""
    known = {node.name: node for node in definition.node}
    waiting, seen = list(nodes), set()
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name not in seen:
            seen.add(name)
            waiting += known[name].input
    return [name for name in seen if known[name].op in _PADDINGS]


def _tensor(name: str) -> str:
    """Return the name of a tensor; of a node, that of its first one."""
    return name if ":" in name else f"{name}:0"
