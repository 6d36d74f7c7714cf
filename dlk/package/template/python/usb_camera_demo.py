"""Segment what a camera sees, or a video file, and show it with the frame rate.

    python usb_camera_demo.py                       # camera 0, in a window; ESC or q ends
    python usb_camera_demo.py --video drive.mp4     # a file in place of the camera
    python usb_camera_demo.py --source synthetic    # a drawn street in place of the camera
    python usb_camera_demo.py --save frames         # no screen: write the pictures into a folder

Needs OpenCV beside the packages in requirements.txt: `pip install opencv-python`; but not for a drawn street that is
saved. A board without a screen: motion_jpeg_server_from_camera.py.
Exit status: 0 done, 1 something given cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

try:
    import numpy as np
    from lmnet.command import ArgumentParser, add_model_options, carry_out, open_model
    from lmnet.inference import UsageError
    from lmnet.sources import Newest, Rate, add_source_options, import_opencv, open_source, pictures
    from PIL import Image

    from lmnet.processors.overlay import overlay
except ModuleNotFoundError as missing:
    wanted = Path(__file__).with_name("requirements.txt")
    sys.exit(f"error: the Python package {missing.name} is missing; {sys.executable} -m pip install -r {wanted}")

WINDOW = "Blueoil"
END_KEYS = (27, ord("q"))

logger = logging.getLogger("demo")


class Window:
    """A window on this machine's screen."""

    def __init__(self) -> None:
        """Raises UsageError without OpenCV."""
        self._cv2 = import_opencv()

    def show(self, picture: np.ndarray, text: str) -> bool:
        """Show an RGB picture; return whether to go on. Raises UsageError without a screen."""
        cv2 = self._cv2
        frame = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        cv2.putText(frame, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
        try:
            cv2.imshow(WINDOW, frame)
        except cv2.error as error:
            raise UsageError(
                "no window can be opened on this machine; write pictures with --save FOLDER, "
                "or look from another one with motion_jpeg_server_from_camera.py"
            ) from error
        return (cv2.waitKey(1) & 0xFF) not in END_KEYS


class Folder:
    """A folder of numbered pictures in place of the window."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        path.mkdir(parents=True, exist_ok=True)

    def show(self, picture: np.ndarray, text: str) -> bool:
        """Write an RGB picture; return True."""
        self._count += 1
        Image.fromarray(picture).save(self._path / f"frame_{self._count:06d}.png")
        logger.info("frame %d  %s", self._count, text)
        return True


def parse_arguments(arguments: list | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = ArgumentParser(description="Segment what a camera sees.")
    add_model_options(parser)
    add_source_options(parser)
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write pictures there; open no window")
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="end after N frames")
    return parser.parse_args(arguments)


def demo(options: argparse.Namespace) -> None:
    """Run until the frames, their number or the user ends it. Raises UsageError."""
    shown = 0
    with open_model(options) as model:
        source = open_source(options)
        screen = Folder(options.save) if options.save else Window()
        frames = source if options.video else Newest(source)  # of a file every picture, of a camera the newest
        rate = Rate()
        try:
            for frame in pictures(frames):
                prediction = model.predict(frame)
                picture = overlay(frame, prediction.classes, model.colors)
                text = f"{rate.tick():.1f} FPS  network {prediction.times.run * 1000:.0f} ms"
                shown += 1
                if not screen.show(picture, text) or shown == options.frames:
                    break
        finally:
            frames.close()
    logger.info("%d frames", shown)


def main(arguments: list | None = None) -> int:
    """Return the exit status of the program; Ctrl-C is a usual end."""
    return carry_out(lambda: demo(parse_arguments(arguments)), stopped=0)


if __name__ == "__main__":
    sys.exit(main())
