"""The camera demo with a stand-in for OpenCV: a video, a live camera, no screen, no OpenCV."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from packages import CLASSES, bare_site, make_package, run_device
from PIL import Image

FAKE_CV2 = '''
"""Four frames from any file or camera; a window that records what it is shown."""
import os
import time
import numpy

CAP_PROP_FRAME_WIDTH, CAP_PROP_FRAME_HEIGHT, CAP_PROP_FPS, CAP_PROP_FRAME_COUNT = 3, 4, 5, 7
COLOR_BGR2RGB, COLOR_RGB2BGR, FONT_HERSHEY_SIMPLEX = 4, 4, 0


class error(Exception):
    pass


class VideoCapture:
    def __init__(self, source):
        self.live = isinstance(source, int)
        self.count = 0
        self.good = not (self.live and source == 9)

    def isOpened(self):
        return self.good

    def set(self, key, value):
        return True

    def get(self, key):
        return 4.0

    def read(self):
        if self.live:
            time.sleep(0.005)
            if self.count == int(os.environ.get("CV2_UNPLUGGED", -1)):
                return False, None
        elif self.count == 4:
            return False, None
        self.count += 1
        return True, numpy.full((24, 32, 3), (10, 20, 40 * min(self.count, 5)), numpy.uint8)

    def release(self):
        with open(os.environ["CV2_LOG"], "a") as log:
            log.write("released\\n")


def cvtColor(frame, code):
    return frame[..., ::-1].copy()


def putText(frame, text, *rest):
    with open(os.environ["CV2_LOG"], "a") as log:
        log.write(f"text {text}\\n")


def imshow(window, frame):
    if os.environ.get("CV2_NO_SCREEN"):
        raise error("no display")


def waitKey(delay):
    return 27 if os.environ.get("CV2_ESC") else -1


def destroyAllWindows():
    pass
'''


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("camera"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = bare_site(tmp_path / "site")
    (folder / "cv2.py").write_text(FAKE_CV2)
    return folder


def demo(
    package: Path, site: Path, tmp_path: Path, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run_device(
        package / "python/usb_camera_demo.py", site, *arguments, CV2_LOG=str(tmp_path / "cv2.log"), **environment
    )


def test_a_video_is_shown_to_its_end(package: Path, site: Path, tmp_path: Path) -> None:
    (tmp_path / "drive.mp4").write_bytes(b"")
    result = demo(package, site, tmp_path, "--video", tmp_path / "drive.mp4")
    assert result.returncode == 0, result.stderr
    log = (tmp_path / "cv2.log").read_text().splitlines()
    assert log[-1] == "released"
    assert sum("FPS" in line for line in log) == 4


def test_frames_can_be_saved_without_a_screen(package: Path, site: Path, tmp_path: Path) -> None:
    (tmp_path / "drive.mp4").write_bytes(b"")
    result = demo(package, site, tmp_path, "--video", tmp_path / "drive.mp4", "--save", tmp_path / "frames")
    assert result.returncode == 0, result.stderr
    files = sorted((tmp_path / "frames").iterdir())
    assert len(files) == 4
    picture = np.asarray(Image.open(files[0]))
    assert picture.shape == (24, 32, 3)
    red, blue = picture[0, 0, 0], picture[0, 0, 2]
    assert red >= 20 and blue >= 5  # half of the frame's RGB (40, 20, 10) is in it
    assert len(CLASSES) == 4


def test_a_camera_ends_after_the_frames_asked_for_and_on_escape(package: Path, site: Path, tmp_path: Path) -> None:
    result = demo(package, site, tmp_path, "--frames", 3)
    assert result.returncode == 0, result.stderr
    assert "3 frames" in result.stderr
    result = demo(package, site, tmp_path, CV2_ESC="1")
    assert result.returncode == 0, result.stderr
    assert "1 frames" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--camera", "9"], {}, "camera 9 cannot be opened"),
        (["--video", "/no/file.mp4"], {}, "/no/file.mp4"),
        ([], {"CV2_NO_SCREEN": "1"}, "--save"),
        ([], {"CV2_UNPLUGGED": "3"}, "camera 0 gives no picture"),
        (["--camera", "1", "--video", "a.mp4"], {}, "not allowed with"),
        (["--source", "nonsense"], {}, "--source"),
        (["-m", "/no/lib.so"], {}, "/no/lib.so"),
        (["--threads", "99"], {}, "--threads takes a number from 1 to 64"),
    ],
)
def test_mistakes_are_one_sentence(
    package: Path, site: Path, tmp_path: Path, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    result = demo(package, site, tmp_path, *arguments, **environment)
    assert result.returncode == 1
    assert [line for line in result.stderr.splitlines() if line.startswith("error:") and told in line]
    assert "Traceback" not in result.stderr


def test_the_drawn_street_needs_neither_camera_nor_opencv(package: Path, site: Path, tmp_path: Path) -> None:
    (site / "cv2.py").unlink()
    words = ["--source", "synthetic", "--save", tmp_path / "frames", "--frames", 3]
    result = demo(package, site, tmp_path, *words)
    assert result.returncode == 0, result.stderr
    first, *_, last = (np.asarray(Image.open(file)) for file in sorted((tmp_path / "frames").iterdir()))
    assert first.shape == (360, 480, 3)
    assert 0 < (first != last).any(axis=-1).mean() < 0.5, "it moves, and is the same street"


def test_without_opencv_it_says_how_to_get_it(package: Path, site: Path, tmp_path: Path) -> None:
    (site / "cv2.py").unlink()
    result = demo(package, site, tmp_path)
    assert result.returncode == 1
    assert "pip install opencv-python" in result.stderr
