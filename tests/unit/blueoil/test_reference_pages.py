"""The generated pages hold what the code holds, and the links of the site's source lead somewhere; without Sphinx."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from blueoil import cli as command_line
from blueoil.errors import BlueoilError
from blueoil.reference import c_api, cli, operators, settings, site
from blueoil.reference.markdown import code, table, text
from dlk.frontends.rules import EXPORTED_OPS, Rule
from dlk.hw.limits import LIMITS
from dlk.targets import TARGETS
from lmnet.settings import Settings

ROOT = Path(__file__).parents[3]


def leaves(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found += leaves(inner, f"{path} {name}")
    return found


def test_each_command_is_there_with_its_options_and_examples() -> None:
    page = cli.render()
    sections = {part.split("\n")[0]: part for part in re.split(r"^#+ ", page, flags=re.MULTILINE)}
    for path, command in leaves(command_line.group, "blueoil")[1:]:
        section = sections[path]
        assert f"\n{path} [OPTIONS]" in section
        examples = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
        assert re.search(rf"^{path} ", examples, re.MULTILINE), path
        options = {word for item in command.params if isinstance(item, click.Option) for word in item.opts}
        missing = [word for word in options if not re.search(rf"^\| `[^`]*{word}\b", section, re.MULTILINE)]
        assert not missing, (path, missing)
    assert "\b" not in page


def test_each_setting_is_there_once_with_type_limits_unit_and_default() -> None:
    page = settings.render()
    assert sorted(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE)) == sorted(map(str.upper, Settings.model_fields))
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert "| 2 integers, ≥ 16, ≤ 1024, pixels | `(128, 128)` |" in rows["IMAGE_SIZE"]
    assert "| integer, ≥ 1, ≤ 4, bits | `2` | Bits of an activation. |" in rows["ACTIVATION_BITS"]
    assert "| integer or None, > 0, steps | `None` |" in rows["MAX_STEPS"]
    assert "| one of `Momentum`, `Adam` | `'Momentum'` |" in rows["OPTIMIZER"]
    assert "| path | must be given |" in rows["TRAIN_PATH"]
    assert "LmUnetV1Quantize" in rows["NETWORK"]


def test_operators_rules_targets_and_limits_are_those_of_the_converter() -> None:
    page = operators.render()
    assert set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)) == set(EXPORTED_OPS)
    assert all(text(rule) in page for rule in Rule if rule is not Rule.OPS)
    assert all(f"| {name} | `{target.library}` |" in page for name, target in TARGETS.items())
    assert all(f"| {limit.part} | {text(limit.expected)} | {limit.fix} |" in page for limit in LIMITS)
    assert "`dilations=(1, 1)`" in page


def test_each_function_of_the_header_has_a_heading_and_its_comment() -> None:
    page = c_api.render()
    source = re.sub(r"/\*.*?\*/", "", c_api.HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    declared = re.findall(r"(\w+)\([^()]*\);", source)
    headings = " ".join(re.findall(r"^### (.*)$", page, re.MULTILINE))
    assert len(declared) > 25
    assert [name for name in declared if f"`{name}`" not in headings] == []
    assert "### `network_delete`\n\n```c\nvoid network_delete(Network* network);\n```\n\nFrees the network;" in page
    assert "#ifndef" not in page
    assert "libdlk_\\<target\\>.so" in page


def test_a_header_of_sections_lists_and_tables() -> None:
    page = c_api.render(
        "/* What it is.\n *\n * Promised\n *   - a\n *   - b\n */\n#define X 1\n\n/* ---- Part ---- */\n\n"
        "/* Two words:\n *   one  1\n *   two  2\n * Behind. */\nint f(void);\nint g(int (*h)(void));\n"
    )
    assert "Promised:\n\n- a\n- b\n" in page
    assert "## Part\n\n### `f`, `g`\n" in page
    assert page.endswith("Two words:\n\n```text\none  1\ntwo  2\n```\n\nBehind.\n")


def test_words_stay_as_they_are() -> None:
    assert text("a *.npz <b> [c]\n d|e `x`") == r"a \*.npz \<b\> \[c\] d\|e `x`"
    assert table(("a", "b"), [(code("x|y"), "")]) == "| a | b |\n| --- | --- |\n| `x\\|y` |  |"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    files = {
        "README.md": "",
        "CHANGELOG.md": "",
        "CONTRIBUTING.md": "[numbers](docs/numerics.md)",
        "dlk/hw/README.md": "[page](../../docs/fpga.md#board)",
        "docs/index.md": "[it](../dlk/hw/README.md) ![picture](images/a.png) [web](https://example.com)",
        "docs/fpga.md": "[up](../README.md) [code](../configs/a.py) [below](#part) [none](none.md)",
        "docs/numerics.md": "",
        "docs/new.md": "",
        "docs/images/a.png": "",
        "configs/a.py": "",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_links_lead_to_pages_and_files_of_the_site(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    site.write(folder, tree)
    index = (folder / "index.md").read_text()
    assert index.startswith("[it](accelerator.md) ![picture](images/a.png) [web](https://example.com)")
    assert (
        folder / "fpga.md"
    ).read_text() == "[up](index.md) [code](files/configs/a.py) [below](#part) [none](none.md)"
    assert (folder / "accelerator.md").read_text() == "[page](fpga.md#board)"
    assert (folder / "contributing.md").read_text() == "[numbers](numerics.md)"
    assert (folder / "files/configs/a.py").exists()
    assert (folder / "images/a.png").exists()
    assert (folder / "reference/settings.md").exists()
    assert "contributing\nnew\n```" in index, "a page that no chapter names comes last"


def test_a_second_time_takes_away_what_went_and_leaves_other_folders_alone(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    site.write(folder, tree)
    (tree / "docs/new.md").unlink()
    site.write(folder, tree)
    assert not (folder / "new.md").exists()
    with pytest.raises(BlueoilError, match="holds something else"):
        site.write(tree, tree)
    with pytest.raises(BlueoilError, match="pages are not here"):
        site.write(folder, tmp_path)


def test_each_chapter_names_pages_that_are_there() -> None:
    written = {path.stem for path in (ROOT / "docs").glob("*.md")} | set(site.ELSEWHERE.values())
    named = [name for names in site.CHAPTERS.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named) <= written | set(site.GENERATED)
    assert set(site.GENERATED) <= set(named)
