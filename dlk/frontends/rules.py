"""What a graph must keep to so that it can be converted, in the words that errors and the reference use."""

from __future__ import annotations

from enum import StrEnum

from dlk.ir.ops import DOMAIN, ELEMENTWISE, EXPORT_DOMAIN

WEIGHT_QUANTIZERS = (
    f"{EXPORT_DOMAIN}.BinaryMeanScalingQuantizer",
    f"{EXPORT_DOMAIN}.BinaryChannelWiseMeanScalingQuantizer",
)
ACTIVATION_QUANTIZER = f"{EXPORT_DOMAIN}.LinearMidTreadHalfQuantizer"
KERNEL = f"{DOMAIN}.BinaryKernel"
FLOAT_OPS = ("Relu", "LeakyRelu", "AveragePool", "Softmax", *ELEMENTWISE)
"""Those that compute with floats where no quantizer follows them; a trained network has none."""
EXPORTED_OPS = frozenset(
    {
        "Transpose",
        "Conv",
        "BatchNormalization",
        "SpaceToDepth",
        "DepthToSpace",
        "MaxPool",
        "Concat",
        "Split",
        "Pad",
        KERNEL,
        *FLOAT_OPS,
        *WEIGHT_QUANTIZERS,
        ACTIVATION_QUANTIZER,
    }
)
MAX_BITS = 4
EXACT_SUM = 1 << 24
"""Sums below it are exact in float32, which the tail and the oracles rely on."""


class Rule(StrEnum):
    """One rule each; ``support`` has the function that holds it."""

    OPS = f"the ops are {', '.join(sorted(EXPORTED_OPS))}"
    ATTRIBUTES = "windows have no dilation, convolutions one group; attributes as the export writes them"
    INPUTS = "an op has all its inputs"
    NOT_EMPTY = "a network has layers"
    NAMES = "a layer, the part of a name before the first '/', has one node of each op, one quantizer of weights"
    LAYERS = "every layer but the first reads quantized activations through 1-bit weights"
    FEW_FLOATS = "layers in float do at most half of the multiply-adds behind the first layer"
    ACTIVATIONS = "activations are quantized"
    BITS = f"1 to {MAX_BITS} bits"
    MAX_VALUE = "max_value is positive and finite"
    ORDER = "conv, normalisation, quantizer"
    SUMS = f"n * window * channels is below 2^{EXACT_SUM.bit_length() - 1}"
    STRIDES = "a window moves by 1 or by 2, the same down and across"
    POOLS = "every window of a pool holds a pixel of the image, and pads are smaller than the window"
    FIRST_WINDOW = "a layer that reads the image has an odd square window"
    FIRST_PADDING = "a layer that reads the image has SAME padding"
    FIRST_STRIDE = "a layer that reads the image has stride 1"
    JOINED_CODES = "what pools, joins, parts or pads reads quantized activations"
    JOINED_VALUES = "what is joined has one bit width and one max_value"
    AXIS = "channels are joined and parted, axis 1"
    PADDING = "padding is 0"
    TRANSPOSES = "the image is transposed by [0, 3, 1, 2] first, the output by [0, 2, 3, 1] last, nothing between"
    FINITE = "weights are finite"
    VARIANCE = "a variance is positive"
