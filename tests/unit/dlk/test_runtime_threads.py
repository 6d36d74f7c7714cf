"""Any number of threads gives the same bits, from any thread, after fork, and with the environment's number."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from programs import evaluate
from runtime_programs import PROGRAMS, assert_same, values

from dlk.errors import DlkError
from dlk.targets import TARGETS
from dlk.verify.executors import LibraryExecutor


def opened(projects: dict[str, Path], name: str, threads: int) -> LibraryExecutor:
    return LibraryExecutor(next(projects[name].rglob(TARGETS["x86"].library)), name="x86", threads=threads)


@pytest.mark.parametrize("threads", [2, 3, 7, 64])
@pytest.mark.parametrize("name", PROGRAMS)
def test_any_number_of_threads_gives_the_same_bits(projects: dict[str, Path], name: str, threads: int) -> None:
    program = PROGRAMS[name]
    with opened(projects, name, threads) as executor:
        for seed in range(3):
            assert_same(program, executor.trace(values(program, seed)), values(program, seed))


def test_the_helpers_are_threads_of_this_process_and_end_with_the_network(projects: dict[str, Path]) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = count()
    with opened(projects, "wide", 5) as executor:
        assert count() == before + 4
        assert executor._library.dlk_set_threads(executor._network, 2) == 0 and count() == before + 1
        assert executor._library.dlk_threads(executor._network) == 2
        assert executor._library.dlk_set_threads(executor._network, 1) == 0 and count() == before
    assert count() == before


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_a_wrong_number_of_threads_is_refused(projects: dict[str, Path], threads: int) -> None:
    with pytest.raises(DlkError, match="1 to 64"):
        opened(projects, "wide", threads)


def test_a_network_is_used_by_one_thread_after_another(projects: dict[str, Path]) -> None:
    program = PROGRAMS["everything"]
    x = values(program)
    want = evaluate(program, x)["output"]
    results = []
    with opened(projects, "everything", 3) as executor:
        for _ in range(4):
            thread = threading.Thread(target=lambda: results.append(executor.run(x)))
            thread.start()
            thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, want)


FORKED = """
import ctypes, os, sys, threading
library = ctypes.CDLL(sys.argv[1])
library.network_create.restype = ctypes.c_void_p
size = 20 * 36 * 3

def network():
    made = ctypes.c_void_p(library.network_create())
    assert library.dlk_init(made) == 0 and library.dlk_set_threads(made, 3) == 0
    return made

def run(net):
    source = (ctypes.c_float * size)(*[(i % 19) / 7 - 1 for i in range(size)])
    result = (ctypes.c_float * 20000)()
    assert library.dlk_run(net, source, result) == 0
    return bytes(result)

mine, busy = network(), network()
want = run(mine)
stop = threading.Event()

def keep_running():
    while not stop.is_set():
        run(busy)

runner = threading.Thread(target=keep_running)
runner.start()
wrong = 0
for _ in range(20):
    child = os.fork()
    if not child:  # the other thread was inside a run, and holds whatever it holds, in the parent only
        same = run(mine) == want and run(busy) == want and run(mine) == want
        library.network_delete(mine)
        library.network_delete(busy)
        os._exit(0 if same else 1)
    wrong += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
stop.set()
runner.join()
print(wrong, run(mine) == want)
"""


def test_a_child_forked_while_another_thread_runs_computes_with_its_own_threads(projects: dict[str, Path]) -> None:
    library = next(projects["everything"].rglob(TARGETS["x86"].library))
    result = subprocess.run([sys.executable, "-c", FORKED, library], capture_output=True, text=True, timeout=120)
    assert (result.stdout.split(), result.returncode) == (["0", "True"], 0), result.stderr


ENVIRONMENT = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.network_create.restype = ctypes.c_void_p
library.dlk_last_error.restype = ctypes.c_char_p
library.dlk_last_error.argtypes = [ctypes.c_void_p]
network = ctypes.c_void_p(library.network_create())
print(library.dlk_init(network), library.dlk_threads(network), library.dlk_last_error(network).decode())
"""


@pytest.mark.parametrize(
    ("text", "printed"), [("", "0 1"), ("4", "0 4"), ("0", "9 0"), ("65", "9 0"), ("two", "9 0"), ("4294967297", "9 0")]
)
def test_the_environment_chooses_the_number(projects: dict[str, Path], text: str, printed: str) -> None:
    library = next(projects["slim"].rglob(TARGETS["x86"].library))
    environment = {**os.environ, "DLK_NUM_THREADS": text}
    command = [sys.executable, "-c", ENVIRONMENT, str(library)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert result.stdout.startswith(printed)
    assert ("1 to 64" in result.stdout) == printed.startswith("9")


@pytest.mark.parametrize("threads", [1, 2])
def test_an_executor_uses_the_number_that_it_was_given(
    projects: dict[str, Path], monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setenv("DLK_NUM_THREADS", "7")
    with opened(projects, "slim", threads) as executor:
        assert executor._library.dlk_threads(executor._network) == threads
