"""Thresholds against the chain that they replace, which is written here once more in plain Python floats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlk.errors import InternalError
from dlk.ir.codes import CodeType
from dlk.ir.semantics import Chain, Norm
from dlk.passes.exact import float_thresholds, integer_thresholds

TINY = float(np.finfo(np.float32).tiny)
TOP = float(np.finfo(np.float32).max)
EPSILON = float(np.float32(1e-3))


def make(channels: list[tuple[float, float, float, float]], kind: CodeType, factor: list[float] | None = None) -> Chain:
    """channels: (gamma, beta, mean, variance) each."""
    columns = [np.array(column, np.float32).astype(np.float64) for column in zip(*channels, strict=True)]
    return Chain(Norm(*columns, epsilon=EPSILON, factor=None if factor is None else np.array(factor)), kind)


def code(chain: Chain, channel: int, s: float) -> int:
    """Return the code of one sum by Python's own float64 arithmetic."""
    norm = chain.norm
    v = s if norm.factor is None else s * float(norm.factor[channel])
    spread = math.sqrt(float(norm.variance[channel]) + norm.epsilon)
    b = (v - float(norm.mean[channel])) / spread * float(norm.gamma[channel]) + float(norm.beta[channel])
    n = chain.output.levels
    return int(min(max(math.floor(b / chain.output.max_value * n + 0.5), 0), n))


def counted(values: np.ndarray, direction: int, s: float) -> int:
    return int(np.sum(s >= values if direction > 0 else s <= values))


def real(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, width=32)


gammas = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 1e-30, -1e30]), real(-4, 4))
betas = st.one_of(st.sampled_from([0.0, 1 / 3, 1.0, 5 / 3, -50.0, 1e30]), real(-3, 3))
means = st.one_of(st.sampled_from([0.0, 1.0, -7.0, 1e20]), real(-20, 20))
variances = st.one_of(st.sampled_from([0.0, 1.0, 1e30]), real(0, 100))
channel_lists = st.lists(st.tuples(gammas, betas, means, variances), min_size=1, max_size=4)
kinds = st.builds(CodeType, st.sampled_from([1, 2, 2, 3, 4]), st.sampled_from([2.0, 1.0, 3.0, float(np.float32(1.3))]))
factors = st.one_of(st.sampled_from([0.0, 1.0, 2 / 3, 1e-40, 1e10]), st.floats(1e-6, 3))


@settings(max_examples=150, deadline=None)
@given(channel_lists, kinds, factors, st.integers(1, 120))
def test_integers_equal_the_chain_on_every_sum(channels, kind, factor, reach) -> None:
    chain = make(channels, kind, [factor] * len(channels))
    values, directions = integer_thresholds(chain, reach)
    assert values.dtype == np.int32
    assert values.shape == (len(channels), kind.levels)
    assert np.all(np.abs(values) <= reach + 1)
    for channel in range(len(channels)):
        for s in range(-reach, reach + 1):
            assert counted(values[channel], directions[channel], s) == code(chain, channel, float(s))


@settings(max_examples=150, deadline=None)
@given(channel_lists, kinds, st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=30))
def test_floats_equal_the_chain(channels, kind, sums) -> None:
    """On random numbers, the ends, each threshold and its neighbours; subnormal numbers count as 0."""
    chain = make(channels, kind)
    values, directions = float_thresholds(chain)
    assert values.dtype == np.float32
    for channel in range(len(channels)):
        near = [
            float(np.nextafter(t, np.float32(side)))
            for t in values[channel]
            if np.isfinite(t)
            for side in (-np.inf, t, np.inf)
        ]
        for s in [*sums, *near, -TOP, TOP, 0.0, -0.0, TINY, -TINY]:
            s = 0.0 if abs(s) < TINY else s
            if abs(s) <= TOP:
                assert counted(values[channel], directions[channel], s) == code(chain, channel, s)
        assert not np.any((values[channel] != 0) & (np.abs(values[channel]) < TINY))
        assert not np.any(np.signbit(values[channel][values[channel] == 0]))


@pytest.mark.parametrize("direction", [1, -1])
def test_ties_go_up(direction: int) -> None:
    """b = +-S / 2, max 3, n 3: the boundaries 0.5, 1.5, 2.5 lie exactly on S = +-1, 3, 5."""
    gamma, zero, one = np.array([float(direction)]), np.zeros(1), np.ones(1)
    norm = Norm(gamma, beta=zero, mean=zero, variance=one, epsilon=0.0, factor=np.array([0.5]))
    values, directions = integer_thresholds(Chain(norm, CodeType(2, 3.0)), 9)
    assert values.tolist() == [[direction, 3 * direction, 5 * direction]]
    assert directions.tolist() == [direction]


def test_levels_that_all_or_no_sums_reach() -> None:
    kind = CodeType(2, 3.0)
    zero_gamma = make([(0.0, 1.2, 5.0, 1.0)], kind, [1.0])
    assert integer_thresholds(zero_gamma, 10)[0].tolist() == [[-11, 11, 11]]
    assert integer_thresholds(zero_gamma, 10)[1].tolist() == [1]
    values, directions = float_thresholds(make([(0.0, 1.2, 5.0, 1.0)], kind))
    assert values.tolist() == [[-np.inf, np.inf, np.inf]]
    # A falling channel that starts at 2: level 1 always but for the end, level 3 never.
    falling = make([(-0.05, 2.0, 0.0, 1 - EPSILON)], kind, [1.0])
    values, directions = integer_thresholds(falling, 10)
    assert directions.tolist() == [-1]
    assert values.tolist() == [[11, 9, -10]]


def test_no_threshold_is_subnormal() -> None:
    """The boundary lies at 5e-39 and -5e-39: subnormal sums count as 0, so the first normal number decides."""
    kind = CodeType(1, 1.0)
    rising = make([(1e38, 0.0, 0.0, 1 - EPSILON)], kind)
    assert code(rising, 0, 6e-39) == 1
    assert float_thresholds(rising)[0].tolist() == [[TINY]]
    assert float_thresholds(make([(-1e38, 0.0, 0.0, 1 - EPSILON)], kind))[0].tolist() == [[-TINY]]
    # 0 reaches the level, -6e-39 alone would not.
    assert float_thresholds(make([(1e38, 0.75, 0.0, 1 - EPSILON)], kind))[0].tolist() == [[0.0]]


def test_thresholds_are_not_clamped() -> None:
    """The 13-bit limit of the original would have put this one at 4095."""
    chain = make([(1.0, 0.0, 20000.0, 1.0)], CodeType(1, 1.0), [1.0])
    assert integer_thresholds(chain, 27648)[0].tolist() == [[20001]]


def test_many_channels_are_evaluated_in_parts() -> None:
    rng = np.random.default_rng(0)
    channels = [tuple(row) for row in np.abs(rng.normal(1, 1, (70, 4)))]
    chain = make(channels, CodeType(2, 2.0), list(rng.uniform(0.001, 0.01, 70)))
    together, _ = integer_thresholds(chain, 40000)
    alone = [integer_thresholds(chain.of_channels(slice(c, c + 1)), 40000)[0][0] for c in range(70)]
    assert np.array_equal(together, alone)


def test_codes_that_are_not_monotone_are_an_internal_error() -> None:
    class Bent(Chain):
        def codes(self, sums):
            return (np.abs(sums) > 2).astype(np.uint8) * np.ones(self.channels, np.uint8)

        def of_channels(self, part):
            return self

    chain = make([(1.0, 0.0, 0.0, 1.0)], CodeType(1, 1.0), [1.0])
    with pytest.raises(InternalError, match="monotone"):
        integer_thresholds(Bent(chain.norm, chain.output), 5)
