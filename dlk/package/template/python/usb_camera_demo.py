"""Segment what a camera sees, or a video file, and show it with the frame rate.

    python usb_camera_demo.py                       # camera 0, in a window; ESC or q ends
    python usb_camera_demo.py --video drive.mp4     # a file in place of the camera
    python usb_camera_demo.py --save frames         # no screen: write the pictures into a folder

Needs OpenCV beside the packages in requirements.txt: `pip install opencv-python`.
Exit status: 0 done, 1 something given cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from pathlib import Path

import numpy as np
from lmnet.inference import THREADS_HELP, Model, UsageError, default_meta, default_model, read_meta
from PIL import Image

from lmnet.processors.overlay import overlay

WINDOW = "Blueoil"
END_KEYS = (27, ord("q"))
CAMERA_SIZE = (320, 240)
RATE_FRAMES = 30

logger = logging.getLogger("demo")


def import_opencv() -> object:
    """Return OpenCV's module. Raises UsageError when it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise UsageError(
            f"OpenCV cannot be loaded ({error}); install it with `pip install opencv-python` "
            "or your system's package python3-opencv"
        ) from error
    return cv2


class Frames:
    """Frames of a camera or a video file as RGB uint8 [H,W,3].

    A camera is read in a thread that keeps the newest frame only, so that what is shown never lags behind.
    """

    def __init__(self, cv2: object, source: object, *, live: bool) -> None:
        """Open a camera number or a file. Raises UsageError."""
        self._cv2 = cv2
        self._capture = cv2.VideoCapture(source)
        if not self._capture.isOpened():
            name = f"camera {source}" if live else source
            raise UsageError(f"{name} cannot be opened; give a camera's number with --camera or a file with --video")
        self._live = live
        self._newest = None
        self._ended = False
        self._news = threading.Condition()
        if live:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, CAMERA_SIZE[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, CAMERA_SIZE[1])
            self._thread = threading.Thread(target=self._follow, daemon=True)
            self._thread.start()

    def __iter__(self) -> Frames:
        return self

    def __next__(self) -> np.ndarray:
        if not self._live:
            good, frame = self._capture.read()
        else:
            with self._news:
                while self._newest is None and not self._ended:
                    self._news.wait(0.1)
                good, frame, self._newest = self._newest is not None, self._newest, None
        if not good:
            raise StopIteration
        return self._cv2.cvtColor(frame, self._cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Let go of the camera."""
        self._ended = True
        if self._live:
            self._thread.join(2)
        self._capture.release()

    def _follow(self) -> None:
        while not self._ended:
            good, frame = self._capture.read()
            with self._news:
                self._newest = frame if good else None
                self._ended = self._ended or not good
                self._news.notify()


class Rate:
    """Frames a second over the last frames."""

    def __init__(self) -> None:
        self._times = [time.perf_counter()]

    def tick(self) -> float:
        """Count a frame; return the rate."""
        self._times = [*self._times[-RATE_FRAMES:], time.perf_counter()]
        return (len(self._times) - 1) / max(self._times[-1] - self._times[0], 1e-9)


def show(cv2: object, picture: np.ndarray, text: str) -> bool:
    """Show an RGB picture in the window; return whether to go on. Raises UsageError without a screen."""
    frame = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cv2.putText(frame, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
    try:
        cv2.imshow(WINDOW, frame)
    except cv2.error as error:
        raise UsageError("no window can be opened on this machine; write pictures with --save FOLDER") from error
    return (cv2.waitKey(1) & 0xFF) not in END_KEYS


def parse_arguments(arguments: list | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Segment what a camera sees.")
    parser.add_argument(
        "-m", "--model", "-l", type=Path, default=default_model(), help="library or graph [%(default)s]"
    )
    parser.add_argument("-c", "--config", type=Path, default=default_meta(), help="meta.yaml [%(default)s]")
    parser.add_argument("--camera", type=int, default=0, metavar="N", help="number of the camera [0]")
    parser.add_argument("--video", type=Path, metavar="FILE", help="a video file in place of the camera")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write pictures there; open no window")
    parser.add_argument("--threads", type=int, metavar="N", help=THREADS_HELP)
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="end after N frames")
    return parser.parse_args(arguments)


def demo(options: argparse.Namespace) -> int:
    """Run until the frames, their number or the user ends it; return how many were shown. Raises UsageError."""
    cv2 = import_opencv()
    if options.video and not options.video.is_file():
        raise UsageError(f"there is no file {options.video}")
    if options.save:
        options.save.mkdir(parents=True, exist_ok=True)
    shown = 0
    with Model(options.model, read_meta(options.config), threads=options.threads) as model:
        frames = Frames(cv2, str(options.video) if options.video else options.camera, live=options.video is None)
        rate = Rate()
        try:
            for frame in frames:
                prediction = model.predict(frame)
                picture = overlay(frame, prediction.classes, model.colors)
                text = f"{rate.tick():.1f} FPS  network {prediction.run * 1000:.0f} ms"
                shown += 1
                if options.save:
                    Image.fromarray(picture).save(options.save / f"frame_{shown:06d}.png")
                    logger.info("frame %d  %s", shown, text)
                elif not show(cv2, picture, text):
                    break
                if shown == options.frames:
                    break
        finally:
            frames.close()
            if not options.save:
                cv2.destroyAllWindows()
    if shown == 0:
        raise UsageError("no frame came; is the camera in use, or the file no video?")
    return shown


def main(arguments: list | None = None) -> int:
    """Return the exit status of the program."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        logger.info("%d frames", demo(parse_arguments(arguments)))
    except (UsageError, OSError) as error:
        logger.error("error: %s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
