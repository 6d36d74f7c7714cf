"""A video file through the network: the overlay as a video, and the share of each class in every picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from lmnet.inference import Model, Prediction, UsageError
from lmnet.processors.overlay import overlay
from lmnet.sources import Video, import_opencv, pictures


def segment_video(model: Model, path: Path, target: Path, *, trials: int = 1, most: int = 0) -> tuple:
    """Write the overlay of a video to ``target`` (Motion JPEG, .avi); return its JSON entries and all Times.

    An entry a picture: a mask of each class, as for an image, would be gigabytes. trials: runs of each picture;
    most: end after so many pictures, 0: at the end. Raises UsageError; ``target`` is whole then, or not there.
    """
    video = Video(path)
    writer = None
    temporary = target.with_name(f".{os.getpid()}.{target.name}")  # OpenCV wants to see the .avi at its end
    entries, times = [], []
    try:
        for number, picture in enumerate(pictures(video), 1):
            predictions = [model.predict(picture) for _ in range(trials)]
            writer = writer or _Writer(temporary, video.rate, picture.shape[:2])
            writer.write(overlay(picture, predictions[0].classes, model.colors))
            entries.append(_entry(path, number, predictions[0], model.meta.classes))
            times += [prediction.times for prediction in predictions]
            if number == most:
                break
        writer.close()
        temporary.replace(target)
    finally:
        video.close()
        if writer is not None:
            writer.close()
        if temporary.exists():
            temporary.unlink()
    return entries, times


def _entry(path: Path, number: int, prediction: Prediction, names: list) -> dict:
    shares = [
        {"class": {"id": index, "name": name}, "share": round(share, 6)}
        for index, (name, share) in enumerate(zip(names, prediction.shares(len(names))))
    ]
    return {"file_path": str(path), "frame": number, "prediction": shares}


class _Writer:
    """Writes RGB pictures of one size as Motion JPEG, which OpenCV does without other libraries."""

    def __init__(self, path: Path, rate: float, size: tuple) -> None:
        self._cv2 = import_opencv()
        code = self._cv2.VideoWriter_fourcc(*"MJPG")
        self._size = size
        self._writer = self._cv2.VideoWriter(str(path), code, rate, (size[1], size[0]))
        if not self._writer.isOpened():
            raise UsageError(f"OpenCV cannot write the video {path}; is the folder writable, and is there room?")

    def write(self, picture: np.ndarray) -> None:
        """Append a picture."""
        if picture.shape[:2] != self._size:
            raise UsageError(f"the pictures of the video change their size from {self._size} to {picture.shape[:2]}")
        self._writer.write(self._cv2.cvtColor(picture, self._cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file."""
        self._writer.release()
