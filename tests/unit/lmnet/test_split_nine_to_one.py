"""The 9:1 rule."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmnet.datasets.split import nine_to_one


@given(st.integers(0, 2000))
def test_parts_are_disjoint_and_together_everything(count: int) -> None:
    train, validation = nine_to_one(count)
    assert len(train) == int(count * 0.9)
    assert sorted(train + validation) == list(range(count))


def test_the_lots_are_those_of_seed_1() -> None:
    train, validation = nine_to_one(10)
    assert validation == [2]
    assert train == [9, 6, 4, 0, 3, 1, 7, 8, 5]
    assert [len(part) for part in nine_to_one(367)] == [330, 37]
    assert validation + train == np.random.RandomState(seed=1).permutation(10).tolist()
