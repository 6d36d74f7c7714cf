"""Quantizers by name: 1-bit weights and low-bit activations."""

from __future__ import annotations

from lmnet.quantizers.base import ActivationQuantizer, BinaryQuantizer, Quantizer
from lmnet.quantizers.binary_channel_wise_mean_scaling import BinaryChannelWiseMeanScalingQuantizer
from lmnet.quantizers.binary_mean_scaling import BinaryMeanScalingQuantizer
from lmnet.quantizers.linear_mid_tread_half import LinearMidTreadHalfQuantizer

WEIGHT_QUANTIZERS: dict[str, type[Quantizer]] = {
    "binary_mean_scaling": BinaryMeanScalingQuantizer,
    "binary_channel_wise_mean_scaling": BinaryChannelWiseMeanScalingQuantizer,
}
ACTIVATION_QUANTIZERS: dict[str, type[LinearMidTreadHalfQuantizer]] = {
    "linear_mid_tread_half": LinearMidTreadHalfQuantizer,
}

__all__ = [
    "ACTIVATION_QUANTIZERS",
    "WEIGHT_QUANTIZERS",
    "ActivationQuantizer",
    "BinaryChannelWiseMeanScalingQuantizer",
    "BinaryMeanScalingQuantizer",
    "BinaryQuantizer",
    "LinearMidTreadHalfQuantizer",
    "Quantizer",
]
