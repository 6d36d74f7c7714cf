"""The ELF reader and the symbol check, on libraries built by the very compiler and on damaged ones."""

from __future__ import annotations

import contextlib
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from dlk.build import check_symbols
from dlk.build.elf import read_elf
from dlk.build.toolchain import environment, zig
from dlk.errors import DlkError, InternalError

GOOD = """
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
extern "C" __attribute__((visibility("default"))) int dlk_add(int a, int b) { return a + b; }
extern "C" __attribute__((visibility("default"))) void* network_create() {
  pthread_mutex_t lock; pthread_mutex_init(&lock, 0); return malloc(16);
}
"""


def compile_library(source: str, target: Path, triple: str = "x86_64-linux-gnu.2.17", *flags: str) -> Path:
    file = target.with_suffix(".cpp")
    file.write_text(source)
    subprocess.run(
        [zig(), "c++", "-target", triple, "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-nostdlib++",
         "-fno-exceptions", *flags, file, "-o", target],
        env=environment(), check=True, capture_output=True,
    )  # fmt: skip
    return target


@pytest.mark.parametrize(
    ("triple", "machine"),
    [("x86_64-linux-gnu.2.17", "x86_64"), ("arm-linux-gnueabihf.2.17", "arm"), ("aarch64-linux-gnu.2.17", "aarch64")],
)
def test_a_c_library_passes(tmp_path: Path, triple: str, machine: str) -> None:
    library = compile_library(GOOD, tmp_path / "libdlk.so", triple)
    report = check_symbols(library)
    assert report.machine == machine
    assert report.newest_glibc[0] == 2
    assert report.newest_glibc <= (2, 17)
    assert report.exports == ("dlk_add", "network_create")


def test_the_reader_agrees_with_the_dynamic_table(tmp_path: Path) -> None:
    elf = read_elf(compile_library(GOOD, tmp_path / "libdlk.so"))
    versions = {symbol.name: symbol.version for symbol in elf.symbols if not symbol.defined}
    assert versions["malloc"] == "GLIBC_2.2.5"
    assert "libc.so.6" in elf.needed


def test_a_newer_c_library_is_refused(tmp_path: Path) -> None:
    source = """
    #include <unistd.h>
    extern "C" __attribute__((visibility("default"))) int dlk_f() { char b[8]; return getentropy(b, 8); }
    """
    library = compile_library(source, tmp_path / "libdlk.so", "x86_64-linux-gnu.2.28")
    with pytest.raises(InternalError) as caught:
        check_symbols(library)
    assert "wants getentropy@GLIBC_2.25" in str(caught.value)


def test_a_cpp_symbol_and_a_leaked_symbol_are_refused(tmp_path: Path) -> None:
    source = """
    __attribute__((visibility("default"))) int leaked() { return 1; }
    extern "C" __attribute__((visibility("default"))) void* dlk_new(unsigned long n) { return ::operator new(n); }
    """
    library = compile_library(source, tmp_path / "libdlk.so", "x86_64-linux-gnu.2.17", "-Wl,--allow-shlib-undefined")
    with pytest.raises(InternalError) as caught:
        check_symbols(library)
    assert "wants the C++ symbol _Znwm" in str(caught.value)
    assert "exports _Z6leakedv" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 3, 60, 700, -40])
def test_a_damaged_library_is_one_clear_error(tmp_path: Path, keep: int) -> None:
    library = compile_library(GOOD, tmp_path / "libdlk.so")
    library.write_bytes(library.read_bytes()[:keep])
    with pytest.raises(DlkError) as caught:
        read_elf(library)
    assert str(library) in str(caught.value)


def test_a_chain_of_versions_that_claims_to_be_endless_ends(tmp_path: Path) -> None:
    """sh_info of the needed versions counts four billion, and each entry is its own successor."""
    library = compile_library(GOOD, tmp_path / "libdlk.so")
    data = bytearray(library.read_bytes())
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [table + index * size for index in range(count)]
    needed = next(at for at in sections if struct.unpack_from("<I", data, at + 4)[0] == 0x6FFFFFFE)
    struct.pack_into("<I", data, needed + 44, 0xFFFFFFFF)
    (start,) = struct.unpack_from("<Q", data, needed + 24)
    struct.pack_into("<I", data, start + 12, 0)
    library.write_bytes(data)
    started = time.monotonic()
    with contextlib.suppress(DlkError):
        read_elf(library)
    assert time.monotonic() - started < 2


def test_random_damage_never_escapes_as_another_exception(tmp_path: Path) -> None:
    library = compile_library(GOOD, tmp_path / "libdlk.so")
    good = library.read_bytes()
    for seed in range(300):
        dice = np.random.default_rng(seed)
        data = bytearray(good)
        for _ in range(4):
            data[dice.integers(64 if seed % 2 else len(data))] = dice.integers(256)
        library.write_bytes(data)
        with contextlib.suppress(DlkError):
            read_elf(library)
