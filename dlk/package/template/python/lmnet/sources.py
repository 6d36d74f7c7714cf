"""Where pictures come from: a camera, a video file, or a drawn street. All give RGB uint8 [H,W,3]."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lmnet.inference import UsageError
from lmnet.street import street

VIDEO_SUFFIXES = (".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
CAMERA_SIZE = (320, 240)
USUAL_RATE = 25.0
RATE_PICTURES = 30
LEFT_OUT = 0.02  # of a video's frames: the number that a file tells may be an estimate


def import_opencv() -> object:
    """Return OpenCV's module, told to keep its own messages to itself. Raises UsageError when it is not installed."""
    for name, level in (("OPENCV_LOG_LEVEL", "OFF"), ("OPENCV_FFMPEG_LOGLEVEL", "-8")):
        os.environ.setdefault(name, level)
    try:
        import cv2
    except ImportError as error:
        raise UsageError(
            f"OpenCV cannot be loaded ({error}); install it with `pip install opencv-python` "
            "or your system's package python3-opencv"
        ) from error
    return cv2


class Camera:
    """A camera by its number. ``rate`` None: it gives a picture when it has one."""

    rate = None

    def __init__(self, number: int) -> None:
        """Open it. Raises UsageError."""
        self._cv2 = import_opencv()
        self._name = f"camera {number}"
        self._capture = self._cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise UsageError(f"{self._name} cannot be opened; give another with --camera, or a file with --video")
        self._capture.set(self._cv2.CAP_PROP_FRAME_WIDTH, CAMERA_SIZE[0])
        self._capture.set(self._cv2.CAP_PROP_FRAME_HEIGHT, CAMERA_SIZE[1])

    def read(self) -> np.ndarray:
        """Return the next picture. Raises UsageError when none comes."""
        good, frame = self._capture.read()
        if not good:
            raise UsageError(f"{self._name} gives no picture; was it unplugged, or is it in use?")
        return self._cv2.cvtColor(frame, self._cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


class Video:
    """A video file from its start to its end; ``again``: then from the start once more."""

    def __init__(self, path: Path, *, again: bool = False) -> None:
        """Open it. Raises UsageError."""
        if not path.is_file():
            raise UsageError(f"there is no file {path}")
        self._cv2 = import_opencv()
        self._path = path
        self._again = again
        self._count = 0
        self._open()
        rate = self._capture.get(self._cv2.CAP_PROP_FPS)
        self.rate = rate if 1 <= rate <= 240 else USUAL_RATE
        told = self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
        self._told = int(told) if 0 < told < 1e9 else 0

    def read(self) -> np.ndarray | None:
        """Return the next picture, None at the end. Raises UsageError when the file ends too early."""
        good, frame = self._capture.read()
        if not good:
            if self._count == 0:
                raise UsageError(f"{self._path} holds no picture that OpenCV can decode")
            if self._count < self._told * (1 - LEFT_OUT) - 1:
                raise UsageError(f"{self._path} is damaged: of {self._told} pictures {self._count} can be read")
            if not self._again:
                return None
            self._count = 0
            self.close()
            self._open()
            return self.read()
        self._count += 1
        return self._cv2.cvtColor(frame, self._cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()

    def _open(self) -> None:
        self._capture = self._cv2.VideoCapture(str(self._path))
        if not self._capture.isOpened():
            raise UsageError(f"{self._path} is no video that OpenCV can read")


class Street:
    """The drawn street, without end."""

    rate = USUAL_RATE

    def __init__(self) -> None:
        self._number = 0

    def read(self) -> np.ndarray:
        """Return the next picture."""
        self._number += 1
        return street(self._number - 1)

    def close(self) -> None:
        """Nothing is held."""


SOURCES = {"synthetic": Street}


class Newest:
    """The newest picture of a source, read in a thread of its own in the source's rate; older ones are dropped."""

    def __init__(self, source: object) -> None:
        self._source = source
        self._picture = None
        self._error = None
        self._ended = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def read(self) -> np.ndarray | None:
        """Wait for a picture that was not read yet; None at the end. Raises UsageError as the source did."""
        with self._news:
            self._news.wait_for(lambda: self._picture is not None or self._ended)
            if self._picture is None and self._error is not None:
                raise self._error
            picture, self._picture = self._picture, None
            return picture

    def close(self) -> None:
        """End the thread, then the source; who waits in ``read`` gets None."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        self._thread.join(2)
        self._source.close()

    def _follow(self) -> None:
        due = time.perf_counter()
        error = None
        while not self._ended:
            try:
                picture = self._source.read()
            except Exception as caught:  # whatever it is, it belongs to who reads
                picture, error = None, caught
            with self._news:
                self._picture = picture if picture is not None else self._picture
                self._error = error
                self._ended = self._ended or picture is None
                self._news.notify_all()
            if self._source.rate:
                due = max(due + 1 / self._source.rate, time.perf_counter() - 1)
                time.sleep(max(0.0, due - time.perf_counter()))


def pictures(source: object) -> Iterator:
    """Yield what a source reads until it ends."""
    while True:
        picture = source.read()
        if picture is None:
            return
        yield picture


class Rate:
    """Pictures a second over the last ones."""

    def __init__(self) -> None:
        self._times = deque([time.perf_counter()], RATE_PICTURES + 1)

    def tick(self) -> float:
        """Count a picture; return the rate."""
        self._times.append(time.perf_counter())
        return (len(self._times) - 1) / max(self._times[-1] - self._times[0], 1e-9)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add --camera, --video and --source, of which one may be given."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--camera", type=int, default=0, metavar="N", help="number of the camera [0]")
    group.add_argument("--video", type=Path, metavar="FILE", help="a video file in place of the camera")
    group.add_argument("--source", choices=sorted(SOURCES), help="synthetic: a drawn street in place of the camera")


def open_source(options: argparse.Namespace, *, again: bool = False) -> object:
    """Return the source that the options ask for; ``again``: of Video. Raises UsageError."""
    if options.source:
        return SOURCES[options.source]()
    return Video(options.video, again=again) if options.video else Camera(options.camera)
