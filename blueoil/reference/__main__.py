"""``python -m blueoil.reference FOLDER``: write the source of the site, which Sphinx builds (`make docs`)."""

from __future__ import annotations

from pathlib import Path

import click

from blueoil.bench.entry import start
from blueoil.reference import site


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Write the source of the site into FOLDER."""
    site.write(folder)


if __name__ == "__main__":
    start(command)
