"""The registers of the original project's accelerator, "TCA": what they hold for one convolution.

The picture is computed in tiles: of at most 32x32 pixels of input, halo included, and of 32 - (k - 1) rows and columns
of output. The first tile of a row or column lacks the padding before the picture, the last one takes what is left.

Known from the original project: the registers and their order, the sizes of tiles, the counts, ``inputSpace`` and
``outputSpace``, ``tileStep``, ``tileGap``. **Assumed**, since no more is known, and never tried on a board:

* Distances of the input are in words of 64 bits, a pixel's 32 channels. A *row-to-row distance* leads from the last
  burst of a tile's row, of at most 32 words, to its next row. A *step* leads from a tile to the one on its right. A
  *row distance* leads from the last tile of a row of tiles to the first one of the next.
* A *top-bottom pad* is how many pixels of padding a tile on the upper or lower edge gets: ``pad`` rows of its width,
  padding at the sides included; ``sidePad`` is how many each of its rows gets at the left or right edge.
* Where there is one tile only, it is first and last: both have its size.
* For the output the row-to-row distances are in the words it is written by (one of 64 bits a pixel with thresholds,
  else four of 128 bits), ``outputSpace`` and ``rowDistance`` in pixels.
* ``bnqEnable`` is 1 with thresholds and 0 without.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlk.hw.layout import groups_of
from dlk.hw.limits import Convolution
from dlk.lowering.program import Affine

TILE = 32
BURST = 32
SUM_WORDS = 4
"""Words of 128 bits of a pixel's sums."""

REGISTERS = (
    "start",
    "adma_input_address",
    "adma_input_h_count",
    "adma_input_w_count",
    "adma_input_c_count",
    "adma_top_tile_h",
    "adma_middle_tile_h",
    "adma_bottom_tile_h",
    "adma_left_tile_w",
    "adma_middle_tile_w",
    "adma_right_tile_w",
    "adma_left_row_to_row_distance",
    "adma_middle_row_to_row_distance",
    "adma_right_row_to_row_distance",
    "adma_left_step",
    "adma_middle_step",
    "adma_top_row_distance",
    "adma_mid_row_distance",
    "adma_input_space",
    "adma_top_bottom_left_pad",
    "adma_top_bottom_middle_pad",
    "adma_top_bottom_right_pad",
    "adma_side_pad",
    "wdma_start_address",
    "wdma_output_h_count",
    "wdma_output_w_count",
    "wdma_kernel_block_count",
    "fdma_output_address",
    "fdma_output_h_count",
    "fdma_output_w_count",
    "fdma_output_c_count",
    "fdma_regular_tile_h",
    "fdma_last_tile_h",
    "fdma_regular_tile_w",
    "fdma_last_tile_w",
    "fdma_regular_row_to_row_distance",
    "fdma_last_row_to_row_distance",
    "fdma_output_space",
    "fdma_row_distance",
    "a2f_input_c_count",
    "a2f_kernel_v_count",
    "a2f_kernel_h_count",
    "a2f_tile_step",
    "a2f_tile_gap",
    "a2f_output_h_count",
    "a2f_output_w_count",
    "a2f_regular_tile_h",
    "a2f_last_tile_h",
    "a2f_regular_tile_w",
    "a2f_last_tile_w",
    "qdma_start_address",
    "bnq_enable",
    "status",
)
"""Names by number; a register is four bytes."""


def registers(layer: Convolution, kernels: int, thresholds: int) -> dict[str, int]:
    """Return the words by name, in order.

    kernels, thresholds: where the layer's own begin, bytes from the begin of their place. Input and output begin at
    0; the driver adds the places' addresses, and writes ``start``.
    """
    kernel, pad, gap = layer.kernel[0], layer.kernel[0] // 2, layer.kernel[0] - 1
    height, width, channels = layer.source.shape
    rows, columns = _Tiles.of(height, kernel), _Tiles.of(width, kernel)
    groups, passes = groups_of(channels), groups_of(layer.result.shape[2])
    sums = isinstance(layer.step.epilogue, Affine)
    words = SUM_WORDS if sums else 1
    both = 2 * pad if columns.count == 1 else pad
    back = width - columns.last
    values = {
        "adma_input_h_count": rows.count,
        "adma_input_w_count": columns.count,
        "adma_input_c_count": groups,
        "adma_top_tile_h": rows.first,
        "adma_middle_tile_h": TILE,
        "adma_bottom_tile_h": rows.last,
        "adma_left_tile_w": columns.first,
        "adma_middle_tile_w": TILE,
        "adma_right_tile_w": columns.last,
        "adma_left_row_to_row_distance": _row_to_row(width, columns.first),
        "adma_middle_row_to_row_distance": _row_to_row(width, TILE),
        "adma_right_row_to_row_distance": _row_to_row(width, columns.last),
        "adma_left_step": columns.first - gap,
        "adma_middle_step": TILE - gap,
        "adma_top_row_distance": (rows.first - gap) * width - back,
        "adma_mid_row_distance": (TILE - gap) * width - back,
        "adma_input_space": height * width,
        "adma_top_bottom_left_pad": (columns.first + both) * pad,
        "adma_top_bottom_middle_pad": TILE * pad,
        "adma_top_bottom_right_pad": (columns.last + both) * pad,
        "adma_side_pad": pad,
        "wdma_start_address": kernels,
        "wdma_kernel_block_count": passes * groups * kernel * kernel,
        "fdma_output_c_count": passes,
        "fdma_regular_row_to_row_distance": _row_to_row(width, columns.made, words),
        "fdma_last_row_to_row_distance": _row_to_row(width, columns.left, words),
        "fdma_output_space": height * width,
        "fdma_row_distance": rows.made * width - (width - columns.left),
        "a2f_input_c_count": groups,
        "a2f_kernel_v_count": kernel,
        "a2f_kernel_h_count": kernel,
        "a2f_tile_step": 1,
        "a2f_tile_gap": kernel,
        "qdma_start_address": thresholds,
        "bnq_enable": int(not sums),
    }
    for part in ("wdma", "fdma", "a2f"):
        values |= {f"{part}_output_h_count": rows.count, f"{part}_output_w_count": columns.count}
    for part in ("fdma", "a2f"):
        values |= {f"{part}_regular_tile_h": rows.made, f"{part}_last_tile_h": rows.left}
        values |= {f"{part}_regular_tile_w": columns.made, f"{part}_last_tile_w": columns.left}
    return {name: values.get(name, 0) for name in REGISTERS}


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Tiles along a row or column. first, last: pixels of their input; made, left: of output, of the last one left."""

    count: int
    first: int
    last: int
    made: int
    left: int

    @classmethod
    def of(cls, size: int, kernel: int) -> _Tiles:
        pad, made = kernel // 2, TILE - (kernel - 1)
        count = -(-size // made)
        if count == 1:
            return cls(1, size, size, size, size)
        before = (count - 1) * made
        return cls(count, TILE - pad, size + pad - before, made, size - before)


def _row_to_row(width: int, tile: int, words: int = 1) -> int:
    """Return the way from the last burst of a tile's row to its next row, in words."""
    return width * words - (tile * words - 1) // BURST * BURST
