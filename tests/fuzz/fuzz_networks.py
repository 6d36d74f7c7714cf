"""Targets: graphs to convert, files of trained networks, folders of experiments."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from fuzz_graph import change
from fuzz_reader import Reader, Run, answered, rewrite

from blueoil.experiment import Experiment
from dlk.codegen.check import check
from dlk.frontends.graph import import_graph
from dlk.frontends.onnx import load
from dlk.frontends.support import Floats
from dlk.lowering import lower
from dlk.passes import run_passes
from lmnet.zoo.archive import parse

SEEDS = Path(__file__).parent / "seeds"
_RECORDS = ("environment.json", "checkpoints/save.ckpt-2/state.json", "best", "config.yaml")


def convert(file: Path) -> None:
    """Do with a graph what ``blueoil convert`` does before it writes anything; a refusal must explain itself."""
    with answered(explains=True):
        model = load(file)
        run_passes(model)
        check(lower(model, meta_of(model)))


def meta_of(model: ir.Model) -> dict[str, object]:
    """Return what a meta.yaml would say of a network."""
    (_, height, width, _), (*_, classes) = model.graph.inputs[0].shape.numpy(), model.graph.outputs[0].shape.numpy()
    return {
        "CLASSES": [f"class {i}" for i in range(classes)],
        "IMAGE_SIZE": [height, width],
        "PRE_PROCESSOR": [{"Resize": {"size": [height, width]}}, {"DivideBy255": None}],
    }


def onnx_bytes(folder: Path) -> Run:
    """A model file of any bytes."""

    def run(data: bytes) -> None:
        convert(rewrite(folder / "model.onnx", data))

    return run


def onnx_graph(folder: Path) -> Run:
    """A model whose graph was changed here and there: what no change of bytes would reach."""
    models = [onnx.load(file) for file in sorted((SEEDS / "onnx_bytes").glob("good-*"))]

    def run(data: bytes) -> None:
        reader = Reader(data)
        model = onnx.ModelProto()
        model.CopyFrom(reader.pick(models))
        for _ in range(1 + reader.byte() % 4):
            change(model, reader)
        convert(rewrite(folder / "model.onnx", model.SerializeToString()))

    return run


def graphdef(folder: Path) -> Run:
    """A frozen TensorFlow graph of any bytes, as far as ``blueoil convert --graph`` goes before TensorFlow runs it."""

    def run(data: bytes) -> None:
        file = rewrite(folder / "net.pb", data)
        with answered(explains=True):
            model = import_graph(file).model
            contract = rewrite(folder / "contract.onnx", model.SerializeToString())
            loaded = load(contract, floats=Floats.FEW)
            run_passes(loaded)
            check(lower(loaded, meta_of(loaded)))

    return run


def zoo(folder: Path) -> Run:
    """A trained network's file: any bytes, or an archive whose header and arrays are what the input says."""

    def run(data: bytes) -> None:
        reader = Reader(data)
        content = reader.rest() if reader.byte() % 4 == 0 else _archive(reader)
        with answered(explains=True):
            parse(content, folder / "network.npz")

    return run


def _archive(reader: Reader) -> bytes:
    """Return an archive that a checksum does not give away."""
    members: dict[str, bytes] = {}
    for number in range(reader.byte() % 3):
        kind = reader.pick((np.uint8, np.float32, np.float64, np.complex64, np.dtype("U3"), np.dtype("V4"), np.bool_))
        stream = io.BytesIO()
        np.save(stream, np.frombuffer(reader.take(24).ljust(24, b"\0"), np.uint8).view(kind))
        members[reader.pick((f"conv{number}/kernel", "header", f"{number}"))] = stream.getvalue()
    stream = io.BytesIO()
    np.save(stream, np.frombuffer(reader.rest(), np.uint8))
    members.setdefault("header", stream.getvalue())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(f"{name}.npy", member)
    return content.getvalue()


def experiment(folder: Path) -> Run:
    """One record of an experiment's folder, and everything that a command asks of it."""
    subject = Experiment(folder, "run")
    checkpoint = subject.folder / "checkpoints" / "save.ckpt-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.keras").touch()
    kept = {name: (SEEDS / "records" / Path(name).name).read_bytes() for name in _RECORDS}
    for name, content in kept.items():
        rewrite(subject.folder / name, content)
    questions = (
        lambda: subject.classes(subject.checkpoint("last")),
        lambda: subject.checkpoint(),
        lambda: subject.checkpoint("best"),
        lambda: subject.settings(),
        lambda: subject.record_start(),
    )

    def run(data: bytes) -> None:
        reader = Reader(data)
        name = reader.pick(_RECORDS)
        rewrite(subject.folder / name, reader.rest())
        try:
            for ask in questions:
                with answered():
                    ask()
        finally:
            for record in {name, "environment.json"}:  # a start is added to it
                rewrite(subject.folder / record, kept[record])

    return run
