"""LmSegnetV1 as a table, for the peers and for counting its multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# "down" and "up" move 2x2 blocks into channels and back; (filters, kernel size) is conv, BN, ReLU.
TOPOLOGY: tuple[str | tuple[int, int], ...] = (
    "down",
    (16, 1),
    "down",
    (64, 3),
    (64, 3),
    "down",
    (256, 3),
    (256, 3),
    (256, 3),
    (256, 3),
    "up",
    (128, 3),
    "up",
    (128, 3),
    "up",
    (32, 3),
)
OUTPUT_KERNEL = 3


@dataclass(frozen=True, slots=True)
class Conv:
    """One convolution: the size of its image, channels in, filters, kernel size."""

    height: int
    width: int
    channels: int
    filters: int
    kernel: int

    @property
    def macs(self) -> int:
        """Multiply-adds of one image, padding included."""
        return self.height * self.width * self.channels * self.filters * self.kernel * self.kernel


def parts(height: int, width: int, classes: int) -> Iterator[str | Conv]:
    """Yield the network's moves and convolutions in order; the last convolution has no ReLU."""
    channels = 3
    for part in (*TOPOLOGY, (classes, OUTPUT_KERNEL)):
        if isinstance(part, tuple):
            yield Conv(height, width, channels, *part)
            channels = part[0]
            continue
        yield part
        if part == "down":
            height, width, channels = height // 2, width // 2, channels * 4
        else:
            height, width, channels = height * 2, width * 2, channels // 4


def macs(height: int, width: int, classes: int) -> int:
    """Count the multiply-adds of one image."""
    return sum(part.macs for part in parts(height, width, classes) if isinstance(part, Conv))
