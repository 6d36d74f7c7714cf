"""The source of the site: the pages of docs/, those that lie beside the code, and the generated ones, in chapters.

Links are written so that they work in the repository. Here they are led to where a page or file lies in the site.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from blueoil.errors import BlueoilError
from blueoil.reference import c_api, cli, operators, settings

ROOT = Path(__file__).parents[2]
DOCS = "docs"
INDEX = "index"
CHAPTERS: dict[str, tuple[str, ...]] = {
    "Begin": ("install", "tutorial"),
    "How to": ("data", "augmentation", "training", "plugins", "fpga", "scale", "export", "report", "graphs", "docker"),
    "Reference": ("reference/cli", "reference/settings", "reference/operators", "reference/c_api"),
    "How it works": ("numerics", "engine", "arm", "fpga-library", "accelerator", "robustness"),
    "Record": ("results", "changelog", "contributing"),
}
"""Title of each chapter and its pages; a page of docs/ that is nowhere here comes into the last one."""
GENERATED = {
    "reference/cli": cli.render,
    "reference/settings": settings.render,
    "reference/operators": operators.render,
    "reference/c_api": c_api.render,
}
ELSEWHERE = {
    "README.md": INDEX,
    "dlk/hw/README.md": "accelerator",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
}
"""Pages outside of docs/ by what they are called in the site; the README's place has an index of its own."""
_FILES = "files"
_MARK = ".blueoil-docs"
_LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[)#])")


def write(folder: Path, root: Path = ROOT) -> None:
    """Write the site's source into ``folder``, which is new, empty, or was written by this before.

    root: the repository. Raises BlueoilError for any other folder, and where there is no docs/.
    """
    if not (root / DOCS / f"{INDEX}.md").is_file():
        raise BlueoilError("the pages are not here", expected=f"the folder {DOCS} in {root}", fix="run it in the tree")
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _MARK).exists():
            raise BlueoilError(f"{folder} holds something else", fix="choose a new folder")
        shutil.rmtree(folder)
    pages = _pages(root)
    for name, source in pages.items():
        _put(folder / f"{name}.md", _linked(source, name, pages, folder, root))
    for name, render in GENERATED.items():
        _put(folder / f"{name}.md", render())
    with (folder / f"{INDEX}.md").open("a", encoding="utf-8") as index:
        index.write(_contents(pages))
    (folder / _MARK).touch()


def _pages(root: Path) -> dict[str, Path]:
    """Return the names of all pages that somebody wrote, and their files."""
    pages = {path.stem: path for path in sorted((root / DOCS).glob("*.md"))}
    return {**{name: root / path for path, name in ELSEWHERE.items() if name != INDEX}, **pages}


def _contents(pages: dict[str, Path]) -> str:
    """Return the chapters as MyST's tables of contents, which stand beside every page of the site."""
    chapters = dict(CHAPTERS)
    listed = {INDEX, *(name for names in chapters.values() for name in names)}
    chapters[list(chapters)[-1]] += tuple(name for name in pages if name not in listed)
    trees = (f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(names) for title, names in chapters.items())
    return "".join(f"\n{tree}\n```\n" for tree in trees)


def _linked(source: Path, name: str, pages: dict[str, Path], folder: Path, root: Path) -> str:
    """Return the text of a page with its links led to their places in the site; files are copied there."""
    names = {path.resolve(): page for page, path in pages.items()}
    names |= {(root / path).resolve(): page for path, page in ELSEWHERE.items()}
    here = (folder / name).parent

    def lead(link: re.Match[str]) -> str:
        target = (source.parent / link[0]).resolve()
        if target in names:
            return os.path.relpath(folder / f"{names[target]}.md", here)
        if not target.is_file():
            return link[0]
        inside = target.is_relative_to((root / DOCS).resolve())
        relative = (
            target.relative_to((root / DOCS).resolve()) if inside else _FILES / target.relative_to(root.resolve())
        )
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, folder / relative)
        return os.path.relpath(folder / relative, here)

    return _LINK.sub(lead, source.read_text(encoding="utf-8"))


def _put(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
