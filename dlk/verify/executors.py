"""Everything that can run the network behind one interface: ``run`` for the output, ``trace`` for every layer."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from dlk.build.elf import read_elf
from dlk.errors import DlkError, VerificationError
from dlk.verify.records import read_records

Floats = NDArray[np.float32]
Trace = dict[str, NDArray[Any]]

OUTPUT = "output"
UNSUPPORTED_ISA = 5  # dlk_status DLK_UNSUPPORTED_ISA

_ENVIRONMENT = threading.Lock()
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Executor(Protocol):
    """Runs the network. ``values`` is what it takes: the pre-processed input, float32 [H,W,3]."""

    @property
    def name(self) -> str:
        """Return the name that reports use."""

    def run(self, values: NDArray[Any]) -> Floats:
        """Return the output, float32 [H,W,C]."""

    def trace(self, values: NDArray[Any]) -> Trace:
        """Return the codes uint8 [h,w,c] of each layer by its name, and the float32 ``output``."""


class IsaMissingError(DlkError):
    """This machine lacks an instruction set that was asked for by name."""


class LibraryExecutor:
    """A library in this process, by ctypes: what a program on the device does; the quick one."""

    def __init__(
        self,
        library: Path,
        *,
        name: str,
        isa: str | None = None,
        threads: int = 1,
        variables: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Load and initialise; ``isa`` forces an instruction set. Raises IsaMissingError, DlkError.

        variables: of the environment, for the time of the initialisation.
        """
        self.name = name
        self._network: int | None = None
        read_elf(library)  # loading a file that was cut short would stop this process
        try:
            self._library = ctypes.CDLL(str(library.resolve()))
            _declare(self._library)
        except (OSError, AttributeError) as error:
            raise DlkError("a library cannot be loaded", where=str(library), received=str(error)) from error
        self._network = self._library.network_create()
        status = self._initialise({"DLK_ISA": isa, **variables}) or self._set_threads(threads)
        if status:
            text = self._error()
            self.close()
            if status == UNSUPPORTED_ISA:
                raise IsaMissingError("an instruction set is missing", where=name, received=text)
            raise DlkError("a library cannot be initialised", where=str(library), received=text)
        self.isa: str = self._library.dlk_isa(self._network).decode()
        self.input_shape = self._shape("input")
        self.output_shape = self._shape("output")

    def run(self, values: Floats) -> Floats:
        """Return the output; raises DlkError when the library refuses the input."""
        values = self._checked(values)
        output = np.empty(self.output_shape, np.float32)
        if self._library.dlk_run(self._network, values.ctypes.data, output.ctypes.data):
            raise DlkError("the library did not run", where=self.name, received=self._error())
        return output

    def run_pixels(self, image: NDArray[np.uint8]) -> Floats:
        """Return the output for an RGB image uint8 [H,W,3] of the input's size, pre-processed inside the library."""
        if image.dtype != np.uint8 or image.shape != self.input_shape:
            raise DlkError("an image does not fit", expected=f"uint8 {self.input_shape}", received=str(image.shape))
        image = np.ascontiguousarray(image)
        output = np.empty(self.output_shape, np.float32)
        if self._library.dlk_run_pixels(self._network, image.ctypes.data, output.ctypes.data):
            raise DlkError("the library did not run", where=self.name, received=self._error())
        return output

    def trace(self, values: Floats) -> Trace:
        """Return every layer's codes and the output."""
        found: Trace = {}

        @_CALLBACK
        def collect(step: bytes, tensor: int, _: int) -> None:
            shape = (ctypes.c_int32 * 3)()
            self._library.dlk_tensor_shape(tensor, shape)
            codes = np.empty(tuple(shape), np.uint8)
            self._library.dlk_tensor_codes(tensor, codes.ctypes.data)
            found[step.decode()] = codes

        self._library.dlk_set_trace(self._network, collect, None)
        try:
            found[OUTPUT] = self.run(values)
        finally:
            self._library.dlk_set_trace(self._network, _CALLBACK(), None)
        return found

    def close(self) -> None:
        """Free the network; a second call does nothing."""
        if self._network:
            self._library.network_delete(self._network)
        self._network = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _initialise(self, variables: Mapping[str, str | None]) -> int:
        """Initialise with variables set, or unset; the library reads them then and never again."""
        with _ENVIRONMENT:
            before = {name: os.environ.get(name) for name in variables}
            try:
                _set_variables(variables)
                return int(self._library.dlk_init(self._network))
            finally:
                _set_variables(before)

    def _set_threads(self, threads: int) -> int:
        """Set the number of threads; a library from before they were there has one."""
        if threads == 1 and not hasattr(self._library, _SET_THREADS):
            return 0
        return int(self._library.dlk_set_threads(self._network, threads))

    def _checked(self, values: Floats) -> Floats:
        if values.dtype != np.float32 or values.shape != self.input_shape:
            raise DlkError(
                "an input does not fit the network",
                where=self.name,
                expected=f"float32 {self.input_shape}",
                received=f"{values.dtype} {values.shape}",
            )
        return np.ascontiguousarray(values)

    def _shape(self, end: str) -> tuple[int, ...]:
        shape = (ctypes.c_int32 * 4)()
        getattr(self._library, f"network_get_{end}_shape")(self._network, shape)
        return tuple(shape)[1:]

    def _error(self) -> str:
        return str(self._library.dlk_last_error(self._network).decode("utf-8", "replace"))


class PixelExecutor:
    """A library that is given pixels, uint8 [H,W,3], and does the pre-processing inside."""

    def __init__(self, library: LibraryExecutor) -> None:
        self.name = library.name
        self._library = library

    def run(self, values: NDArray[np.uint8]) -> Floats:
        """Return the output for an RGB image."""
        return self._library.run_pixels(values)

    def trace(self, values: NDArray[np.uint8]) -> Trace:
        """Return the output only."""
        return {OUTPUT: self.run(values)}


class ProgramExecutor:
    """A library in a process of its own, loaded by the trace driver: for other machines by way of an emulator.

    Whatever the library does, this process goes on; a crash is a failed verification.
    """

    def __init__(
        self,
        library: Path,
        program: Path,
        *,
        name: str,
        isa: str | None = None,
        threads: int = 1,
        emulator: Sequence[str] = (),
        variables: Mapping[str, str] = _NOTHING,
        timeout: float = 600.0,
    ) -> None:
        """Keep what to start: ``emulator program library``, with DLK_ISA, DLK_NUM_THREADS and ``variables`` set."""
        self.name = name
        self._command = [*emulator, str(program), str(library)]
        self._variables = {"DLK_NUM_THREADS": str(threads), **({} if isa is None else {"DLK_ISA": isa}), **variables}
        self._timeout = timeout

    def run(self, values: Floats) -> Floats:
        """Return the output; raises VerificationError when the program fails."""
        output: Floats = self.trace(values)[OUTPUT]
        return output

    def trace(self, values: Floats) -> Trace:
        """Return every layer's codes and the output; raises VerificationError when the program fails."""
        inherited = {name: value for name, value in os.environ.items() if name not in ("DLK_ISA", "LD_PRELOAD")}
        environment = {**inherited, **self._variables}
        with tempfile.TemporaryDirectory(prefix="dlk-trace-") as folder:
            given, written = Path(folder) / "input.f32", Path(folder) / "output.bin"
            given.write_bytes(np.ascontiguousarray(values, np.float32).tobytes())
            try:
                result = subprocess.run(
                    [*self._command, str(given), str(written)],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=self._timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise self._failure(f"no end within {self._timeout:.0f} s") from error
            except OSError as error:
                raise self._failure(f"{self._command[0]}: {error.strerror}") from error
            if result.returncode != 0:
                words = result.stderr.decode("utf-8", "replace").strip()[-500:]
                ending = f"signal {-result.returncode}" if result.returncode < 0 else f"exit status {result.returncode}"
                raise self._failure(f"{ending}: {words}" if words else ending)
            if not written.is_file():
                raise self._failure("it wrote no trace")
            trace: Trace = read_records(written)
        if OUTPUT not in trace:
            raise self._failure("its trace has no output")
        return trace

    def _failure(self, received: str) -> VerificationError:
        return VerificationError(
            "the library did not run to its end",
            where=self.name,
            expected="an end with status 0 and a trace",
            received=received,
            fix="report this with the folder `project`: the generated library is faulty",
        )


_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)
_POINTER = ctypes.c_void_p
_SHAPE = ctypes.POINTER(ctypes.c_int32)
_SET_THREADS = "dlk_set_threads"
_LATER = {_SET_THREADS, "dlk_threads"}  # libraries of the first release, a baseline to measure against, lack these
_SIGNATURES: Mapping[str, tuple[Any, list[Any]]] = {
    "network_create": (_POINTER, []),
    "network_delete": (None, [_POINTER]),
    "network_get_input_shape": (None, [_POINTER, _SHAPE]),
    "network_get_output_shape": (None, [_POINTER, _SHAPE]),
    "dlk_init": (ctypes.c_int, [_POINTER]),
    "dlk_set_threads": (ctypes.c_int, [_POINTER, ctypes.c_int32]),
    "dlk_threads": (ctypes.c_int32, [_POINTER]),
    "dlk_isa": (ctypes.c_char_p, [_POINTER]),
    "dlk_last_error": (ctypes.c_char_p, [_POINTER]),
    "dlk_run": (ctypes.c_int, [_POINTER, _POINTER, _POINTER]),
    "dlk_run_pixels": (ctypes.c_int, [_POINTER, _POINTER, _POINTER]),
    "dlk_set_trace": (ctypes.c_int, [_POINTER, _CALLBACK, _POINTER]),
    "dlk_tensor_shape": (ctypes.c_int, [_POINTER, _SHAPE]),
    "dlk_tensor_codes": (ctypes.c_int, [_POINTER, _POINTER]),
}


def _set_variables(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _declare(library: ctypes.CDLL) -> None:
    for name, (result, arguments) in _SIGNATURES.items():
        if name in _LATER and not hasattr(library, name):
            continue
        function: Callable[..., Any] = getattr(library, name)
        function.restype, function.argtypes = result, arguments  # type: ignore[attr-defined]
