"""Graphs as the original Blueoil froze them: TensorFlow's v1 API, quantizers as functions of the graph's library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework import function

v1 = tf.compat.v1


def _plus_minus(x: Any) -> Any:
    return tf.where(x >= 0, tf.ones_like(x), -tf.ones_like(x))


def _quantizers(names: Sequence[str], sign: Callable[[Any], Any]) -> tuple[Callable[..., Any], ...]:
    """Return (one scale, one scale a channel, activation) as functions of these names in the default graph."""

    @function.Defun(tf.float32, func_name=names[0])
    def per_tensor(x: Any) -> Any:
        return sign(x) * tf.reduce_mean(tf.abs(x))

    @function.Defun(tf.float32, func_name=names[1])
    def per_channel(x: Any) -> Any:
        return sign(x) * tf.reduce_mean(tf.abs(x), axis=[0, 1, 2])

    @function.Defun(tf.float32, tf.int32, tf.float32, func_name=names[2])
    def linear(x: Any, bit: Any, top: Any) -> Any:
        n = tf.pow(2.0, tf.cast(bit, tf.float32)) - 1.0
        return tf.floor(tf.clip_by_value(x, 0.0, top) / top * n + 0.5) / n * top

    return per_tensor, per_channel, linear


def _shaped(made: Any, like: Any) -> Any:
    made.set_shape(like.shape)
    return made


NEW = ("BinaryMeanScalingQuantizer", "BinaryChannelWiseMeanScalingQuantizer", "LinearMidTreadHalfQuantizer")
OLD = ("QTZ_binary_mean_scaling", "QTZ_binary_channel_wise_mean_scaling", "QTZ_linear_mid_tread_half")


class Net:
    """Builds a frozen graph; each method continues ``x``."""

    def __init__(
        self,
        size: tuple[int, int],
        *,
        names: Sequence[str] = NEW,
        channel_wise: bool = False,
        sign: Callable[[Any], Any] = _plus_minus,
        batch: int | None = 1,
        nchw: bool = False,
        seed: int = 0,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = tf.Graph()
        self.nchw = nchw
        self.format = "NCHW" if nchw else "NHWC"
        with self.graph.as_default():
            self.per_tensor, self.per_channel, self.linear = _quantizers(names, sign)
            shape = [batch, 3, *size] if nchw else [batch, *size, 3]
            self.x = v1.placeholder(tf.float32, shape, "images_placeholder")
        self.binary = self.per_channel if channel_wise else self.per_tensor

    @property
    def channels(self) -> int:
        return int(self.x.shape[1 if self.nchw else 3])

    def _frozen(self, values: NDArray[Any], name: str) -> Any:
        return tf.identity(tf.constant(np.asarray(values, np.float32), name=name), name=f"{name}/read")

    def kernel(self, rows: int, channels: int, outputs: int, *, quantized: bool, zeros: int = 0) -> Any:
        values = self.rng.normal(size=(rows, rows, channels, outputs)) * np.sqrt(2 / (rows * rows * channels))
        values.flat[:zeros] = 0
        read = self._frozen(values, "kernel")
        return _shaped(self.binary(read), read) if quantized else read

    def conv(
        self, outputs: int, k: int = 3, *, stride: int = 1, quantized: bool = True, bias: bool = False, zeros: int = 0
    ) -> None:
        strides = [1, 1, stride, stride] if self.nchw else [1, stride, stride, 1]
        kernel = self.kernel(k, self.channels, outputs, quantized=quantized, zeros=zeros)
        self.x = v1.nn.conv2d(self.x, kernel, strides, "SAME", data_format=self.format)
        if bias:
            values = self._frozen(self.rng.normal(0, 0.2, outputs), "bias")
            self.x = v1.nn.bias_add(self.x, values, data_format=self.format)

    def norm(self, scale: float = 1.0, epsilon: float = 1e-3) -> None:
        """Statistics near those of the sums, as training leaves them; one gamma in five is negative."""
        c = self.channels
        gamma = self.rng.uniform(0.5, 1.5, c) * self.rng.choice([-1, 1, 1, 1, 1], c)
        vectors = {
            "gamma": gamma,
            "beta": self.rng.uniform(0.2, 1.2, c),
            "moving_mean": self.rng.normal(0, 0.3, c) * scale,
            "moving_variance": self.rng.uniform(0.3, 1.5, c) * scale,
        }
        parts = [self._frozen(value, name) for name, value in vectors.items()]
        self.x = v1.nn.fused_batch_norm(self.x, *parts, epsilon=epsilon, is_training=False, data_format=self.format)[0]

    def quantize(self, bits: int = 2, top: float = 2.0) -> None:
        arguments = tf.constant(bits, name="bit"), tf.constant(top, name="max_value")
        self.x = _shaped(self.linear(self.x, *arguments), self.x)

    def block(self, name: str, outputs: int, k: int = 3, **facts: Any) -> None:
        """Convolution, normalisation, quantizer."""
        with v1.variable_scope(name):
            self.conv(outputs, k, **facts)
            self.norm()
            self.quantize()

    def then(self, function: Callable[..., Any], *arguments: Any, **facts: Any) -> None:
        """Apply an operator of TensorFlow."""
        self.x = function(self.x, *arguments, **facts)

    def frozen(self) -> bytes:
        """Return the file, with ``output`` as the last node."""
        with self.graph.as_default():
            tf.identity(self.x, name="output")
        return self.graph.as_graph_def().SerializeToString()

    def __enter__(self) -> Net:
        self._entered = self.graph.as_default()
        self._entered.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        self._entered.__exit__(*reason)


def segnet(size: tuple[int, int] = (16, 24), *, classes: int = 5, zeros: int = 0, **facts: Any) -> bytes:
    """Return a small LmSegnetV1: quantized throughout, moves between space and depth. zeros: weights of conv2."""
    with Net(size, **facts) as net:
        s2d, d2s = (
            lambda x: tf.nn.space_to_depth(x, 2, data_format=net.format),
            lambda x: tf.nn.depth_to_space(x, 2, data_format=net.format),
        )
        net.then(s2d)
        net.block("conv1", 8, 1)
        net.then(s2d)
        net.block("conv2", 16, zeros=zeros)
        net.then(d2s)
        net.block("conv3", 16)
        net.then(d2s)
        net.block("conv4", classes)
    return net.frozen()


def classifier(size: tuple[int, int] = (16, 16), *, down: str = "s2d", classes: int = 10, **facts: Any) -> bytes:
    """Return a small LmnetV1: down is s2d, pool or stride; the last layer computes in float."""
    with Net(size, **facts) as net:

        def shrink() -> None:
            if down == "pool":
                net.then(lambda x: v1.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"))
            elif down == "s2d":
                net.then(lambda x: tf.nn.space_to_depth(x, 2))

        net.block("conv1", 8)
        net.block("conv2", 16, stride=2 if down == "stride" else 1)
        shrink()
        net.block("conv3", 16)
        shrink()
        net.block("conv5", 16)
        with v1.variable_scope("conv6"):
            net.conv(16, 1)
            net.norm()
            net.then(tf.nn.relu)
        with v1.variable_scope("conv7"):
            net.conv(classes, 1, quantized=False, bias=True)
        rows, columns = int(net.x.shape[1]), int(net.x.shape[2])
        net.then(lambda x: v1.nn.avg_pool(x, [1, rows, columns, 1], [1, rows, columns, 1], "VALID"))
        net.then(tf.reshape, [-1, classes])
        net.then(tf.nn.softmax)
    return net.frozen()


def _pool(x: Any, k: int = 2, mean: bool = False) -> Any:
    pool = v1.nn.avg_pool if mean else v1.nn.max_pool
    return pool(x, [1, k, k, 1], [1, k, k, 1], "VALID" if mean else "SAME")


def lmnet_v0(classes: int = 10) -> bytes:
    """Return a small LmnetV0: max pools, and a shape that the graph itself computes."""
    with Net((16, 16), batch=None) as net:
        for number, outputs in enumerate((8, 16, 16), 1):
            net.block(f"conv{number}", outputs, quantized=number > 1)
            net.then(_pool)
        with v1.variable_scope("conv4"):
            net.conv(classes, 1, quantized=False, bias=True)
        net.then(_pool, 2, mean=True)
        net.then(lambda x: tf.reshape(x, [v1.shape(x)[0], int(np.prod(x.shape[1:]))]))
        net.then(tf.nn.softmax)
    return net.frozen()


def grouped(*, joined_first: bool) -> bytes:
    """Return a network whose second convolution is two, by Split and Concat; the concat before or behind its BN."""
    with Net((16, 16)) as net:
        net.block("conv1", 16)
        net.then(tf.nn.space_to_depth, 2)
        parts, made = tf.split(net.x, 2, axis=3), []
        for number, part in enumerate(parts):
            net.x = part
            with v1.variable_scope(f"conv2/group{number}"):
                net.conv(16)
                if not joined_first:
                    net.norm()
                    net.quantize()
            made.append(net.x)
        net.x = tf.concat(made, 3)
        if joined_first:
            with v1.variable_scope("conv2"):
                net.norm()
                net.quantize()
        net.block("conv3", 5)
    return net.frozen()


def resnet(width: int = 8, classes: int = 10, *, groups: int = 2, size: tuple[int, int] = (16, 16)) -> bytes:
    """Return a pre-activation ResNet: residual sums of floats, stride 2 by space_to_depth, a wider shortcut."""
    with Net(size) as net:
        with v1.variable_scope("first"):
            net.conv(width, quantized=False)
        for group in range(groups):
            for block in range(2):
                with v1.variable_scope(f"group{group}/block{block}"):
                    _residual(net, width * 2**group, down=group > 0 and block == 0)
        with v1.variable_scope("last"):
            net.norm()
            net.then(tf.nn.relu)
        net.then(tf.reduce_mean, [1, 2])
        net.then(tf.matmul, net._frozen(net.rng.normal(size=(width << (groups - 1), classes)) * 0.3, "fc"))
        net.then(tf.nn.bias_add, net._frozen(net.rng.normal(size=classes), "fc_bias"))
        net.then(tf.nn.softmax)
    return net.frozen()


def _residual(net: Net, outputs: int, *, down: bool) -> None:
    shortcut = net.x
    with v1.variable_scope("bn1"):
        net.norm()
        net.quantize()
    if down:
        net.then(tf.nn.space_to_depth, 2)
        missing = outputs - int(shortcut.shape[3])
        around = [[0, 0], [0, 0], [0, 0], [missing // 2, missing - missing // 2]]
        shortcut = tf.pad(_pool(shortcut, 2, mean=True), around)
    with v1.variable_scope("conv1"):
        net.conv(outputs)
    with v1.variable_scope("bn2"):
        net.norm()
        net.quantize()
    with v1.variable_scope("conv2"):
        net.conv(outputs)
    net.x = net.x + shortcut


def yolo() -> bytes:
    """Return a small LMFYolo: branches that are moved to one size and joined, leaky rectifiers, a float last layer."""
    with Net((16, 16), channel_wise=True) as net:
        with v1.variable_scope("block_1"):
            net.conv(8, 1, quantized=False)
            net.norm()
            net.then(lambda x: tf.maximum(x * 0.1, x))
            net.quantize()
        early = []
        for number, outputs in ((2, 4), (3, 8), (4, 8)):
            net.block(f"block_{number}", outputs)
            after = net.x
            net.block(f"block_{number}_1x1", 4, 1)
            net.then(tf.nn.space_to_depth, 16 >> number - 1)
            early.append(net.x)
            net.x = after
            net.then(tf.nn.space_to_depth, 2)
        net.block("block_7", 16)
        late = net.x
        net.block("block_8", 16)
        net.x = tf.concat([net.x, late, *early[::-1]], 3)
        with v1.variable_scope("block_13"):
            net.conv(16)
            net.norm()
            net.then(tf.nn.leaky_relu, 0.1)
        with v1.variable_scope("block_last"):
            net.conv(30, 1, quantized=False, bias=True)
    return net.frozen()


def spreading() -> bytes:
    """Return a network that moves blocks of 4 to depth and back, and repeats pixels, as pose networks do."""
    with Net((16, 16)) as net:
        net.block("conv1", 8)
        net.then(tf.nn.space_to_depth, 4)
        net.block("conv2", 32)
        net.then(tf.nn.depth_to_space, 4)
        net.block("conv3", 6)
        net.then(v1.image.resize_nearest_neighbor, [32, 32])
        net.block("conv4", 5)
    return net.frozen()
