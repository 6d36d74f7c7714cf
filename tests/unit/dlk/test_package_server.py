"""The camera server: its page in a real browser, its stream and numbers, several clients, and how it ends."""

from __future__ import annotations

import html.parser
import io
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from packages import CLASSES, HEIGHT, WIDTH, bare_site, device_environment, make_package, run_device
from PIL import Image
from test_package_camera import FAKE_CV2

from lmnet.processors.overlay import overlay
from lmnet.processors.palette import class_colors

NAME = "motion_jpeg_server_from_camera.py"


class Served:
    """A running server."""

    def __init__(self, package: Path, site: Path, *arguments: object) -> None:
        script = package / "python" / NAME
        words = [sys.executable, "-S", "-s", script, "--port", "0", *map(str, arguments)]
        self.process = subprocess.Popen(
            words, env=device_environment(site), cwd=script.parent, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.told = self.process.stderr.readline()
        found = re.search(r"http://[^:]+:(\d+)/", self.told)
        assert found, self.told + self.process.stderr.read()
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310 - our own server
            return bytes(answer.read())

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        try:
            _, rest = self.process.communicate(timeout=30)
        finally:
            self.process.kill()  # one that did not listen does not outlive its test
        return self.process.returncode, rest


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("server")
    return make_package(folder), bare_site(folder / "site")


@pytest.fixture(scope="module")
def served(shared: tuple[Path, Path]) -> Iterator[Served]:
    server = Served(*shared, "--source", "synthetic")
    yield server
    server.end(signal.SIGKILL)


def stream(served: Served, count: int) -> list[bytes]:
    """Return the first pictures of a new client's stream."""
    pictures = []
    with urllib.request.urlopen(served.url + "/stream.mjpg", timeout=30) as answer:  # noqa: S310 - our own server
        kind = answer.headers["Content-Type"]
        assert kind == "multipart/x-mixed-replace; boundary=frame"
        while len(pictures) < count:
            assert answer.readline() == b"--frame\r\n"
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            length = int(answer.readline().removeprefix(b"Content-Length: "))
            assert answer.readline() == b"\r\n"
            pictures.append(answer.read(length))
            assert answer.readline() == b"\r\n"
    return pictures


def test_without_a_host_only_this_machine_is_served(served: Served) -> None:
    assert served.told.startswith("look at http://127.0.0.1:")
    listening = Path("/proc/net/tcp").read_text().splitlines()
    own = [line.split()[1] for line in listening if line.split()[1].endswith(f":{served.port:04X}")]
    assert own[0].split(":")[0] == "0100007F"


def test_the_stream_is_the_overlay_and_moves_on_for_every_client(served: Served) -> None:
    first, second = stream(served, 3), stream(served, 3)
    pictures = [np.asarray(Image.open(io.BytesIO(data))) for data in (*first, *second)]
    assert {picture.shape for picture in pictures} == {(360, 480, 3)}
    assert len(set(first)) == len(set(second)) == 3 and len({*first, *second}) >= 5, "each is a younger one"
    sky = pictures[0][5, 5].astype(int)  # half of the street's sky and half of the colour of one class
    likely = [
        overlay(np.full((1, 1, 3), (150, 185, 225), np.uint8), np.full((1, 1), i, np.uint8), class_colors(CLASSES))
        for i in range(len(CLASSES))
    ]
    assert min(abs(color.astype(int) - sky).max() for color in likely) <= 6, "JPEG rounds"


def test_the_numbers_are_those_of_the_view(served: Served) -> None:
    model, status = json.loads(served.get("/model")), json.loads(served.get("/status"))
    assert (model["height"], model["width"]) == (HEIGHT, WIDTH)
    assert [item["name"] for item in model["classes"]] == CLASSES
    colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in class_colors(CLASSES)]
    assert [item["color"] for item in model["classes"]] == colors
    assert (status["height"], status["width"]) == (360, 480)
    assert abs(sum(status["shares"]) - 1) < 0.001 and len(status["shares"]) == len(CLASSES)
    assert status["fps"] > 0 and status["network_ms"] > 0
    time.sleep(0.5)
    assert json.loads(served.get("/status"))["frames"] > status["frames"], "it works on while nobody looks"
    assert Image.open(io.BytesIO(served.get("/snapshot.jpg"))).size == (480, 360)


def test_other_addresses_and_a_client_that_talks_nonsense_do_no_harm(served: Served) -> None:
    for path in ("/etc/passwd", "/../run.py", "/lmnet/web.py"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            served.get(path)
        assert caught.value.code == 404
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"\x00\xff" * 2000 + b"\r\n\r\n")
        client.recv(100)
    assert served.get("/status")


class Page(html.parser.HTMLParser):
    """The texts of a page, and the colours of its legend."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.colors: list[str] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.colors += re.findall(r"background: (rgb\(.*?\))", dict(attrs).get("style") or "")


def chromium(tmp_path: Path, url: str, *words: str) -> str:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        ["chromium", *flags, "--window-size=1100,620", "--virtual-time-budget=3000", *words, url],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.needs("chromium")
def test_a_browser_shows_the_picture_the_rate_and_the_legend(served: Served, tmp_path: Path) -> None:
    page = Page(chromium(tmp_path, served.url, "--dump-dom"))
    after = dict(zip(page.texts, page.texts[1:], strict=False))
    assert float(after["FPS"]) > 0
    assert int(after["frames"]) > 0
    assert after["network"].endswith(" ms")
    assert [name for name in page.texts if name in CLASSES] == CLASSES
    assert all(after[name].endswith("%") for name in CLASSES)
    assert page.colors == ["rgb({}, {}, {})".format(*color) for color in class_colors(CLASSES)]
    chromium(tmp_path, served.url, f"--screenshot={tmp_path / 'page.png'}")
    picture = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"))[30:500, 30:680]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100, "the camera's picture is there, no empty frame"


def test_a_port_in_use_and_other_mistakes_are_one_sentence(served: Served, shared: tuple[Path, Path]) -> None:
    for words, told in (
        (["--port", served.port], f"port {served.port} is in use by another program; choose another with --port"),
        (["--port", "70000"], "--port takes a number from 0 to 65535"),
        (["--host", "192.0.2.1"], "192.0.2.1 is no address of this machine"),
        (["-m", "/no/lib.so"], "/no/lib.so"),
    ):
        result = run_device(shared[0] / "python" / NAME, shared[1], "--source", "synthetic", *words)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1 and told in result.stderr
    result = run_device(shared[0] / "python" / NAME, shared[1])
    assert result.returncode == 1
    assert "pip install opencv-python" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_while_clients_look(shared: tuple[Path, Path], number: signal.Signals) -> None:
    server = Served(*shared, "--source", "synthetic")
    with urllib.request.urlopen(server.url + "/stream.mjpg", timeout=30) as answer:  # noqa: S310 - our own server
        answer.read(1000)
        assert server.end(number) == (0, "stopped\n")


def test_a_camera_that_goes_away_ends_it_with_a_sentence(shared: tuple[Path, Path], tmp_path: Path) -> None:
    site = bare_site(tmp_path / "site")
    (site / "cv2.py").write_text(FAKE_CV2)
    script = shared[0] / "python" / NAME
    result = run_device(script, site, "--port", "0", CV2_UNPLUGGED="3", CV2_LOG=str(tmp_path / "log"))
    assert result.returncode == 1
    assert result.stderr.splitlines()[1:] == ["error: camera 0 gives no picture; was it unplugged, or is it in use?"]
    result = run_device(script, site, "--port", "0", "--frames", 4, CV2_LOG=str(tmp_path / "log"))
    assert result.returncode == 0
    assert (tmp_path / "log").read_text() == "released\n" * 2
