"""Several builds share one number of jobs, can be stopped together, and find their objects again."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime_programs import PROGRAMS

from dlk.build import build
from dlk.build.cmake import tools
from dlk.build.jobs import JobPool, default_jobs
from dlk.build.process import run_logged
from dlk.codegen import emit
from dlk.errors import DlkError
from dlk.targets import TARGETS

# Fails when two of its commands run at the same time.
ALONE = """
rule alone
  command = mkdir busy && sleep 0.05 && rmdir busy && touch $out
build all: phony a b c d
build a: alone
build b: alone
build c: alone
build d: alone
"""


def test_a_job_is_held_by_one_at_a_time_and_comes_back_after_an_error() -> None:
    held: list[int] = []
    most: list[int] = []

    def work(pool: JobPool) -> None:
        for _ in range(20):
            try:
                with pool.job():
                    held.append(1)
                    most.append(len(held))
                    time.sleep(0.001)
                    held.pop()
                    raise ZeroDivisionError
            except ZeroDivisionError:
                pass

    with JobPool(2) as pool:
        threads = [threading.Thread(target=work, args=(pool,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(most) == 100
    assert max(most) <= 2
    assert JobPool().count == default_jobs()


def test_ninja_takes_no_more_jobs_than_the_pool_has(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text(ALONE)
    ninja = tools()[1]
    with JobPool(1) as pool, pool.job():
        run_logged(
            [str(ninja), "-C", str(tmp_path), "all"],
            log=tmp_path / "log",
            environment={"PATH": "/usr/bin:/bin", **pool.variables},
            timeout=60,
            what="two commands at once",
            fix="",
        )
    assert {"a", "b", "c", "d"} <= {path.name for path in tmp_path.iterdir()}


def test_a_cancelled_pool_stops_what_runs_and_starts_nothing(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = f"import time; open({str(started)!r}, 'w').close(); time.sleep(60)"
    with JobPool(1) as pool:

        def cancel() -> None:
            while not started.exists():
                time.sleep(0.01)
            pool.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(DlkError, match="no build") as caught, pool.job():
            run_logged(
                [sys.executable, "-c", code],
                log=tmp_path / "log",
                environment={},
                timeout=50,
                what="no build",
                fix="",
                cancelled=pool.cancelled,
            )
        thread.join()
        assert caught.value.received == "it was stopped"
        with pytest.raises(DlkError, match="was stopped"), pool.job():
            pass


def test_a_program_that_ends_by_itself_is_not_held_up(tmp_path: Path) -> None:
    words = {"log": tmp_path / "log", "environment": {}, "what": "it failed", "fix": ""}
    event = threading.Event()
    run_logged([sys.executable, "-c", ""], timeout=60, cancelled=event, **words)
    with pytest.raises(DlkError, match="it failed"):
        run_logged([sys.executable, "-c", "raise SystemExit(3)"], timeout=60, cancelled=event, **words)
    with pytest.raises(DlkError) as caught:
        run_logged([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.5, cancelled=event, **words)
    assert "still running" in str(caught.value)


def test_objects_are_looked_up_by_content_and_a_changed_header_is_seen(tmp_path: Path) -> None:
    """With -MD zig compiles anew each time; without it, Ninja knows of headers by what CMakeLists.txt says."""
    target = TARGETS["aarch64"]
    emit(PROGRAMS["slim"], tmp_path / "p", target)
    with JobPool(2) as pool, pool.job():
        library = build(tmp_path / "p", target, jobs=pool)
    (tmp_path / "q").mkdir()
    emit(PROGRAMS["slim"], tmp_path / "q" / "p", target)
    again = build(tmp_path / "q" / "p", target, jobs=2)
    assert again.read_bytes() == library.read_bytes()
    objects = list(library.parent.rglob("*.o"))
    assert len(objects) > 10
    assert not any(b"debug_info" in file.read_bytes() for file in objects), "writing it takes half of the time"
    calls = compiler_calls(library.parent, "isa_neon.cpp")
    assert "-MD" not in calls
    assert calls == compiler_calls(again.parent, "isa_neon.cpp")
    assert str(tmp_path) not in calls, "where the project is, is no matter"
    kernels = (tmp_path / "p" / "generated" / "isa_neon.cpp").read_bytes()
    assert hashlib.sha256(kernels).hexdigest() in calls, "other networks do not take its place"
    for header in ("src/export.h", "kernels/vec.h"):
        file = tmp_path / "p" / header
        text = file.read_text()
        file.write_text(text + '#error "the header was read"\n')
        with pytest.raises(DlkError) as caught:
            build(tmp_path / "p", target, jobs=2)
        assert "the header was read" in (caught.value.received or "")
        file.write_text(text)


def compiler_calls(folder: Path, source: str) -> str:
    """Return the calls of the compiler that Ninja makes, less where it runs and writes; one must be of a source."""
    words = [tools()[1], "-C", folder, "-t", "commands", "dlk", "dlk_trace"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    calls = [line for line in lines if " -E chdir " in line]
    assert [call for call in calls if source in call]
    return "\n".join(re.sub(r'-E chdir "[^"]*"|-o "[^"]*"', "", call) for call in calls)


KILLED = """
import sys
from collections.abc import Callable
from pathlib import Path
from dlk.build.process import run_logged

program = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
folder = Path(sys.argv[1])
command = [sys.executable, "-c", program, str(folder / "pid")]
run_logged(command, log=folder / "log", environment={}, timeout=60, what="it failed", fix="mend it")
"""


def test_a_program_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    asking = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path])
    pid = tmp_path / "pid"
    until(lambda: pid.is_file() and pid.read_text() != "")
    asking.kill()
    asking.wait()
    program = Path("/proc", pid.read_text(), "cmdline")
    until(lambda: not program.exists() or program.read_bytes() == b"")  # gone, or not yet waited for


def until(holds: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
