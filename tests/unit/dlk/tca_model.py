"""The original project's accelerator as far as it is known, executed by its registers: tile after tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dlk.hw.layout import CHANNELS, pack_codes, unpack_codes

BURST = 32
Registers = dict[str, int]
Read = Callable[[int, int], NDArray[np.uint64]]
Write = Callable[[int, NDArray[np.uint64]], None]


def execute(r: Registers, read: Read, write: Write) -> None:
    """Run one convolution. read: (address, count) -> words of 64 bits; write: (address, words)."""
    picture = read(r["adma_input_address"], r["adma_input_c_count"] * r["adma_input_space"])
    weights = _weights(r, read)
    thresholds = read(r["qdma_start_address"], r["fdma_output_c_count"] * CHANNELS).view(np.int16).reshape(-1, 4)
    codes = bool(r["bnq_enable"])
    output = _Output(r, 1 if codes else 4, 4 if codes else 8)
    for row, column, tile in input_tiles(r, picture):
        sums = _convolve(tile, weights)
        assert np.abs(sums).max() < 1 << 15
        if codes:
            words = pack_codes(_requantise(sums, thresholds))
            output.put(row, column, words.view(np.int16).reshape(*words.shape, 4))
        else:
            height, width, channels = sums.shape
            parts = sums.astype(np.int16).reshape(height, width, channels // CHANNELS, 4, 8)
            output.put(row, column, np.moveaxis(parts, 2, 0).reshape(channels // CHANNELS, height, width * 4, 8))
    assert (output.written == 1).all(), "each pixel once"
    write(r["fdma_output_address"], output.units.reshape(-1).view(np.uint64))


def input_tiles(r: Registers, picture: NDArray[np.uint64]) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Yield row and column of each tile, and its codes [h, w, channels] with the padding around."""
    groups, space = r["adma_input_c_count"], r["adma_input_space"]
    last_row, last_column = r["adma_input_h_count"] - 1, r["adma_input_w_count"] - 1
    place = 0
    for row in range(last_row + 1):
        height = r[f"adma_{'top' if row == 0 else 'bottom' if row == last_row else 'middle'}_tile_h"]
        for column in range(last_column + 1):
            side = "left" if column == 0 else "right" if column == last_column else "middle"
            width = r[f"adma_{side}_tile_w"]
            tile = np.zeros((groups, height, width), np.uint64)
            for group in range(groups):
                begin = group * space + place
                for y in range(height):
                    assert group * space <= begin <= (group + 1) * space - width
                    tile[group, y] = picture[begin : begin + width]
                    begin += (width - 1) // BURST * BURST + r[f"adma_{side}_row_to_row_distance"]
            sides = r["adma_side_pad"] * (column == 0), r["adma_side_pad"] * (column == last_column)
            rows, rest = divmod(r[f"adma_top_bottom_{side}_pad"], width + sum(sides))
            assert rest == 0
            edges = rows * (row == 0), rows * (row == last_row)
            assert height + sum(edges) <= 32 + 2 * (last_row == 0)
            assert width + sum(sides) <= 32 + 2 * (last_column == 0)
            yield row, column, np.pad(unpack_codes(tile, groups * CHANNELS), (edges, sides, (0, 0)))
            if column < last_column:
                place += r["adma_left_step"] if column == 0 else r["adma_middle_step"]
        place += r["adma_top_row_distance"] if row == 0 else r["adma_mid_row_distance"]


class _Output:
    """The picture that is written, in units of 64 or 128 bits, [n, int16 of a unit]."""

    def __init__(self, r: Registers, words: int, width: int) -> None:
        self.r, self.words = r, words
        self.units = np.zeros((r["fdma_output_c_count"] * r["fdma_output_space"] * words, width), np.int16)
        self.written = np.zeros(len(self.units), np.int64)
        self.place = 0

    def put(self, row: int, column: int, tile: NDArray[np.int16]) -> None:
        """tile: [groups, h, units of a row, int16 of a unit]; tiles come row by row."""
        r = self.r
        last_row, last_column = r["fdma_output_h_count"] - 1, r["fdma_output_w_count"] - 1
        height = r["fdma_last_tile_h" if row == last_row else "fdma_regular_tile_h"]
        which = "last" if column == last_column else "regular"
        units = r[f"fdma_{which}_tile_w"] * self.words
        assert tile.shape[1:3] == (height, units)
        assert r["a2f_last_tile_h" if row == last_row else "a2f_regular_tile_h"] == height
        assert r[f"a2f_{which}_tile_w"] * self.words == units
        for group, rows in enumerate(tile):
            begin = (self.place + group * r["fdma_output_space"]) * self.words
            for line in rows:
                self.units[begin : begin + units] = line
                self.written[begin : begin + units] += 1
                begin += (units - 1) // BURST * BURST + r[f"fdma_{which}_row_to_row_distance"]
        self.place += r["fdma_row_distance"] if column == last_column else r["fdma_regular_tile_w"]


def _weights(r: Registers, read: Read) -> NDArray[np.int64]:
    """Return [kh, kw, inputs, outputs]."""
    kh, kw, groups = r["a2f_kernel_v_count"], r["a2f_kernel_h_count"], r["a2f_input_c_count"]
    blocks = r["wdma_kernel_block_count"]
    octets = read(r["wdma_start_address"], blocks * CHANNELS * CHANNELS // 64).view(np.uint8)
    bits = np.unpackbits(octets, bitorder="little").reshape(-1, groups, kh, kw, CHANNELS, CHANNELS).astype(np.int64)
    return (1 - 2 * bits).transpose(2, 3, 1, 5, 0, 4).reshape(kh, kw, groups * CHANNELS, -1)


def _convolve(tile: NDArray[np.uint8], weights: NDArray[np.int64]) -> NDArray[np.int64]:
    kh, kw = weights.shape[:2]
    height, width = tile.shape[0] - kh + 1, tile.shape[1] - kw + 1
    codes = tile.astype(np.float64)  # exact, and matrices of floats are multiplied faster
    parts = [
        codes[y : y + height, x : x + width] @ weights[y, x].astype(np.float64) for y in range(kh) for x in range(kw)
    ]
    return np.sum(parts, axis=0).astype(np.int64)


def _requantise(sums: NDArray[np.int64], rows: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Flag 1: below the first threshold 0, below the next 1, and so on; flag -1: above it."""
    assert set(rows[:, 3].tolist()) <= {1, -1}
    codes = np.full(sums.shape, 3, np.uint8)
    for code in (2, 1, 0):
        limit = rows[:, code]
        codes[np.where(rows[:, 3] == 1, sums < limit, sums > limit)] = code
    return codes
