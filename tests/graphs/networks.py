"""The networks of the original Blueoil, layer by layer and as wide as there, frozen by TensorFlow's v1 API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tensorflow as tf
from v1_graphs import Net, resnet

v1 = tf.compat.v1
_CLASSES = 10
_ANCHORS, _OBJECTS = 5, 1


def _max_pool(x: Any) -> Any:
    return v1.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")


def _deeper(x: Any) -> Any:
    return tf.nn.space_to_depth(x, 2)


def _mean_and_softmax(net: Net) -> None:
    rows, columns = int(net.x.shape[1]), int(net.x.shape[2])
    net.then(lambda x: v1.nn.avg_pool(x, [1, rows, columns, 1], [1, rows, columns, 1], "VALID"))
    net.then(tf.reshape, [-1, _CLASSES])
    net.then(tf.nn.softmax)


def lmnet_v0(widths: Sequence[int] = (32, 64, 128, 256, 256)) -> bytes:
    """Return LmnetV0: a max pool behind all but the last block."""
    with Net((32, 32), batch=None) as net:
        for number, outputs in enumerate(widths, 1):
            net.block(f"conv{number}", outputs, quantized=number > 1)
            if number < len(widths):
                net.then(_max_pool)
        with v1.variable_scope(f"conv{len(widths) + 1}"):
            net.conv(_CLASSES, 1, quantized=False, bias=True)
        _mean_and_softmax(net)
    return net.frozen()


def lmnet_v1(down: str = "s2d", *, groups: int = 1, channel_wise: bool = False) -> bytes:
    """Return LmnetV1: down is s2d, pool or stride; groups: of conv3, conv4 and conv5, by Split and Concat."""
    with Net((32, 32), channel_wise=channel_wise) as net:

        def block(name: str, outputs: int, *, shrink: bool = False) -> None:
            stride = 2 if shrink and down == "stride" else 1
            parts, made = tf.split(net.x, groups, axis=3) if name in grouped else [net.x], []
            for number, part in enumerate(parts):
                net.x = part
                net.block(f"{name}/group{number}" if len(parts) > 1 else name, outputs // len(parts), stride=stride)
                made.append(net.x)
            net.x = tf.concat(made, 3) if len(made) > 1 else made[0]
            if shrink and down != "stride":
                net.then(_max_pool if down == "pool" else _deeper)

        grouped = ("conv3", "conv4", "conv5") if groups > 1 else ()
        block("conv1", 32)
        block("conv2", 64, shrink=True)
        block("conv3", 128)
        block("conv4", 64, shrink=True)
        block("conv5", 128, shrink=True)
        with v1.variable_scope("conv6"):
            net.conv(64, 1)
            net.norm()
            net.then(tf.nn.relu)
        with v1.variable_scope("conv7"):
            net.conv(_CLASSES, 1, quantized=False, bias=True)
        _mean_and_softmax(net)
    return net.frozen()


def lmf_yolo() -> bytes:
    """Return LMFYolo on a picture of 64x64."""
    with Net((64, 64)) as net:

        def branch(name: str, outputs: int, block: int) -> None:
            after = net.x
            net.block(f"{name}_1x1", outputs, 1)
            net.then(tf.nn.space_to_depth, block)
            early.insert(0, net.x)
            net.x = after

        early: list[Any] = []
        net.block("block_1", 32, 1, quantized=False)
        sides = {4: (4, 8), 5: (16, 4), 6: (32, 2)}
        for number, outputs in zip(range(2, 7), (8, 16, 32, 64, 128), strict=True):
            net.block(f"block_{number}", outputs)
            if number in sides:
                branch(f"block_{number}", *sides[number])
            net.then(_deeper)
        net.block("block_7", 128)
        seventh = net.x
        net.block("block_8", 256)
        net.x = tf.concat([net.x, seventh, *early], 3)
        for number, outputs in zip(range(9, 14), (256, 128, 256, 128, 256), strict=True):
            net.block(f"block_{number}", outputs)
        with v1.variable_scope("block_last"):
            net.conv((_OBJECTS + 5) * _ANCHORS, 1, quantized=False, bias=True)
    return net.frozen()


NETWORKS: dict[str, Callable[[], bytes]] = {
    "LmnetV0": lmnet_v0,
    "LmnetV1": lmnet_v1,
    "LmnetV1, max pools": partial(lmnet_v1, "pool"),
    "LmnetV1, stride 2, a scale a channel": partial(lmnet_v1, "stride", channel_wise=True),
    "LmnetV1, 2 groups": partial(lmnet_v1, groups=2),
    "ResNet-18": partial(resnet, 64, groups=4, size=(32, 32)),
    "LMFYolo": lmf_yolo,
}
