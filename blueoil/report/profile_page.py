"""The profile as one HTML page that needs nothing else: no network, no script, no font."""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path

import jinja2

from blueoil import __version__
from blueoil.files import write_text
from blueoil.report import profile_charts
from blueoil.report.profile import COLUMNS, Profile, cells, summary, totals

_TEMPLATES = Path(__file__).parent / "templates"
_WORDS = 2  # the first columns hold words, the others numbers


def write(profile: Profile, file: Path) -> None:
    """Write the page, whole or not at all."""
    write_text(file, page(profile))


def page(profile: Profile) -> str:
    """Return the page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("profile.html.jinja").render(
        title=profile.title,
        facts=_facts(profile),
        summary=summary(profile),
        columns=COLUMNS,
        words=_WORDS,
        rows=list(zip(cells(profile), profile.layers, strict=True)),
        totals=totals(profile),
        roofline=_image(profile_charts.roofline(profile)) if any(layer.operations for layer in profile.layers) else "",
        bars=_image(profile_charts.bars(profile)),
        slowest=max(profile.layers, key=lambda layer: layer.seconds).facts.name,
        threads=profile.threads,
    )


def _facts(profile: Profile) -> dict[str, str]:
    """Return what was measured and on what, by its heading."""
    machine = profile.machine
    clock = f", {machine.megahertz / 1000:.2f} GHz at the time" if machine.megahertz else ""
    return {
        "Network": f"{profile.model}, input {' x '.join(map(str, profile.input_shape))}",
        "Library": str(profile.library),
        "Processor": f"{machine.cpu}{clock}; {machine.cpus} CPUs for this process",
        "Instruction set": profile.isa,
        "Threads": str(profile.threads),
        "Runs": f"{profile.latency.runs}, medians",
        "Made": f"{datetime.now():%Y-%m-%d %H:%M} by Blueoil {__version__}",
    }


def _image(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")
