"""Post-processing: from the network's output to classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # absent from the numpy of Debian 11
    from numpy.typing import NDArray


def class_map(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index of the largest logit of each pixel; of equal ones the first.

    Args:
        logits: float32 [..., C], C in 1..255.

    Returns:
        uint8 [...], values 0..C-1.
    """
    if logits.ndim < 1 or not 1 <= logits.shape[-1] <= 255:
        raise ValueError(f"expected logits [..., C] with 1 to 255 classes, received {list(logits.shape)}")
    return np.argmax(logits, axis=-1).astype(np.uint8)
