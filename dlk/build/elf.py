"""The dynamic symbols of an ELF file, read without binutils: enough to say where a library will load."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from dlk.errors import DlkError

MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64"}
LARGEST_FILE = 1 << 31

_DYNAMIC, _DYNSYM, _VERNEED, _VERSYM = 6, 11, 0x6FFFFFFE, 0x6FFFFFFF
_DT_NEEDED = 1
_VERSION_MASK = 0x7FFF
_WEAK = 2
_UNDEFINED = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """One dynamic symbol; ``version`` is the version wanted from another library, empty when none is."""

    name: str
    defined: bool
    weak: bool
    version: str


@dataclass(frozen=True, slots=True)
class Elf:
    """What a loader would ask of a shared library."""

    machine: str
    needed: tuple[str, ...]
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    kind: int
    offset: int
    size: int
    link: int
    info: int


def read_elf(path: Path) -> Elf:
    """Read machine, needed libraries and dynamic symbols of a little-endian ELF file.

    Raises DlkError when the file is absent, no ELF file, or cut short.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DlkError("a library is larger than any that dlk builds", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise DlkError("cannot read a library", where=str(path), received=error.strerror) from error
    if data[:4] != b"\x7fELF" or len(data) < 52 or data[5] != 1 or data[4] not in (1, 2):
        raise DlkError("not a little-endian ELF file", where=str(path), received=f"first bytes {data[:6].hex()}")
    try:
        return _parse(data, wide=data[4] == 2)
    except (struct.error, IndexError, OverflowError, ValueError) as error:
        raise DlkError(
            "an ELF file is cut short or damaged", where=str(path), fix="build or copy the library again"
        ) from error


def _parse(data: bytes, *, wide: bool) -> Elf:
    sections = _sections(data, wide=wide)
    machine = struct.unpack_from("<H", data, 18)[0]
    dynsym = next((section for section in sections if section.kind == _DYNSYM), None)
    if dynsym is None:
        raise ValueError("no dynamic symbols")
    strings = sections[dynsym.link]
    versions = _wanted_versions(data, sections)
    versym = next((section for section in sections if section.kind == _VERSYM), None)
    symbols = []
    entry = 24 if wide else 16
    for index in range(1, dynsym.size // entry):
        at = dynsym.offset + index * entry
        if wide:
            name, info, _, home = struct.unpack_from("<IBBH", data, at)
        else:
            name, _, _, info, _, home = struct.unpack_from("<IIIBBH", data, at)
        number = struct.unpack_from("<H", data, versym.offset + 2 * index)[0] & _VERSION_MASK if versym else 0
        symbols.append(
            Symbol(
                name=_text(data, strings, name),
                defined=home != _UNDEFINED,
                weak=info >> 4 == _WEAK,
                version=versions.get(number, ""),
            )
        )
    return Elf(MACHINES.get(machine, f"machine {machine}"), _needed(data, sections, wide=wide), tuple(symbols))


def _sections(data: bytes, *, wide: bool) -> list[_Section]:
    if wide:
        (table,) = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        layout, picks = "<IIQQQQIIQQ", (1, 4, 5, 6, 7)
    else:
        (table,) = struct.unpack_from("<I", data, 32)
        size, count = struct.unpack_from("<HH", data, 46)
        layout, picks = "<IIIIIIIIII", (1, 4, 5, 6, 7)
    sections = []
    for index in range(count):
        fields = struct.unpack_from(layout, data, table + index * size)
        section = _Section(*(fields[pick] for pick in picks))
        if section.kind in (_DYNAMIC, _DYNSYM, _VERNEED, _VERSYM) and section.offset + section.size > len(data):
            raise ValueError("a section ends past the file")
        sections.append(section)
    return sections


def _wanted_versions(data: bytes, sections: list[_Section]) -> dict[int, str]:
    """Version number in the symbol table -> name, such as GLIBC_2.4."""
    names: dict[int, str] = {}
    for section in sections:
        if section.kind != _VERNEED:
            continue
        at = section.offset
        for _ in range(section.info):
            _, count, _, first, following = struct.unpack_from("<HHIII", data, at)
            entry = at + first
            for _ in range(count):
                _, _, number, name, step = struct.unpack_from("<IHHII", data, entry)
                names[number & _VERSION_MASK] = _text(data, sections[section.link], name)
                entry += step
                if not step:
                    break
            at += following
            if not following:  # the end, whatever the counts of a damaged file say
                break
    return names


def _needed(data: bytes, sections: list[_Section], *, wide: bool) -> tuple[str, ...]:
    layout = "<qQ" if wide else "<iI"
    needed = []
    for section in sections:
        if section.kind == _DYNAMIC:
            for tag, value in struct.iter_unpack(layout, data[section.offset : section.offset + section.size]):
                if tag == _DT_NEEDED:
                    needed.append(_text(data, sections[section.link], value))
    return tuple(needed)


def _text(data: bytes, strings: _Section, offset: int) -> str:
    start = strings.offset + offset
    return data[start : data.index(b"\0", start)].decode("utf-8", "replace")
