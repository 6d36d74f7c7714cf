"""The page of a conversion: every section and fact of its document, and the picture's lanes; nothing is converted."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from blueoil.report import conversion_page
from blueoil.report.conversion_picture import picture, shortened, skips
from dlk.report.document import NETWORK_FACTS, SECTIONS
from dlk.report.facts import Unit
from dlk.report.layers import LAYER_FACTS

DOCS = Path(__file__).parents[3] / "docs" / "report.md"


def step(name: str, *reads: str, op: str = "QuantConv") -> dict[str, Any]:
    return {"name": name, "op": op, "window": "3x3", "reads": list(reads), "shape": [4, 6, 8], "bits": 2}


STEPS = [
    step("input", op="Input"), step("a", "input", op="FloatConv"), step("b", "a"), step("c", "b"), step("d", "c", "b"),
    step("join <&>", "d", "a", op="Concat"), step("e", "join <&>"), step("f", "e", "d"),
]  # fmt: skip
LATENCY = {"instruction_set": None, "milliseconds": None, "fastest_milliseconds": None, "runs": 0}


@pytest.fixture
def document() -> dict[str, Any]:
    of_unit: dict[Unit, Any] = {
        Unit.TEXT: "a text", Unit.COUNT: 1234, Unit.BYTES: 2048, Unit.SHARE: 0.5, Unit.SHAPE: [4, 6, 3],
        Unit.RANGE: {"least": -3, "most": 2.5},
    }  # fmt: skip
    layer = {fact.key: of_unit[fact.unit] for fact in LAYER_FACTS}
    row = {"part": "a part", "used": 3, "most": 2, "bytes": False, "layer": "b", "fits": False}
    target = {"library": "libdlk_x86.so", "compiled_for": "x86_64", "instruction_sets": ["sse2"], "limits": [row]}
    misfit = {"layer": "join <&>", "found": "a concatenation", "expected": "none", "fix": "rebuild"}
    return {
        "format": 1,
        "network": {fact.key: of_unit[fact.unit] for fact in NETWORK_FACTS} | {"name": "Net <&>"},
        "graph": {
            "passes": [
                {"name": "as exported", "meaning": "as read", "nodes": 3, "ops": {"Conv": 3}},
                {"name": "a_pass", "meaning": "it does", "nodes": 3, "ops": {"dlk.QuantConv": 3}},
            ],
            "final": STEPS,
        },
        "layers": [{**layer, "name": "b"}, {**dict.fromkeys(layer), "name": "c"}],
        "float_layers": [{"layer": "a", "reasons": ["reads float activations"], "macs": 12, "share": 0.25}],
        "sign_of_zero": [{"layer": "c", "zeros": 7, "of": 576, "sign": "0"}],
        "limits": [
            {**target, "name": "x86", "library_bytes": 4096, "misfits": []},
            {**target, "name": "fpga", "library_bytes": None, "misfits": [misfit]},
        ],
        "proofs": {
            "passed": True,
            "executors": [
                {"executor": name, "target": "x86", "images": 2, "values": 100, "mismatches": 0, "verdict": "equal",
                 "steps": [{"layer": "b", "values": 100, "mismatches": 0}]}
                for name in ("x86 sse2", "x86 avx2")
            ],
            "not_run": [{"executor": "arm neon", "target": "arm", "reason": "qemu-arm is not installed"}],
            "original": {
                "name": "TensorFlow graph", "passed": True, "images": 2, "class_agreement": 0.99,
                "least_agreement": 0.98, "outputs_apart": 0.0, "first_layer_running_free": "b",
                "steps": [{"layer": "b", "values": 50, "differing": 3, "unexplained": 0, "running_free": 4}],
            },
            "onnxruntime_class_agreement": 1.0,
        },
        "timings": {
            "executors_seconds": {"x86 sse2": 1.0},
            "latency": [
                {"target": "x86", "instruction_set": "avx2", "milliseconds": 9.25, "fastest_milliseconds": 9.0,
                 "runs": 5, "reason": None},
                {"target": "fpga", **LATENCY, "reason": "the library is left out"},
            ],
            "layers_milliseconds": {"b": 1.5},
            "machine": {"cpu": "A CPU", "cpus": 2},
            "stages": [{"stage": "load", "detail": "model.onnx", "seconds": 0.5}],
        },
    }  # fmt: skip


class Text(HTMLParser):
    """Collects what a person reads, and every address that the page asks for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.addresses, self._skipped = "", list[str](), False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped = tag == "style"
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        assert tag not in ("script", "link", "iframe")

    def handle_data(self, data: str) -> None:
        self.words += "" if self._skipped else f"{data} "


def test_the_page_tells_every_section_and_fact_and_needs_nothing_else(document: dict[str, Any]) -> None:
    html = conversion_page.page(document)
    text = Text(html)
    for section in SECTIONS:
        assert f'<h2 id="{section.key}">{section.title}</h2>' in html
    assert set(text.addresses) == {f"#{section.key}" for section in SECTIONS}
    assert "url(" not in html and "@import" not in html
    assert "prefers-color-scheme: dark" in html and "@media print" in html
    for fact in (*NETWORK_FACTS, *LAYER_FACTS):
        assert fact.title in text.words
    for words in (
        "Net <&>", "2 executors computed 200 values", "9.25 ms of CPU time on one thread of A CPU (x86, avx2)",
        "reads float activations", "-3 … 2.5", "1.500", "2 KiB", "576",
        "not run: qemu-arm is not installed", "the library is left out", "a concatenation", "Left out: fpga.",
        "in float: a.",
    ):  # fmt: skip
        assert words in text.words, words
    (row,) = re.findall(r'<tr><th scope="row">b</th><td>2</td>(.*?)</tr>', html)
    assert re.findall(r"<td>(.*?)</td>", row) == ["200", "0", "50", "3", "0", "4"]


def test_what_there_is_none_of_is_said(document: dict[str, Any]) -> None:
    document |= {"float_layers": [], "sign_of_zero": []}
    latency = [{"target": "arm", **LATENCY, "reason": "not run"}]
    document["timings"] |= {"layers_milliseconds": {}, "machine": None, "latency": latency}
    text = Text(conversion_page.page(document)).words
    assert "None: every convolution computes with integers." in text
    assert "No quantized weight is exactly 0" in text
    assert "ms of CPU time" not in text and "arm : not run" in text


def test_the_pages_own_chapter_explains_each_section_and_column() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[-len(SECTIONS) :] == [section.title for section in SECTIONS]
    part = text.partition("## Layers\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| \*\*(.*?)\*\* \|", part, re.MULTILINE) == [fact.title for fact in LAYER_FACTS] + ["ms"]


def test_what_skips_steps_has_a_lane_of_its_own() -> None:
    found = {STEPS[skip.source]["name"]: skip for skip in skips(STEPS)}
    assert {name: [STEPS[row]["name"] for row in skip.readers] for name, skip in found.items()} == {
        "a": ["join <&>"],
        "b": ["d"],
        "d": ["f"],
    }
    spans = {name: (skip.source, max(skip.readers)) for name, skip in found.items()}
    for one, (begin, end) in spans.items():
        for other, (start, stop) in spans.items():
            if one < other and begin < stop and start < end:
                assert found[one].lane != found[other].lane
    assert found["b"].lane == found["d"].lane == 0, "a lane is used again where it is free"


def test_the_picture_is_the_same_svg_each_time_with_a_box_a_step() -> None:
    svg = picture(STEPS)
    assert svg == picture(STEPS)
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    assert [box.get("class") for box in root.iter("rect")].count("box quantized") == 5
    titles = [group.findtext("title") for group in root.iter("g")]
    assert titles[5] == "join <&>: Concat 3x3"
    assert len(root.findall("path[@class='skip']")) == 3
    assert len(root.findall("path[@class='line']")) == len(STEPS) - 1
    assert shortened("a/very/long/name/of/a/layer", 11) == "a/ver…layer"
