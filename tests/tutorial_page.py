"""What docs/tutorial.md gives its reader to type, made small: six steps on nine pictures show what 300 on 60 do."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
STEPS = 6
SMALLER = {
    "--train 48 --validation 12": "--train 6 --validation 3",
    "96x128": "48x64",
    "batch size (integer): 8": "batch size (integer): 2",
    "max_steps=300 test_steps=50": f"max_steps={STEPS}",
    "save.ckpt-300": f"save.ckpt-{STEPS}",
}


@cache
def _blocks(language: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    for large, small in SMALLER.items():
        assert large in text, f"the page has no {large} any more"
        text = text.replace(large, small)
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def answers() -> str:
    """Return the file answers.yaml."""
    return _blocks("yaml")


def commands(start: str = "") -> list[list[str]]:
    """Return the words of each command line that begins so, in the order of the page."""
    return [shlex.split(line) for line in _blocks("sh").splitlines() if line.startswith(start)]


def typed(start: str) -> list[str]:
    """Return the words behind ``blueoil`` of the one command line that begins so."""
    (words,) = commands(f"blueoil {start}")
    return words[1:]


PACKAGE = f"saved/first/export/save.ckpt-{STEPS}/48x64/output"


def tree() -> list[str]:
    """Return the paths of the package's tree: folders, files, and the libraries, which stand in one line."""
    block = _blocks("text").partition(f"{PACKAGE}\n")[2]
    paths: list[str] = []
    place: list[str] = []
    for line in block.splitlines():
        branch, name, rest = re.fullmatch(r"([│ ]*[├└]─ )(\S+) *(.*)", line).groups()  # type: ignore[union-attr]
        place[len(branch) // 3 - 1 :] = [name]
        paths.append("/".join(place))
        paths += [f"{paths[-1]}/{word}" for word in rest.split() if word.endswith(".so")]
    return paths
