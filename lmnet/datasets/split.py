"""The 9:1 rule: which images are held out for validation where no validation folder is given."""

from __future__ import annotations

import numpy as np


def nine_to_one(count: int) -> tuple[list[int], list[int]]:
    """Return the indices for training and for validation, disjoint and together 0..count-1.

    The lots are drawn once and for all (seed 1), so every run, and the first Blueoil, holds out the same images: the
    first ``count - int(count * 0.9)`` of the permutation.
    """
    order = [int(i) for i in np.random.RandomState(seed=1).permutation(count)]
    held_out = count - int(count * 0.9)
    return order[held_out:], order[:held_out]
