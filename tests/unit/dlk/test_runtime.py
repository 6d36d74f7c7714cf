"""The built x86 library computes what the program says, on every instruction set, and keeps to its interface."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from conversions import SharedBuild
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from programs import Builder, codes, evaluate
from runtime_programs import PROGRAMS, RGB, assert_same, sized, values

from dlk.build import build, check_symbols
from dlk.codegen import emit
from dlk.errors import DlkError
from dlk.targets import TARGETS
from dlk.verify.executors import IsaMissingError, LibraryExecutor

X86 = TARGETS["x86"]
ISAS = [isa.name for isa in X86.isas]


@pytest.fixture(scope="module")
def shared_build(tmp_path_factory: pytest.TempPathFactory) -> SharedBuild:
    return SharedBuild(tmp_path_factory.mktemp("sized"))


@pytest.fixture
def library(projects: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return built(projects[getattr(request, "param", "everything")])


def built(project: Path) -> Path:
    return next(project.rglob(X86.library))


def open_isa(library: Path, isa: str | None = None) -> LibraryExecutor:
    try:
        return LibraryExecutor(library, name="x86", isa=isa)
    except IsaMissingError:
        pytest.skip(f"this machine has no {isa}")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_layer_equals_the_program(projects: dict[str, Path], name: str, isa: str) -> None:
    program = PROGRAMS[name]
    with open_isa(built(projects[name]), isa) as executor:
        assert executor.isa == isa
        for seed in range(2):
            assert_same(program, executor.trace(values(program, seed)), values(program, seed))


SIZES = st.tuples(st.integers(1, 6), st.integers(1, 160))


@given(SIZES)
@settings(max_examples=8, deadline=None, derandomize=True)
@example((1, 1))
@example((3, 2))
def test_any_size_equals_the_program(shared_build: SharedBuild, size: tuple[int, int]) -> None:
    """The kernels are compiled once: they are made for weights, while a size is a number in network.cpp.

    Other weights need other kernels, seconds of compiling each, so these are not drawn at random.
    """
    program = sized(*size)
    with tempfile.TemporaryDirectory() as name:
        emit(program, Path(name) / "p", X86)
        library = shared_build(Path(name) / "p", X86)
        for isa in ISAS:
            with contextlib.suppress(IsaMissingError), LibraryExecutor(library, name="x86", isa=isa) as executor:
                assert_same(program, executor.trace(values(program)), values(program))


def test_the_programs_exercise_all_codes() -> None:
    for program in PROGRAMS.values():
        for name, value in codes(program, evaluate(program, values(program))).items():
            assert len(np.unique(value)) > 1, name


def test_the_chosen_isa_is_the_best_of_proc_cpuinfo(library: Path) -> None:
    flags = set(re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)[1].split())
    v3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"} <= flags
    v4 = v3 and {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags
    with open_isa(library) as executor:
        assert executor.isa == ("avx512" if v4 else "avx2" if v3 else "sse2")


def test_an_unknown_isa_is_an_error(library: Path) -> None:
    with pytest.raises(DlkError, match="avx1024") as error:
        LibraryExecutor(library, name="x", isa="avx1024")
    assert not isinstance(error.value, IsaMissingError)


def test_a_missing_isa_and_a_corrupt_model_are_errors(tmp_path: Path) -> None:
    program = Builder("tiny", (2, 3, 3), 7).float_conv(1, 3, 1).quant_conv(1, 2, 1).quant_conv(1, 2, 0).program()
    isas = (X86.isas[0], dataclasses.replace(X86.isas[1], name="future"))
    target = dataclasses.replace(X86, isas=isas)
    emit(program, tmp_path / "p", target)
    generated = tmp_path / "p" / "generated"
    replace_text(generated / "isa_future.cpp", "kBaseline", "99")
    widths = re.search(r"kTreeWidths1\[\] = \{(.*)\};", (generated / "network.cpp").read_text())[1]
    narrow = ", ".join(str(int(width) - 2) for width in widths.split(", "))
    replace_text(generated / "network.cpp", f"{{{widths}}}", f"{{{narrow}}}")
    library = build(tmp_path / "p", target)
    with pytest.raises(IsaMissingError, match="future"):
        LibraryExecutor(library, name="x", isa="future")
    with pytest.raises(DlkError, match="do not belong together: conv2"):
        LibraryExecutor(library, name="x")


def replace_text(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_symbols_are_old_and_few(library: Path) -> None:
    report = check_symbols(library)
    header = (Path(__file__).parents[3] / "dlk/runtime/include/dlk/dlk.h").read_text()
    declared = re.findall(r"^[a-zA-Z].*?\b((?:dlk|network)_\w+)\(", header, re.MULTILINE)
    assert set(report.exports) == set(declared)
    assert len(declared) == len(set(declared)) >= 20


@pytest.mark.needs("objdump", "nm")
def test_nothing_of_a_better_isa_is_reachable_from_the_baseline(projects: dict[str, Path]) -> None:
    folder = projects["everything"]
    objects = {path.name: path for path in folder.rglob("dlk.dir/**/*.o")}
    assert {"isa_avx512.cpp.o", "isa_portable.cpp.o", "run.cpp.o"} <= objects.keys()
    for name, path in objects.items():
        text = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout
        better = {"isa_avx2.cpp.o": "zmm", "isa_avx512.cpp.o": "none"}.get(name, "[yz]mm")
        assert not re.search(rf"%{better}\d", text), name
    shared: set[str] = set()
    for name, path in objects.items():  # what the linker may take from either of two objects
        text = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        weak = {line.split()[-1] for line in text.splitlines() if line.split()[-2] in "WwVvu"}
        assert not weak & shared, name
        shared |= weak


def test_network_functions(library: Path) -> None:
    program = PROGRAMS["everything"]
    lib = ctypes.CDLL(str(library))
    lib.network_create.restype = lib.dlk_last_error.restype = lib.dlk_class_name.restype = ctypes.c_void_p
    lib.dlk_status_text.restype = lib.dlk_isa.restype = lib.dlk_model_name.restype = ctypes.c_char_p
    lib.network_init.restype = ctypes.c_bool
    net = ctypes.c_void_p(lib.network_create())
    x = values(program)
    out = np.full(program.tensors[program.output].shape, 7, np.float32)
    pointer = ctypes.c_void_p(out.ctypes.data)
    source = ctypes.c_void_p(x.ctypes.data)

    def error() -> str:
        return ctypes.string_at(lib.dlk_last_error(net)).decode()

    assert lib.dlk_run(net, source, pointer) == 2 and "network_init" in error()
    lib.network_run(net, source, pointer)
    assert (out == 7).all()
    assert lib.network_init(net) and lib.network_init(net) and error() == ""
    assert (lib.network_get_input_rank(net), lib.network_get_output_rank(net)) == (4, 4)
    shape = (ctypes.c_int32 * 4)()
    lib.network_get_input_shape(net, shape)
    assert tuple(shape) == (1, *x.shape)
    lib.network_get_output_shape(net, shape)
    assert tuple(shape) == (1, *out.shape)
    lib.network_run(net, source, pointer)
    assert_same(program, {**codes(program, evaluate(program, x)), "output": out}, x)
    for bad in (np.nan, np.inf, -np.inf, 2.0**64):
        wrong = x.copy()
        wrong.flat[-1] = bad
        assert lib.dlk_run(net, ctypes.c_void_p(wrong.ctypes.data), pointer) == 6 and "2^64" in error()
        lib.network_run(net, ctypes.c_void_p(wrong.ctypes.data), pointer)
        assert np.isnan(out).all()
    assert lib.dlk_run(net, None, pointer) == 1 and lib.dlk_run(net, source, None) == 1
    assert lib.dlk_run(None, source, pointer) == 1 and lib.dlk_init(None) == 1
    for function in ("network_delete", "network_run", "network_get_input_shape", "dlk_set_trace"):
        getattr(lib, function)(None, None, None)
    assert (lib.network_get_input_rank(None), lib.dlk_isa(None)) == (0, b"")
    assert lib.dlk_tensor_codes(None, pointer) == 1 and lib.dlk_tensor_shape(None, shape) == 1
    assert lib.dlk_abi_version() == 1 and lib.dlk_model_name() == b"everything"
    assert lib.dlk_class_count() == len(program.classes)
    assert ctypes.string_at(lib.dlk_class_name(1)) == b"class 1"
    assert lib.dlk_class_name(-1) is None and lib.dlk_class_name(5) is None
    texts = [lib.dlk_status_text(status) for status in range(14)]
    assert len(set(texts)) == 14 and lib.dlk_status_text(14) == lib.dlk_status_text(-1) == b"unknown status"
    lib.network_delete(net)


def test_pixels_need_three_channels(projects: dict[str, Path]) -> None:
    with open_isa(built(projects["slim"])) as executor, pytest.raises(DlkError, match="not an RGB image"):
        executor.run_pixels(np.zeros((9, 1, 1), np.uint8))


INTERPOSED = """
import ctypes, sys
first = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
second = ctypes.CDLL(sys.argv[2], mode=ctypes.RTLD_GLOBAL)
for library in (first, second):
    library.network_create.restype = ctypes.c_void_p
    library.dlk_model_name.restype = ctypes.c_char_p
    network = ctypes.c_void_p(library.network_create())
    library.network_init.restype = ctypes.c_bool
    assert library.network_init(network)
    source, result = (ctypes.c_float * 100000)(), (ctypes.c_float * 100000)(*[7.0] * 100000)
    library.network_run(network, source, result)
    shape = (ctypes.c_int32 * 4)()
    library.network_get_output_shape(network, shape)
    print(library.dlk_model_name().decode(), sum(value != 7.0 for value in result), shape[1] * shape[2] * shape[3])
    library.network_delete(network)
"""


def test_two_libraries_loaded_globally_run_their_own_networks(projects: dict[str, Path]) -> None:
    """A function of the second library that calls another one must not end in the first library's."""
    libraries = [built(projects[name]) for name in ("everything", "wide")]
    result = subprocess.run([sys.executable, "-c", INTERPOSED, *libraries], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["everything", "900", "900", "wide", "48", "48"]


def pixel_table(name: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    v = np.arange(256, dtype=np.float64)
    if name == "DivideBy255":
        return (v / 255).astype(np.float32)
    s1, s2, n = int(pixels.astype(np.int64).sum()), int((pixels.astype(np.int64) ** 2).sum()), pixels.size
    mean = s1 / n
    deviation = np.sqrt(max(s2 / n - mean * mean, 0.0))
    return ((v - mean) * (1 / max(deviation, 1 / np.sqrt(n)))).astype(np.float32)


@pytest.mark.parametrize("name", RGB)
@pytest.mark.parametrize("constant", [None, 0, 77])
def test_pixels_are_pre_processed_inside(projects: dict[str, Path], name: str, constant: int | None) -> None:
    program = PROGRAMS[name]
    shape = program.tensors[program.input].shape
    pixels = np.random.default_rng(5).integers(0, 256, size=shape, dtype=np.uint8)
    if constant is not None:
        pixels[:] = constant
    want = evaluate(program, pixel_table(program.preprocess.name, pixels)[pixels])["output"]
    with open_isa(built(projects[name])) as executor:
        np.testing.assert_array_equal(executor.run_pixels(pixels), want)
        classes = np.empty(want.shape[:2], np.uint8)
        run = executor._library.dlk_run_classes
        run.argtypes = [ctypes.c_void_p] * 3
        assert run(executor._network, pixels.ctypes.data, classes.ctypes.data) == 0
        np.testing.assert_array_equal(classes, want.argmax(-1))


def test_threads_with_their_own_networks_do_not_disturb_each_other(projects: dict[str, Path]) -> None:
    wrong: list[str] = []

    def work(name: str, seed: int) -> None:
        program = PROGRAMS[name]
        x = values(program, seed)
        want = evaluate(program, x)["output"]
        with open_isa(built(projects[name])) as executor:
            wrong.extend(name for _ in range(20) if not np.array_equal(executor.run(x), want))

    threads = [threading.Thread(target=work, args=(name, seed)) for name in PROGRAMS for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_callers_floating_point_mode_changes_nothing(library: Path) -> None:
    """Rounding downwards outside: the same result, and still rounding downwards afterwards."""
    program = PROGRAMS["everything"]
    x = values(program)
    libm = ctypes.CDLL("libm.so.6")
    with open_isa(library) as executor:
        want = executor.run(x)
        assert libm.fesetround(0x400) == 0
        try:
            got = executor.run(x)
            after = libm.fegetround()
        finally:
            libm.fesetround(0)
    assert after == 0x400
    np.testing.assert_array_equal(got, want)
