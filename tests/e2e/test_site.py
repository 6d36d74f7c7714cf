"""The site builds without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blueoil.reference import site

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.needs("sphinx", "furo", "myst_parser")
def test_the_site_builds_and_each_page_is_in_it(tmp_path: Path) -> None:
    source, built = tmp_path / "source", tmp_path / "built"
    site.write(source)
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-c", DOCS, source, built]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(source).with_suffix(".html") for path in source.rglob("*.md")}
    assert pages == {path.relative_to(built) for path in built.rglob("*.html")} - {
        Path("genindex.html"),
        Path("search.html"),
    }
    start = (built / "index.html").read_text(encoding="utf-8")
    assert [page for page in map(str, pages) if f'href="{page}"' not in start and page != "index.html"] == []
    assert 'src="_images/street.png"' in start
    assert "blueoil doctor" in (built / "reference/cli.html").read_text(encoding="utf-8")
