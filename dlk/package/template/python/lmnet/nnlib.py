"""The generated library behind a small class: float32 in, float32 out, by way of ctypes."""

from __future__ import annotations

import ctypes
import platform
import struct
from pathlib import Path

import numpy as np

MACHINES = {3: "x86 (32 bit)", 40: "arm", 62: "x86_64", 183: "aarch64"}
LIBRARIES = {"x86_64": "libdlk_x86.so", "arm": "libdlk_arm.so", "aarch64": "libdlk_aarch64.so"}
MAX_RANK = 8
MAX_THREADS = 64


class LibraryError(Exception):
    """The library cannot be used; the text is one sentence."""


def this_machine() -> str:
    """Return x86_64, arm or aarch64: what this Python process can load, whatever the kernel is."""
    name = platform.machine().lower()
    wide = struct.calcsize("P") == 8
    if name in ("x86_64", "amd64"):
        return "x86_64" if wide else "x86 (32 bit)"
    if name in ("aarch64", "arm64"):
        return "aarch64" if wide else "arm"
    return "arm" if name.startswith("arm") else name


def check_library(path: Path) -> None:
    """Raise LibraryError when the file is absent, cut short, no library, or built for another machine.

    The loader itself would stop the process on a library that was cut short, so this comes first.
    """
    if not path.is_file():
        raise LibraryError(f"there is no library {path}")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] != b"\x7fELF" or len(head) < 64 or head[5] != 1:
        raise LibraryError(f"{path} is not a Linux library")
    wide = head[4] == 2
    (sections,) = struct.unpack_from("<Q" if wide else "<I", head, 40 if wide else 32)
    entry, count = struct.unpack_from("<HH", head, 58 if wide else 46)
    end = sections + entry * count  # compilers write the table of sections last
    if end > size:
        raise LibraryError(f"{path} is cut short ({size} bytes of {end}); copy it again")
    number = struct.unpack_from("<H", head, 18)[0]
    built_for = MACHINES.get(number, f"machine number {number}")
    if built_for != this_machine():
        fitting = LIBRARIES.get(this_machine())
        hint = f"; use {fitting}" if fitting else ""
        raise LibraryError(f"{path} is built for {built_for}, and this is {this_machine()}{hint}")


class NNLib:
    """One network of a generated library.

    ``load`` and ``init`` before ``run``; ``delete`` when done, or use it in a ``with`` statement. Any number of threads
    computes the same bits.
    """

    check = staticmethod(check_library)

    def __init__(self) -> None:
        self._library = None
        self._network = None
        self.input_shape = ()
        self.output_shape = ()

    def load(self, path: str | Path) -> None:
        """Load the library at ``path`` and create a network. Raises LibraryError."""
        try:
            path = Path(path).resolve()
        except (ValueError, OSError) as error:
            raise LibraryError(f"there can be no library of this name: {error}") from error
        check_library(path)
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise LibraryError(f"{path} cannot be loaded: {error}") from error
        try:
            _declare(library)
        except AttributeError as error:
            raise LibraryError(f"{path} is not a Blueoil library: {error}") from error
        self.delete()
        self._library = library
        self._network = library.network_create()
        if not self._network:
            raise LibraryError(f"{path} could not create a network")

    @property
    def takes_threads(self) -> bool:
        """Return whether the loaded library can be told how many threads to use."""
        return hasattr(self._loaded()[0], "network_set_threads")

    @property
    def threads(self) -> int:
        """Return how many threads a run uses; a library that cannot tell has one."""
        library, network = self._loaded()
        return library.dlk_threads(network) if hasattr(library, "dlk_threads") else 1

    def set_threads(self, threads: int) -> None:
        """Let runs use so many threads, the calling one included: 1 to 64. Raises LibraryError.

        Before ``init`` it takes the place of the environment variable DLK_NUM_THREADS.
        """
        library, network = self._loaded()
        if not 1 <= threads <= MAX_THREADS:
            raise LibraryError(f"the number of threads must be from 1 to {MAX_THREADS}, and it is {threads}")
        if not self.takes_threads:
            if threads > 1:
                raise LibraryError(f"the library has no way to run on {threads} threads; it runs on one")
        elif not library.network_set_threads(network, threads):
            raise LibraryError(f"the library could not start {threads} threads{_last_error(library, network)}")

    def init(self) -> None:
        """Allocate everything that runs need; read the shapes. Raises LibraryError."""
        library, network = self._loaded()
        if not library.network_init(network):
            raise LibraryError(f"the library could not be initialised{_last_error(library, network)}")
        self.input_shape = self._shape("input")
        self.output_shape = self._shape("output")

    def run(self, values: np.ndarray) -> np.ndarray:
        """Return the network's output for one input.

        values: float32 of ``input_shape``, with or without the leading 1. Returns float32 of ``output_shape``.
        """
        library, network = self._loaded()
        if not self.input_shape:
            raise LibraryError("the network is not initialised; call init first")
        values = np.ascontiguousarray(values)
        if values.dtype != np.float32 or values.shape not in (self.input_shape, self.input_shape[1:]):
            raise LibraryError(
                f"the network takes float32 {list(self.input_shape)}, not {values.dtype} {list(values.shape)}"
            )
        output = np.full(self.output_shape, np.nan, dtype=np.float32)
        library.network_run(network, values.ctypes.data, output.ctypes.data)
        if np.isnan(output).any():  # the classic interface tells a failure in no other way
            raise LibraryError(f"the network did not run{_last_error(library, network)}")
        return output

    def delete(self) -> None:
        """Free the network; a second call does nothing."""
        if self._network:
            self._library.network_delete(self._network)
        self._network = None
        self.input_shape = self.output_shape = ()

    def get_input_rank(self) -> int:
        """Return the number of dimensions of the input, the batch included."""
        return len(self.input_shape)

    def get_input_shape(self) -> tuple:
        """Return the input's shape, the batch of 1 first."""
        return self.input_shape

    def get_output_rank(self) -> int:
        """Return the number of dimensions of the output, the batch included."""
        return len(self.output_shape)

    def get_output_shape(self) -> tuple:
        """Return the output's shape, the batch of 1 first."""
        return self.output_shape

    def __enter__(self) -> NNLib:
        return self

    def __exit__(self, *_: object) -> None:
        self.delete()

    def _loaded(self) -> tuple:
        if not self._network:
            raise LibraryError("no library is loaded; call load first")
        return self._library, self._network

    def _shape(self, end: str) -> tuple:
        library, network = self._loaded()
        rank = getattr(library, f"network_get_{end}_rank")(network)
        if not 1 <= rank <= MAX_RANK:
            raise LibraryError(f"the library tells an {end} of rank {rank}")
        shape = (ctypes.c_int32 * rank)()
        getattr(library, f"network_get_{end}_shape")(network, shape)
        return tuple(int(length) for length in shape)


def _declare(library: ctypes.CDLL) -> None:
    pointer = ctypes.c_void_p
    shape = ctypes.POINTER(ctypes.c_int32)
    signatures = {
        "network_create": (pointer, []),
        "network_delete": (None, [pointer]),
        "network_init": (ctypes.c_bool, [pointer]),
        "network_get_input_rank": (ctypes.c_int, [pointer]),
        "network_get_output_rank": (ctypes.c_int, [pointer]),
        "network_get_input_shape": (None, [pointer, shape]),
        "network_get_output_shape": (None, [pointer, shape]),
        "network_run": (None, [pointer, pointer, pointer]),
    }
    younger = {
        "network_set_threads": (ctypes.c_bool, [pointer, ctypes.c_int]),
        "dlk_threads": (ctypes.c_int32, [pointer]),
    }
    signatures.update({name: younger[name] for name in younger if hasattr(library, name)})
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def _last_error(library: ctypes.CDLL, network: int) -> str:
    """Return the library's own words about its last failure, after a colon, when it has any."""
    try:
        function = library.dlk_last_error
    except AttributeError:
        return ""
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_void_p]
    text = function(network)
    return f": {text.decode('utf-8', 'replace')}" if text else ""
