"""One way to draw and save every picture: no window, no half file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blueoil.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: Figure, file: Path) -> None:
    """Write a figure as PNG, whole or not at all, with its parent folder. No display is needed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with replacing(file) as temporary, temporary.open("wb") as stream:
        FigureCanvasAgg(figure).print_png(stream)
