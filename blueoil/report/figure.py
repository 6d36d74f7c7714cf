"""One way to draw and save every picture: no window, no half file."""

from __future__ import annotations

import io
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


def svg(figure: Figure) -> str:
    """Return a figure as SVG text, the same for the same data; letters are drawn, so that no font is needed."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "blueoil", "svg.fonttype": "path"}):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    return stream.getvalue().decode("utf-8")
