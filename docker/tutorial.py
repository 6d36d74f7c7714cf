"""Types the tutorial's lines in a folder of the caller's, as he would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

from engines import Engine, FaultError, check
from lines import INIT, INTERRUPTED, TENSORBOARD

SIZE = "48x64"
WAIT = 1800.0  # seconds; for a busy machine


class Tutorial:
    """Follows the lines in a folder of the caller's.

    Args:
        engine: runs them.
        folder: where they are typed.
        names: what stands for a name in braces.
        user: UID and GID of the caller.
    """

    def __init__(self, engine: Engine, folder: Path, names: dict[str, str], user: tuple[int, int]) -> None:
        self.engine, self.folder, self.names, self.user = engine, folder, names, user
        self.seconds: dict[str, float] = {}

    def words(self, line: str) -> list[str]:
        """Return the words of a line as the shell makes them, names in braces filled in."""
        for name, value in self.names.items():
            line = line.replace(f"{{{name}}}", value)
        script = f"set -- {line}\nprintf '%s\\n' \"$@\""
        done = subprocess.run(["sh", "-c", script], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    def run(self, name: str, line: str) -> str:
        """Run a line and return what it printed."""
        print(f"\n$ {line}", flush=True)
        start = time.monotonic()
        with self.engine.command(self.words(line)) as command:
            done = subprocess.run(
                command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
        self.seconds[name] = round(time.monotonic() - start, 1)
        print(done.stdout, flush=True)
        check(done.returncode == 0, f"{name}: exit status {done.returncode}")
        return done.stdout

    def answer(self) -> None:
        """Run init's line at a terminal, with the tutorial's answers, but for sizes that a test can afford."""
        enter, down = "\r", "\x1b[B"
        data = "/home/blueoil/CamVid/"
        with self._terminal("init", INIT) as child:
            for question, keys in (
                ("your model name ()", "camvid" + enter),
                ("choose task type", enter),
                ("choose network", enter),
                ("choose dataset format", enter),
                ("training dataset path", data + enter),
                ("set validation dataset?", enter),
                ("test dataset path", data + enter),
                ("batch size (integer)", "2" + enter),
                ("image size (integer x integer)", SIZE + enter),
                ("how many epochs do you run training (integer)", "3" + enter),
                ("choose optimizer", enter),
                ("initial learning rate", enter),
                ("choose learning rate schedule", down * 2 + enter),
                ("enable data augmentation?", "y"),
                ("Please choose augmentors", enter),
                ("apply quantization at the first layer?", "n"),
            ):
                child.expect_exact(question)
                child.send(keys)
            child.expect_exact("Next step: blueoil train -c config/camvid.py")
        check(child.exitstatus == 0, f"init: exit status {child.exitstatus}")

    def interrupt(self) -> None:
        """Run the line of a long training and press Ctrl-C when it learns."""
        with self._terminal("interrupted", INTERRUPTED) as child:
            child.expect(r"step \d+/")
            child.sendintr()
            child.expect_exact("To go on: blueoil train -e interrupted")
        check(child.exitstatus == 130, f"Ctrl-C: exit status {child.exitstatus}")

    @contextmanager
    def _terminal(self, name: str, line: str) -> Iterator[pexpect.spawn[str]]:
        """Run a line at a terminal; at the end it has ended by itself."""
        print(f"\n$ {line}", flush=True)
        start = time.monotonic()
        with self.engine.command(self.words(line)) as command:
            child = pexpect.spawn(
                command[0], command[1:], cwd=self.folder, encoding="utf-8", timeout=WAIT, dimensions=(60, 240)
            )
            child.logfile_read = sys.stdout
            child.delaybeforesend = 0.3
            try:
                yield child
                child.expect(pexpect.EOF)
            except pexpect.ExceptionPexpect as error:
                raise FaultError(f"{name}: {type(error).__name__}: {child.before}") from None
            finally:
                child.close()
        self.seconds[name] = round(time.monotonic() - start, 1)

    def look_at_tensorboard(self) -> None:
        """Run TensorBoard's line until its page comes, then stop it."""
        print(f"\n$ {TENSORBOARD}", flush=True)
        start = time.monotonic()
        with self.engine.command(self.words(TENSORBOARD)) as command:
            server = subprocess.Popen(command, cwd=self.folder, start_new_session=True)
            try:
                self._wait_for_page(server)
                self.seconds["tensorboard"] = round(time.monotonic() - start, 1)
            finally:
                os.killpg(server.pid, signal.SIGINT)
                try:
                    server.wait(60)
                except subprocess.TimeoutExpired:
                    os.killpg(server.pid, signal.SIGKILL)

    def _wait_for_page(self, server: subprocess.Popen[bytes]) -> None:
        url = "http://127.0.0.1:6006/data/runs"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(int(WAIT)):
            check(server.poll() is None, "tensorboard: ended by itself")
            try:
                with opener.open(url, timeout=5) as page:
                    runs = json.loads(page.read())
            except OSError:
                runs = []
            if len(runs) >= 2:
                print(f"{url}: {runs}", flush=True)
                return
            time.sleep(1)
        raise FaultError(f"tensorboard: no page at {url}")
