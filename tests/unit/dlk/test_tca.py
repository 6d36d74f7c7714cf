"""What the original project's accelerator is told: registers against numbers worked out by hand, and whole networks
executed by a model of it that knows nothing but the registers and the memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from accelerated import lm_segnet, segnet
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import interpret
from programs import Builder
from runtime_programs import values
from tca_model import execute

from dlk.hw.layout import pack_codes, unpack_codes, unpack_sums
from dlk.lowering.program import Program, QuantConv, Thresholds, Window
from dlk.lowering.tca import PLACES, TcaPlan, pack_kernels, pack_thresholds, tca_plan
from dlk.lowering.tca_limits import reachable_thresholds
from dlk.lowering.tca_registers import REGISTERS

# By hand, for a kernel of 3x3 (padding 1, tiles of 30 rows and columns of output, 32 of input); what follows from the
# size of the picture. 90 rows are 3 tiles with 31, 32, 31 rows of input (90 + 1 - 2 * 30); 45 are 31 and 45 + 1 - 30.
# Row distances: (31 - 2) and 30 times the width, less what lies left of the last tile.
BY_SIZE = {
    (90, 120): {"count": (3, 4), "bottom": 31, "right": 31, "top_distance": 3391, "mid_distance": 3511, "space": 10800,
                "last": (30, 30), "out_distance": 3510},
    (45, 60): {"count": (2, 2), "bottom": 16, "right": 31, "top_distance": 1711, "mid_distance": 1771, "space": 2700,
               "last": (15, 30), "out_distance": 1770},
    (180, 240): {"count": (6, 8), "bottom": 31, "right": 31, "top_distance": 6751, "mid_distance": 6991, "space": 43200,
                 "last": (30, 30), "out_distance": 6990},
    (360, 480): {"count": (12, 16), "bottom": 31, "right": 31, "top_distance": 13471, "mid_distance": 13951,
                 "space": 172800, "last": (30, 30), "out_distance": 13950},
}  # fmt: skip

# Layer: size, groups of inputs and outputs, blocks (groups * groups * 9), where its kernels (128 bytes a block) and
# its thresholds (8 bytes a channel) begin.
BY_LAYER = {
    "conv2": ((90, 120), 2, 2, 36, 0, 0),
    "conv3": ((90, 120), 2, 2, 36, 4608, 512),
    "conv4": ((45, 60), 8, 8, 576, 9216, 1024),
    "conv5": ((45, 60), 8, 8, 576, 82944, 3072),
    "conv6": ((45, 60), 8, 8, 576, 156672, 5120),
    "conv7": ((45, 60), 8, 8, 576, 230400, 7168),
    "conv8": ((90, 120), 2, 4, 72, 304128, 9216),
    "conv9": ((180, 240), 1, 4, 36, 313344, 10240),
    "conv10": ((360, 480), 1, 1, 9, 317952, 11264),
    "conv11": ((360, 480), 1, 1, 9, 319104, 11520),
}


def words_by_hand(name: str) -> list[int]:
    """Return the 53 words in the order of the registers, not by their names."""
    size, groups, passes, blocks, kernels, thresholds = BY_LAYER[name]
    facts, (height_count, width_count), width = BY_SIZE[size], BY_SIZE[size]["count"], size[1]
    last_h, last_w = facts["last"]
    codes = name != "conv11"
    to_next_row = width if codes else 1824  # four words a pixel, bursts of 32: 450 pixels and the last 24 of 120 words
    tiles = [30, last_h, 30, last_w]
    return [
        0,
        0, height_count, width_count, groups, 31, 32, facts["bottom"], 31, 32, facts["right"], width, width, width,
        29, 30, facts["top_distance"], facts["mid_distance"], facts["space"], 32, 32, 32, 1,
        kernels, height_count, width_count, blocks,
        0, height_count, width_count, passes, *tiles, to_next_row, to_next_row, facts["space"], facts["out_distance"],
        groups, 3, 3, 1, 3, height_count, width_count, *tiles,
        thresholds, int(codes), 0,
    ]  # fmt: skip


def test_registers_stand_where_the_original_has_them() -> None:
    assert len(REGISTERS) == len(set(REGISTERS)) == 53
    numbers = {
        "start": 0, "adma_input_address": 1, "adma_top_tile_h": 5, "adma_left_tile_w": 8, "adma_left_step": 14,
        "adma_top_row_distance": 16, "adma_input_space": 18, "adma_side_pad": 22, "wdma_start_address": 23,
        "wdma_kernel_block_count": 26, "fdma_output_address": 27, "fdma_regular_tile_h": 31, "fdma_last_tile_w": 34,
        "fdma_output_space": 37, "fdma_row_distance": 38, "a2f_input_c_count": 39, "a2f_tile_step": 42,
        "a2f_tile_gap": 43, "a2f_output_h_count": 44, "a2f_regular_tile_h": 46, "qdma_start_address": 50,
        "bnq_enable": 51, "status": 52,
    }  # fmt: skip
    assert {name: REGISTERS.index(name) for name in numbers} == numbers


def test_the_whole_lm_segnet_has_the_registers_that_were_worked_out_by_hand() -> None:
    plan = tca_plan(lm_segnet())
    assert plan.misfits == ()
    assert [layer.name for layer in plan.layers] == list(BY_LAYER)
    for layer in plan.layers:
        assert list(layer.registers) == list(REGISTERS)
        got = dict(zip(REGISTERS, layer.registers.values(), strict=True))
        assert got == dict(zip(REGISTERS, words_by_hand(layer.name), strict=True)), layer.name
    assert [layer.move for layer in plan.layers] == [
        "copy", "copy", "space_to_depth", "copy", "copy", "copy", "depth_to_space", "depth_to_space", "depth_to_space",
        "copy",
    ]  # fmt: skip
    assert [(p.name, p.register, p.address, p.module, p.size) for p in plan.places] == [
        ("input", 1, 0x20000000, "udmabuf0", 1382400),
        ("output", 27, 0x28000000, "udmabuf1", 360 * 480 * 64),
        ("kernels", 23, 0x38000000, "", 320256),
        ("thresholds", 50, 0x3F000000, "", 11776),
    ]
    assert plan.kernels is not None and plan.kernels.nbytes == 320256
    assert plan.thresholds is not None and plan.thresholds.nbytes == 11776


def test_a_kernel_is_in_blocks_and_has_a_bit_where_a_weight_is_negative() -> None:
    weights = np.ones((3, 3, 33, 34), np.int8)
    weights[2, 1, 32, 33] = -1
    words = pack_kernels(weights).view(np.uint32).reshape(2, 2, 3, 3, 32, 32 // 32)
    assert words.shape[:2] == (2, 2), "output groups, input groups"
    assert words[1, 1, 2, 1, 1, 0] == 0xFFFFFFFF, "its input, and those that do not exist"
    assert words[1, 1, 2, 1, 0, 0] == 0xFFFFFFFE
    assert words[1, 1, 2, 1, 2, 0] == 0xFFFFFFFF, "an output that does not exist"
    assert not words[0, 0].any()


def conv(weights: np.ndarray, values: list[list[int]], directions: list[int]) -> QuantConv:
    thresholds = Thresholds(np.array(values, np.int32), np.array(directions, np.int8))
    return QuantConv("conv", "a", "b", weights, thresholds, Window.same((1, 1), (1, 1)))


def test_thresholds_are_rows_of_three_and_a_flag_and_the_rest_ones() -> None:
    step = conv(np.ones((1, 1, 40, 2), np.int8), [[-1, 5, 7], [9, 8, -1]], [1, -1])
    rows = pack_thresholds(step).view(np.int16).reshape(-1, 4)
    assert rows.shape == (32, 4)
    assert rows[:2].tolist() == [[-1, 5, 7, 1], [9, 8, -1, -1]]
    assert (rows[2:] == 1).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 20))
def test_thresholds_within_reach_make_the_same_codes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 6))
    weights = rng.choice(np.array([-1, 1], np.int8), size=(1, 1, channels, 4))
    directions = rng.choice(np.array([-1, 1], np.int8), size=4)
    ordered = np.sort(rng.integers(-40, 41, size=(4, 3)), axis=1) * directions[:, None]
    step = conv(weights, ordered.tolist(), directions.tolist())
    near = reachable_thresholds(step)
    assert np.abs(near).max() <= 3 * channels + 1
    for o in range(4):
        for total in range(-3 * np.count_nonzero(weights[..., o] < 0), 3 * np.count_nonzero(weights[..., o] > 0) + 1):
            counts = [np.count_nonzero(total >= t if directions[o] > 0 else total <= t) for t in (ordered[o], near[o])]
            assert counts[0] == counts[1]


def run(plan: TcaPlan, program: Program, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Execute the plan's registers; the moves are the program's own. Return what each layer makes."""
    want = dict(zip((place.name for place in plan.places), (0x1000, 0x800000, 0x1000000, 0x1800000), strict=True))
    memory = np.zeros(0x2000000 // 8, np.uint64)

    def write(address: int, words: np.ndarray) -> None:
        memory[address // 8 : address // 8 + words.size] = words.reshape(-1)

    assert plan.kernels is not None and plan.thresholds is not None
    write(want["kernels"], plan.kernels)
    write(want["thresholds"], plan.thresholds)
    found, source = {}, codes
    for layer in plan.layers:
        source = MOVES[layer.move](source)
        write(want["input"], pack_codes(source))
        registers = dict(layer.registers)
        for place in plan.places:
            registers[REGISTERS[place.register]] += want[place.name]
        execute(registers, lambda address, n: memory[address // 8 : address // 8 + n].copy(), write)
        height, width, channels = layer.result.shape
        shape = (-(-channels // 32), height, width, *([] if layer.result.bits else [8]))
        words = memory[want["output"] // 8 :][: int(np.prod(shape))].reshape(shape)
        source = unpack_codes(words, channels) if layer.result.bits else unpack_sums(words, channels)
        found[layer.name] = source
    return found


def _to_depth(codes: np.ndarray) -> np.ndarray:
    return np.concatenate([codes[y::2, x::2] for y in (0, 1) for x in (0, 1)], axis=2)


def _to_space(codes: np.ndarray) -> np.ndarray:
    height, width, channels = codes.shape
    blocks = codes.reshape(height, width, 2, 2, channels // 4)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(2 * height, 2 * width, channels // 4)


MOVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "copy": lambda codes: codes,
    "space_to_depth": _to_depth,
    "depth_to_space": _to_space,
}


def chain(height: int, width: int, seed: int) -> Program:
    """Both kernels, moves, channels that are no multiple of 32, sums of two passes at the end."""
    net = Builder("chain", (height, width, 3), seed).float_conv(1, 32, 2).quant_conv(1, 40, 2).quant_conv(3, 64, 2)
    if height % 2 == width % 2 == 0:
        net.space_to_depth().quant_conv(1, 128, 2).depth_to_space()
    return net.quant_conv(3, 33, 0).program()


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 68), st.integers(1, 68), st.integers(0, 1 << 16))
def test_a_model_that_knows_only_the_registers_computes_every_layer(height: int, width: int, seed: int) -> None:
    program = chain(height, width, seed)
    want = interpret(program, values(program))
    convs = [step for step in program.steps if isinstance(step, QuantConv)]
    found = run(tca_plan(program), program, want[convs[0].input])
    for step in convs[:-1]:
        np.testing.assert_array_equal(found[step.name], want[step.output], err_msg=step.name)
    epilogue = convs[-1].epilogue
    assert not isinstance(epilogue, Thresholds)
    sums = found[convs[-1].name].astype(np.float32) * epilogue.scale + (epilogue.bias + np.float32(0))
    np.testing.assert_array_equal(sums, want[convs[-1].output])


def net(channels: int = 32, bits: int = 2) -> Builder:
    return Builder("net", (6, 6, 3), 1).float_conv(1, channels, bits).quant_conv(1, 32, 2)


def positive(channels: int) -> Program:
    """All weights are +1, and a threshold is never reached."""
    build = Builder("net", (6, 6, 3), 1).float_conv(1, channels, 2).quant_conv(3, 8, 2, correlated=1.0)
    step = build.steps[-1]
    assert isinstance(step, QuantConv)
    step.weights[:] = 1
    assert isinstance(step.epilogue, Thresholds)
    step.epilogue.directions[:] = 1
    step.epilogue.values[:] = [-1, 0, 27 * channels + 1]
    return build.quant_conv(1, 8, 0).program()


MISFITS: dict[str, tuple[Callable[[], Program], str]] = {
    "kernel": (lambda: net().quant_conv(5, 8, 0).program(), "conv3: a kernel of 5x5 (1x1 or 3x3)"),
    "not square": (
        lambda: net().quant_conv(0, 8, 0, window=Window.same((1, 3), (6, 6))).program(),
        "conv3: a kernel of 1x3 (1x1 or 3x3)",
    ),
    "padding": (
        lambda: net().quant_conv(0, 8, 0, window=Window((3, 3), 1, (0, 1)), size=(4, 6)).program(),
        "conv3: padding of (0, 1) before and (0, 1) after (half the kernel on each side)",
    ),
    "bits": (lambda: net(bits=1).quant_conv(3, 8, 0).program(), "conv2: activations of 1 bits (2 bits)"),
    "inputs": (
        lambda: net().quant_conv(1, 1025, 2).quant_conv(1, 8, 0).program(),
        "conv4: 1025 input channels (at most 1024)",
    ),
    "thresholds": (
        lambda: positive(152),
        "conv2: thresholds from -1 to 4105, too large in 8 channels (from -4095 to 4095)",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_named_with_its_layer(name: str) -> None:
    make, words = MISFITS[name]
    plan = tca_plan(make())
    assert plan.misfits == (words,)
    assert plan.layers == ()


def test_thresholds_up_to_the_limit_fit() -> None:
    assert tca_plan(positive(151)).misfits == ()


def test_all_layers_that_do_not_fit_are_named() -> None:
    told = tca_plan(segnet()).misfits
    assert told == ("conv5: activations of 1 bits (2 bits)", "conv6: activations of 1 bits (2 bits)")


def test_what_is_too_large_for_its_place_is_named() -> None:
    build = Builder("vast", (4200, 1000, 3), 1).float_conv(1, 8, 2).quant_conv(1, 8, 0)
    assert tca_plan(build.program()).misfits == (f"{4200 * 1000 * 64} bytes of output (at most {0x10000000})",)


def test_places_follow_each_other_up_to_a_gigabyte() -> None:
    ends = [place.address + place.capacity for place in PLACES]
    assert ends == [PLACES[1].address, PLACES[2].address, PLACES[3].address, 1 << 30]
