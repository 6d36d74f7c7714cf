"""The roofline: a step needs at least the time of its operations, and at least the time of its bytes.

The larger of both is its limit. Operations are additions of bits in a quantized convolution and multiply-adds in a
float one; whatever only moves data has none, and is bound by memory. So is, as far as the processor goes, the step
that an accelerator executes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlk.codegen.facts import StepFacts
from dlk.profile.library import Ceilings

QUANTIZED, ACCELERATED = "quant_conv", "accelerated"
COMPUTE, MEMORY = "compute", "memory"


@dataclass(frozen=True, slots=True)
class LayerProfile:
    """One step, its median time in seconds, and the two least times that the machine's ceilings leave it."""

    facts: StepFacts
    seconds: float
    compute_seconds: float
    memory_seconds: float

    @property
    def quantized(self) -> bool:
        """Return whether this is a quantized convolution, or all of them on an accelerator."""
        return self.facts.kind in (QUANTIZED, ACCELERATED)

    @property
    def bytes(self) -> int:
        """Return the bytes moved, read and written."""
        return self.facts.bytes_read + self.facts.bytes_written

    @property
    def operations(self) -> int:
        """Return what is compared with a ceiling of compute: additions of bits, else multiply-adds."""
        return self.facts.bit_adds or self.facts.macs

    @property
    def limit_seconds(self) -> float:
        """Return the least time."""
        return max(self.compute_seconds, self.memory_seconds)

    @property
    def bound(self) -> str:
        """Return what sets the limit: compute or memory."""
        return COMPUTE if self.compute_seconds >= self.memory_seconds else MEMORY

    @property
    def reached(self) -> float:
        """Return the share of the limit that was reached, 1 at best."""
        return self.limit_seconds / self.seconds if self.seconds > 0 else 0.0

    def per_second(self, count: float) -> float:
        """Return a rate."""
        return count / self.seconds if self.seconds > 0 else 0.0

    def attainable(self, count: float) -> float:
        """Return the rate at the limit."""
        return count / self.limit_seconds if self.limit_seconds > 0 else 0.0


def profile_layer(facts: StepFacts, seconds: float, ceilings: Ceilings) -> LayerProfile:
    """Compare one step with what the machine can do."""
    compute = facts.bit_adds / ceilings.bit_adds if facts.bit_adds else facts.macs / ceilings.macs
    if facts.kind == ACCELERATED:
        compute = 0.0  # not the processor's
    return LayerProfile(facts, seconds, compute, (facts.bytes_read + facts.bytes_written) / ceilings.bytes)


def profile_layers(facts: Sequence[StepFacts], seconds: Sequence[float], ceilings: Ceilings) -> list[LayerProfile]:
    """Compare every step with what the machine can do."""
    return [profile_layer(fact, time, ceilings) for fact, time in zip(facts, seconds, strict=True)]


def other_share(layers: Sequence[LayerProfile]) -> float:
    """Return the share of the time that everything but quantized convolutions takes, 0 .. 1."""
    total = sum(layer.seconds for layer in layers)
    return sum(layer.seconds for layer in layers if not layer.quantized) / total if total > 0 else 0.0
