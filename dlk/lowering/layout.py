"""How tensors lie in memory: the rows and guards of bit-planes, and one arena for all.

A row of a bit-plane is followed by columns of zeros, which are the padding on the right of this row and on the left
of the next; a guard of zeros stands before the first plane and behind each, for the rows above and below the image.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlk.lowering.memory import Buffer, Plan, plan, round_up
from dlk.lowering.operations import Operations
from dlk.lowering.program import Kind, Tensor

LINE_WORDS = 8  # planes and guards are whole cache lines


@dataclass(frozen=True, slots=True)
class Layout:
    """A tensor in memory; see dlk_tensor in runtime/src/model.h. ``stride`` is in bits; 0 where there are no planes.

    offset: bytes from the begin of the arena to the first pixel; reused: what lies between the pixels must be cleared
    before the tensor is written, since the memory held something else.
    """

    name: str
    height: int
    width: int
    channels: int
    bits: int
    stride: int
    guard: int
    plane_words: int
    offset: int = 0
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Arena:
    """The layouts by name, in the order of the tensors; size: bytes of the arena; unshared: without reuse."""

    layouts: dict[str, Layout]
    size: int
    unshared: int


def lay_out(program: Operations, source: str, result: str) -> Arena:
    """Give every tensor its layout and its place. ``source`` and ``result``: the program's input and output."""
    rows = _Rows(program)
    placed = plan(_buffers(program, rows, source, result))
    layouts = {name: _layout(program, rows, placed, tensor) for name, tensor in program.tensors.items()}
    return Arena(layouts, placed.size, placed.unshared_size)


class _Rows:
    """Bits of a row and words of a guard, by tensor.

    They are the same for what one window reads and writes, and for parts of one another: a position in the stream of
    one must be the same position in that of the other.
    """

    def __init__(self, program: Operations) -> None:
        self._leaders: dict[str, str] = {}
        self._stride: dict[str, int] = {}
        self._guard: dict[str, int] = {}
        windows = [s for s in program.steps if s.taps and program.tensors[s.input].kind is Kind.CODES]
        for step in windows:
            self._join(step.input, step.output)
        for name, view in program.views.items():
            self._join(name, view.parent)
        for name, tensor in program.tensors.items():
            self._need_bits(name, tensor.shape[1])
            self._guard[self._leader(name)] = LINE_WORDS
        for step in windows:  # no window sees the next row's pixels
            self._need_bits(step.input, program.tensors[step.input].shape[1] - min(tap.dx for tap in step.taps))
            self._need_bits(step.input, program.tensors[step.output].shape[1] + max(tap.dx for tap in step.taps))
        for step in windows:  # nor the next plane's
            ways = [tap.dy * self.stride(step.input) + tap.dx for tap in step.taps]
            rows = program.tensors[step.output].shape[0] - program.tensors[step.input].shape[0]
            reach = max(-min(ways), max(ways) + rows * self.stride(step.input))
            # The last vector is completed by one word more; a taller output's last tile reaches a line further.
            words = round_up(-(-reach // 64) + 1, LINE_WORDS) + LINE_WORDS * (rows > 0)
            leader = self._leader(step.input)
            self._guard[leader] = max(self._guard[leader], words)

    def stride(self, name: str) -> int:
        """Return the bits of a row."""
        return self._stride[self._leader(name)]

    def guard(self, name: str) -> int:
        """Return the words of zeros before the first plane and, at least, behind each."""
        return self._guard[self._leader(name)]

    def plane_words(self, tensor: Tensor) -> int:
        """Return the words from one plane to the next: an odd number of lines, so that planes share no cache sets."""
        words = round_up(-(-tensor.shape[0] * self.stride(tensor.name) // 64), LINE_WORDS) + self.guard(tensor.name)
        return words + LINE_WORDS * (words // LINE_WORDS % 2 == 0)

    def _leader(self, name: str) -> str:
        while name in self._leaders:
            name = self._leaders[name]
        return name

    def _join(self, a: str, b: str) -> None:
        if self._leader(a) != self._leader(b):
            self._leaders[self._leader(a)] = self._leader(b)

    def _need_bits(self, name: str, bits: int) -> None:
        leader = self._leader(name)
        self._stride[leader] = max(self._stride.get(leader, 0), bits)


def _buffers(program: Operations, rows: _Rows, source: str, result: str) -> list[Buffer]:
    """Return the memory of every tensor that is no view, with the time from its first writing to its last reading."""
    uses: dict[str, list[int]] = {}
    for number, step in enumerate(program.steps):
        for name in step.tensors:
            uses.setdefault(program.root(name)[0], []).append(number)
    uses[program.root(source)[0]].append(-1)
    uses[program.root(result)[0]].append(len(program.steps))
    return [Buffer(name, _size(program.tensors[name], rows), min(times), max(times)) for name, times in uses.items()]


def _size(tensor: Tensor, rows: _Rows) -> int:
    height, width, channels = tensor.shape
    if tensor.kind is Kind.FLOAT:
        return 4 * height * width * channels
    return 8 * (rows.guard(tensor.name) + channels * tensor.bits * rows.plane_words(tensor))


def _layout(program: Operations, rows: _Rows, placed: Plan, tensor: Tensor) -> Layout:
    height, width, channels = tensor.shape
    root, channel = program.root(tensor.name)
    offset, reused = placed.offsets[root], root in placed.shared
    if tensor.kind is Kind.FLOAT:
        return Layout(tensor.name, height, width, channels, 0, 0, 0, 0, offset, reused)
    guard, words = rows.guard(tensor.name), rows.plane_words(tensor)
    offset += 8 * (guard + channel * tensor.bits * words)
    stride = rows.stride(tensor.name)
    return Layout(tensor.name, height, width, channels, tensor.bits, stride, guard, words, offset, reused)
