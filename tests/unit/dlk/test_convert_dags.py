"""A network of branches from the export folder to the package, and faults in it that verification finds and names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conversions import Done, SharedBuild, convert
from dags import drawn, everything
from exports import SIZE, write_export
from faults import expect_failure, flip_weight, lose_threshold, turn_normalisation

import dlk.convert
from dlk.targets import Target

LAYERS = ("conv1", "conv2", "conv3", "conv4")


def write_branches(folder: Path) -> Path:
    """A skip connection over a stride, two splits, three pools, a padding; numbers as training leaves them."""
    return write_export(folder, model=everything(exact=False), layers=LAYERS)


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("branches")
    export, build = write_branches(folder / "export"), SharedBuild(folder / "tree")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlk.convert, "build", build)
        return Done(export, build, convert(export), [])


@pytest.fixture
def export(branches: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished export folder, where a next conversion compiles only what changed."""
    monkeypatch.setattr(dlk.convert, "build", branches.build)
    shutil.copytree(branches.export, tmp_path / "export")
    return tmp_path / "export"


def test_a_network_of_branches_is_proved(branches: Done) -> None:
    conversion = branches.conversion
    assert conversion.verification.passed
    equality = {result.executor: result for result in conversion.verification.equality}
    assert {"x86 portable", "x86 sse2", "x86 from pixels"} <= equality.keys()
    assert all(result.mismatches == 0 for result in equality.values())
    layers = [layer.layer for layer in equality["x86 portable"].layers]
    assert layers == ["conv1", "conv2", "pool1", "conv3", "pad1", "pool2", "pool3", "conv4", "output"]
    assert equality["x86 from pixels"].values == 2 * SIZE[0] * SIZE[1] * 5
    graph = conversion.rows[0]
    assert (graph.executor, graph.verdict) == ("TensorFlow graph", "within rounding")
    assert conversion.libraries["x86"].is_file()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_drawn_network_is_proved(seed: int, tmp_path: Path) -> None:
    model = drawn(seed, exact=False)
    quantizers = [node for node in model.graph.node if node.op_type == "LinearMidTreadHalfQuantizer"]
    layers = [node.name.removesuffix("/activation_quantizer") for node in quantizers]
    conversion = convert(write_export(tmp_path / "export", model=model, layers=layers))
    assert conversion.verification.passed
    assert all(result.mismatches == 0 for result in conversion.verification.equality)


@pytest.mark.needs("qemu-arm", "qemu-aarch64")
def test_a_network_of_branches_is_proved_on_arm(everywhere: Path) -> None:
    record = json.loads((everywhere / "verification.json").read_text())
    compared = {row["executor"]: (row["mismatches"], row["values"] > 0) for row in record["executors"]}
    assert (compared["arm neon"], compared["aarch64 neon"]) == ((0, True), (0, True))


# conv2 has stride 2, conv3 an even window over a part of a split, conv4 reads a join of parts. (Its last input is
# padding, always 0: no run shows another weight there.)
@pytest.mark.parametrize(("layer", "bit"), [("conv2", 3), ("conv2", 70), ("conv3", 5), ("conv4", 4)])
def test_one_weight_bit_of_a_library_is_found(
    export: Path, branches: Done, monkeypatch: pytest.MonkeyPatch, layer: str, bit: int
) -> None:
    flip_weight(monkeypatch, branches, layer, bit)
    expect_failure(export, layer)


def edit_sources(monkeypatch: pytest.MonkeyPatch, branches: Done, name: str, edit: Callable[[str], str]) -> None:
    """Let a generated file be another one when it is compiled."""

    def build(project: Path, target: Target, *, jobs: int | None = None) -> Path:
        path = project / "generated" / name
        text = path.read_text()
        assert edit(text) != text
        path.write_text(edit(text))
        return branches.build(project, target, jobs=jobs)

    monkeypatch.setattr(dlk.convert, "build", build)


def test_one_weight_bit_of_the_sources_is_found(export: Path, branches: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    def flip(text: str) -> str:
        return re.sub(r'(// "conv2"\n *)0x(\w+)u', lambda m: f"{m[1]}{int(m[2], 16) ^ 1 << 40:#x}u", text)

    edit_sources(monkeypatch, branches, "constants.cpp", flip)
    expect_failure(export, "conv2")


@pytest.mark.parametrize("layer", ["conv2", "pool1", "conv3", "pool2"])
def test_one_tap_of_a_window_is_found(
    export: Path, branches: Done, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    """The last input of a window one pixel further to the right."""

    def shift(text: str) -> str:
        number = re.search(rf'\.name = "{layer}",\n(?:.*\n){{2,3}} *\.taps = kTaps(\d+)', text)[1]
        found = re.search(rf"kTaps{number}\[\] = .*{{(-?\d+), (-?\d+), (-?\d+)}}}};", text)
        tap = f"{{{found[1]}, {found[2]}, {int(found[3]) + 1}}}}};"
        return text.replace(found[0], re.sub(r"{[^{}]*}};$", tap, found[0]))

    edit_sources(monkeypatch, branches, "network.cpp", shift)
    expect_failure(export, layer)


@pytest.mark.parametrize("layer", ["conv2", "conv4"])
def test_one_threshold_is_found(export: Path, branches: Done, monkeypatch: pytest.MonkeyPatch, layer: str) -> None:
    lose_threshold(monkeypatch, branches, layer)
    expect_failure(export, layer)


@pytest.mark.parametrize("layer", ["conv2", "conv3"])
def test_one_sign_of_a_normalisation_is_found(
    export: Path, branches: Done, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    turn_normalisation(monkeypatch, branches, layer)
    expect_failure(export, layer)
