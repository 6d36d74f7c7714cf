"""Class trees: the identities that the kernels rely on, and the choice of the depth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlk.lowering.class_lists import (
    LIST_STEP,
    MAX_DEPTH,
    TreeShape,
    choose_tree,
    class_sizes,
    pack_signs,
    share_widths,
    sign_bits,
    tree_shape,
    work,
)


def random_weights(seed: int, kernel: int, cin: int, cout: int) -> NDArray[np.int8]:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(kernel, kernel, cin, cout))


shapes = st.tuples(st.integers(0, 2**32), st.sampled_from([1, 3, 5]), st.integers(1, 20), st.integers(1, 20))


@given(shapes, st.integers(0, MAX_DEPTH))
@settings(max_examples=40, deadline=None)
def test_every_input_is_in_one_class_of_every_group(shape: tuple[int, int, int, int], depth: int) -> None:
    weights = random_weights(*shape)
    sizes = class_sizes(sign_bits(weights), depth)
    outputs, inputs = weights.shape[3], weights[..., 0].size
    assert sizes.shape == (-(-outputs // (depth + 1)), 1 << depth)
    assert (sizes.sum(axis=1) == inputs).all()


@given(shapes, st.integers(0, 4), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_widths_hold_every_sum_that_the_tree_forms(shape: tuple[int, int, int, int], depth: int, bits: int) -> None:
    weights = random_weights(*shape)
    sizes = class_sizes(sign_bits(weights), depth)
    tree = tree_shape(sizes, bits)
    levels = (1 << bits) - 1
    for leaves in sizes:
        nodes = [(int(size), []) for size in leaves]
        for level in range(depth + 1):
            for total, marked in nodes:
                assert total * levels < 1 << tree.widths[level]
                assert all(m * levels < 1 << tree.widths[max(level - 1, 0)] for m in marked)
            nodes = [
                (a + b, [x + y for x, y in zip(m, n, strict=True)] + [b])
                for (a, m), (b, n) in zip(nodes[::2], nodes[1::2], strict=False)
            ]
    assert list(tree.widths) == sorted(tree.widths)
    assert tree.entries % LIST_STEP == 0
    assert tree.entries >= sizes.size * LIST_STEP


@given(shapes)
@settings(max_examples=40, deadline=None)
def test_packed_signs_are_in_the_order_of_the_taps(shape: tuple[int, int, int, int]) -> None:
    weights = random_weights(*shape)
    kernel, _, cin, cout = weights.shape
    words = pack_signs(weights)
    assert words.shape == (cout, -(-kernel * kernel * cin // 64))
    rng = np.random.default_rng(shape[0])
    for _ in range(20):
        ky, kx, c, n = (int(rng.integers(size)) for size in weights.shape)
        number = (c * kernel + ky) * kernel + kx
        assert (int(words[n, number // 64]) >> number % 64 & 1) == (weights[ky, kx, c, n] > 0)


@pytest.mark.parametrize(("cin", "cout", "depths"), [(256, 28, {6}), (64, 30, {4, 5}), (32, 32, {3, 4})])
def test_depth_grows_with_the_number_of_inputs(cin: int, cout: int, depths: set[int]) -> None:
    assert choose_tree(random_weights(1, 3, cin, cout), 2, 3).depth in depths


def test_the_chosen_tree_has_the_least_work() -> None:
    weights = random_weights(2, 3, 24, 13)
    chosen = choose_tree(weights, 2, 3)
    assert chosen == choose_tree(weights, 2, 3)
    costs = {}
    for depth in range(MAX_DEPTH):
        sizes = class_sizes(sign_bits(weights), depth)
        costs[work(sizes, 2, 3, tree_shape(sizes, 2))] = tree_shape(sizes, 2)
    assert chosen == costs[min(costs)]


def test_adders_of_a_group_without_sharing_are_one_an_input_and_bit() -> None:
    weights = random_weights(3, 3, 64, 1)
    sizes = class_sizes(sign_bits(weights), 0)
    operations = work(sizes, 2, 0, tree_shape(sizes, 2))
    assert 2 * 576 < operations < 3 * 576


@given(shapes)
@settings(max_examples=40, deadline=None)
def test_a_ternary_weight_is_half_the_sum_of_its_two_signs(shape: tuple[int, int, int, int]) -> None:
    seed, kernel, cin, cout = shape
    weights = np.random.default_rng(seed).integers(-1, 2, size=(kernel, kernel, cin, cout)).astype(np.int8)
    weights.flat[0] = 0
    u, v = (sign_bits(weights).reshape(-1, cout, 2).astype(int) * 2 - 1).transpose(2, 0, 1)
    np.testing.assert_array_equal((u + v) // 2, weights.transpose(2, 0, 1, 3).reshape(-1, cout))
    tree = choose_tree(weights, 2, 3)
    assert tree.signs == 2 and (tree.depth + 1) % 2 == 0


def test_trees_that_differ_by_a_plane_share_their_widths_and_others_do_not() -> None:
    def tree(*widths: int, signs: int = 1) -> TreeShape:
        return TreeShape(signs=signs, depth=len(widths) - 1, widths=widths, entries=sum(widths))

    shapes = [tree(8, 9, 9, 10), tree(8, 8, 10, 10), tree(5, 6, 7, 8), tree(8, 9, 9, 10, signs=2), tree(8, 9, 9)]
    shared = share_widths(shapes)
    assert [shape.widths for shape in shared] == [(8, 9, 10, 10)] * 2 + [shape.widths for shape in shapes[2:]]
    assert [shape.entries for shape in shared] == [shape.entries for shape in shapes]
