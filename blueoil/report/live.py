"""``results.png`` of a run that goes on: drawn again at validations, and never in its way."""

from __future__ import annotations

import time
from pathlib import Path

from blueoil.console import Console
from lmnet.training.folder import FLOAT

MOST = 1 / 20
"""Share of the time that drawing may take; a validation that comes sooner is drawn with the next one."""


class LiveCurves:
    """Draws ``<folder>/results.png``. What goes wrong is told once: no run ends because of its picture.

    Args:
        folder: of the experiment, with results.csv and, where a float twin is trained first, float/results.csv.
        title: above the picture.
        console: where a fault is told.
    """

    def __init__(self, folder: Path, title: str, console: Console) -> None:
        self._folder = folder
        self._title = title
        self._console = console
        self._rested = 0.0
        self._told = False

    def update(self) -> None:
        """Draw, unless that would take more than ``MOST`` of the time."""
        if time.monotonic() >= self._rested:
            self.draw()

    def draw(self) -> None:
        """Draw what is recorded so far."""
        begin = time.monotonic()
        try:
            self._draw()
        except Exception as error:  # whatever the library or the disk has to say
            if not self._told:
                self._told = True
                self._console.warn(f"Warning: results.png cannot be drawn: {type(error).__name__}: {error}")
        end = time.monotonic()
        self._rested = end + (end - begin) / MOST

    def _draw(self) -> None:
        from blueoil.report import curves

        results, twin = self._folder / "results.csv", self._folder / FLOAT / "results.csv"
        if results.is_file() or twin.is_file():
            curves.draw(
                results,
                self._folder / "results.png",
                title=self._title,
                float_results=twin if twin.is_file() else None,
            )
