"""``blueoil profile``: the table, the JSON and the page of a library, and what is said of files that are none."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest

import dlk.profile.library
from blueoil import cli
from blueoil.console import Console
from blueoil.report import profile, profile_page
from dlk.codegen.facts import StepFacts
from dlk.errors import DlkError
from dlk.profile.latency import Latency
from dlk.profile.library import Ceilings
from dlk.profile.machine import Machine
from dlk.profile.roofline import profile_layers

FACTS = (
    StepFacts("s2d1", "space_to_depth", 32, 32, 0, 0, 0, 4000, 4000),
    StepFacts("conv1", "float_conv", 32, 2, 32, 8_000_000, 0, 9000, 500),
    StepFacts("conv2 <&>", "quant_conv", 2, 2, 1, 400_000_000, 200_000_000, 700, 300),
    StepFacts("conv3", "quant_conv", 2, 32, 1, 400_000_000, 200_000_000, 700, 9000),
)
STEPS = (0.0001, 0.0003, 0.0009, 0.0007)
CEILINGS = Ceilings(bit_adds=600e9, macs=50e9, bytes=60e9)


@pytest.fixture
def found() -> profile.Profile:
    return profile.Profile(
        title="run, save.ckpt-4",
        library=Path("lib/libdlk_x86.so"),
        model="LmSegnetV1Quantize",
        input_shape=(360, 480, 3),
        isa="avx2",
        threads=1,
        machine=Machine("A CPU", 2400.0, 2),
        ceilings=CEILINGS,
        latency=Latency(STEPS, 0.0021, 0.002, 20),
        layers=tuple(profile_layers(FACTS, STEPS, CEILINGS)),
    )


def test_the_table_has_every_layer_and_the_totals(found: profile.Profile, capsys: pytest.CaptureFixture[str]) -> None:
    profile.tell(Console(), found)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run, save.ckpt-4: LmSegnetV1Quantize"
    assert lines[1].split()[:4] == ["layer", "kind", "bits", "MMAC"]
    assert [line.split()[0] for line in lines[2:7]] == ["s2d1", "conv1", "conv2", "conv3", "total"]
    rows = dict(zip([facts.name for facts in FACTS], profile.cells(found), strict=True))
    assert rows["conv3"] == [
        "conv3", "quant conv", "w1 a2>32", "400.0", "9", "0.700", "35.0 %", "571.4", "1,200.0", "285.7", "0.333",
        "compute", "47.6 %",
    ]  # fmt: skip
    assert rows["s2d1"][3] == rows["s2d1"][7] == profile.NO_VALUE
    assert profile.totals(found)[3:7] == ["808.0", "28", "2.000", "100.0 %"]
    assert lines[7] == "Everything that is not a quantized convolution takes 20.0 % of the time."
    assert "2.100 ms of CPU time on 1 thread" in lines[8]


def test_several_threads_are_told_in_wall_time(found: profile.Profile) -> None:
    two = dataclasses.replace(found, threads=2)
    told = profile.summary(two)
    assert "wall time on 2 threads" in told[1]
    assert "Measured on one thread and multiplied by 2" in told[2]
    assert "multiplied" not in profile.summary(found)[2]
    assert "multiplied by 2: as much as" in profile_page.page(two)


def test_the_document_is_json_with_every_layer(found: profile.Profile) -> None:
    values = json.loads(json.dumps(profile.document(found), allow_nan=False))
    assert [layer["name"] for layer in values["layers"]] == [facts.name for facts in FACTS]
    assert values["macs"] == 808_000_000
    assert values["not_quantized_convolutions"] == pytest.approx(0.2)
    assert sum(layer["share"] for layer in values["layers"]) == pytest.approx(1)
    assert values["layers"][2]["macs_per_second"] == pytest.approx(400e6 / 0.0009)


def test_the_page_needs_nothing_else_and_holds_every_layer(found: profile.Profile, tmp_path: Path) -> None:
    profile_page.write(found, tmp_path / "new" / "profile.html")
    text = (tmp_path / "new" / "profile.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href)="([^:"]*):', text)) == {"data"}
    body = text[text.index("<tbody>") : text.index("</tbody>")]
    assert body.count("<tr") == len(FACTS)
    for name in ("s2d1", "conv1", "conv2 &lt;&amp;&gt;", "conv3"):
        assert f">{name}<" in body
    for words in ("A CPU", "avx2", "How to read it", "20.0 % of the time", "2.40 GHz"):
        assert words in text
    images = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)" alt="[^"]+"', text)
    assert len(images) == 2
    for image in images:
        assert ElementTree.fromstring(base64.b64decode(image)).tag.endswith("svg")  # noqa: S314 - our own


def test_a_network_of_moves_alone_has_a_page_too(found: profile.Profile) -> None:
    moves = dataclasses.replace(found, layers=tuple(profile_layers(FACTS[:1], STEPS[:1], CEILINGS)))
    assert "s2d1" in profile_page.page(moves)
    assert profile.totals(moves)[7] == profile.NO_VALUE


class FakeLibrary:
    """Stands in for a library: facts without a network."""

    isa, model, input_shape, facts = "avx2", "Net", (4, 4, 3), FACTS

    def __init__(self, library: Path, *, name: str, isa: str | None, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> FakeLibrary:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def measure_ceilings(self) -> Ceilings:
        return CEILINGS


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package with a library that is never loaded; returns the library."""
    monkeypatch.setattr("dlk.profile.library.ProfiledLibrary", FakeLibrary)
    monkeypatch.setattr("dlk.profile.latency.measure", lambda *_, runs: Latency(STEPS, 0.002, 0.002, runs))
    models = tmp_path / "export" / "output" / "models"
    (models / "lib").mkdir(parents=True)
    (models / "meta.yaml").touch()
    return models / "lib" / "libdlk_x86.so"


def test_the_page_goes_beside_the_package(fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["profile", "--library", str(fake), "--runs", "7"]) == cli.OK
    page = fake.parents[3] / "profile.html"
    assert page.is_file()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"Next step: open {page} in a browser"
    assert "median of 7 runs" in "\n".join(lines)


def test_json_is_alone_on_stdout(fake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "here.html"
    assert cli.run(["profile", "--library", str(fake), "-o", str(page), "--json"]) == cli.OK
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert values["page"] == str(page)
    assert len(values["layers"]) == len(FACTS)
    assert "conv3" in captured.err


@pytest.mark.parametrize(
    "words",
    [[], ["-e", "a", "--library", "b.so"], ["--library", "b.so", "-p", "last"], ["--runs", "0"], ["--threads", "65"]],
)
def test_words_that_contradict_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["profile", *words]) == cli.USER_ERROR
    assert "Error: " in capsys.readouterr().err


def elf(machine: str, *names: str) -> SimpleNamespace:
    return SimpleNamespace(machine=machine, symbols=[SimpleNamespace(name=name, defined=True) for name in names])


OLD = ("dlk_run", "network_run")
NEW = (*OLD, *dlk.profile.library._PROFILING)


@pytest.mark.parametrize(
    ("library", "words", "told"),
    [
        (elf("x86_64", "cos"), [], "no library of a converted network"),
        (elf("aarch64", *NEW), [], "the library is for another machine"),
        (elf("x86_64", *OLD), [], "too old to be profiled"),
        (elf("x86_64", *NEW[:-1]), ["--threads", "2"], "too old to be profiled"),
    ],
)
def test_a_library_that_cannot_be_profiled_is_told_in_one_sentence(
    library: SimpleNamespace,
    words: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(dlk.profile.library, "read_elf", lambda _: library)
    monkeypatch.setattr(dlk.profile.library, "this_machine", lambda: "x86_64")
    (tmp_path / "lib.so").touch()
    assert cli.run(["profile", "--library", str(tmp_path / "lib.so"), *words]) == cli.USER_ERROR
    captured = capsys.readouterr()
    assert told in captured.err.splitlines()[0]
    assert "Traceback" not in captured.err
    assert not (tmp_path / "profile.html").exists()


def test_files_that_are_no_libraries_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.so").write_text("not a library")
    for name, told in (("absent.so", "there is no such library"), ("text.so", "not a little-endian ELF file")):
        assert cli.run(["profile", "--library", str(tmp_path / name)]) == cli.USER_ERROR
        assert told in capsys.readouterr().err


def test_dlk_names_the_missing_library_too(tmp_path: Path) -> None:
    with pytest.raises(DlkError, match="no such library"):
        dlk.profile.library.ProfiledLibrary(tmp_path / "absent.so", name="x86")
