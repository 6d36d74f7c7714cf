"""A camera through the network without end: one thread takes pictures, one segments the newest, any number look."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lmnet.inference import Model
from lmnet.processors.overlay import overlay
from lmnet.sources import Newest, Rate

JPEG_QUALITY = 80


@dataclass(frozen=True)
class View:
    """What is seen at one moment. ``number`` counts from 1; ``jpeg``: the overlay; ``shares``: of each class, 0..1."""

    number: int
    jpeg: bytes
    size: tuple
    rate: float
    network: float
    shares: list


class Live:
    """Segments the newest picture of a source in a thread of its own, until ``close`` or the source's end."""

    def __init__(self, model: Model, source: object, *, most: int = 0) -> None:
        """Start. ``most``: end after so many pictures, 0: never."""
        self.model = model
        self.error = None
        self._newest = Newest(source)
        self._most = most
        self._view = None
        self._ended = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Return whether no view will come any more."""
        return self._ended

    def after(self, number: int, seconds: float) -> View | None:
        """Return the newest view when it is younger than view ``number``; wait so long for it, None without one."""
        with self._news:
            self._news.wait_for(lambda: self._ended or (self._view is not None and self._view.number > number), seconds)
            return self._view if self._view is not None and self._view.number > number else None

    def wait(self, seconds: float) -> bool:
        """Return whether the end came within so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: self._ended, seconds)

    def close(self) -> None:
        """End both threads and let go of the source."""
        self._end(None)
        self._newest.close()
        self._thread.join()  # ends with its picture; the network must live so long

    def _end(self, error: Exception | None) -> None:
        with self._news:
            self.error = self.error or error
            self._ended = True
            self._news.notify_all()

    def _follow(self) -> None:
        rate = Rate()
        number = 0
        try:
            while not self._ended and (number < self._most or not self._most):
                picture = self._newest.read()
                if picture is None:
                    break
                number += 1
                view = self._segment(number, picture, rate)
                with self._news:
                    self._view = view
                    self._news.notify_all()
        except Exception as error:  # whatever it is, the main thread tells it
            self._end(error)
        self._end(None)

    def _segment(self, number: int, picture: np.ndarray, rate: Rate) -> View:
        prediction = self.model.predict(picture)
        buffer = io.BytesIO()
        seen = overlay(picture, prediction.classes, self.model.colors)
        Image.fromarray(seen).save(buffer, "JPEG", quality=JPEG_QUALITY)
        shares = [round(share, 4) for share in prediction.shares(len(self.model.meta.classes))]
        return View(number, buffer.getvalue(), picture.shape[:2], rate.tick(), prediction.times.run, shares)
