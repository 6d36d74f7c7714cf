"""A graph file from elsewhere as an export folder: our model of it, what the original computes, meta.yaml."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray

from blueoil.errors import BlueoilError
from blueoil.pictures import read_images

if TYPE_CHECKING:
    from blueoil.console import Console
    from dlk.frontends.graph import Imported

SCENES = 5
_SEED = 20
_SMALLEST_SCENE = 32
_RESIZERS = ("Resize", "ResizeWithGtBoxes", "ResizeWithMask", "ResizeWithJoints")
_FILES = {"tensorflow": "minimal_graph_with_shape.pb", "onnx": "source.onnx"}
SEGMENTATION, CLASSIFICATION, OTHER = "IMAGE.SEMANTIC_SEGMENTATION", "IMAGE.CLASSIFICATION", "IMAGE.OTHER"
_DEFAULT_PREPROCESSOR = "DivideBy255"


def prepare(
    file: Path, folder: Path, *, meta: Path | None, shape: str | None, pictures: Sequence[Path], console: Console
) -> tuple[dict[str, Any], Path]:
    """Make the export folder of a graph file; return what it is called, and the folder.

    meta: a meta.yaml of it; shape: of its input, as text; pictures: to verify with, drawn ones where there are none.

    Raises:
        BlueoilError, DlkError: the graph or its description cannot be used.
    """
    from dlk.frontends.graph import import_graph

    imported = import_graph(file, input_shape=parse_shape(shape) if shape is not None else None)
    described = read_meta(meta, imported, file.stem)
    for note in imported.notes:
        console.say(f"Note: {note}")
    images = read_images(pictures, imported.size) if pictures else scenes(imported.size)
    write_export(file, imported, folder, described, images)
    console.say(f"read {file}: {len(imported.taps)} quantized layers, {len(images)} pictures to verify with")
    return {"graph": str(file), "task": described["TASK"], "notes": list(imported.notes)}, folder


def parse_shape(text: str) -> tuple[int, ...]:
    """Return a shape written as ``1,224,224,3``, or with spaces or x between the numbers.

    Raises:
        BlueoilError: it is none.
    """
    parts = text.replace(",", " ").replace("x", " ").split()
    if len(parts) != 4 or not all(part.isdigit() and int(part) for part in parts):
        raise BlueoilError(
            "the shape of an input cannot be read",
            where="--input-shape",
            expected="four numbers: 1,H,W,3",
            received=text,
        )
    return tuple(int(part) for part in parts)


def write_export(
    file: Path, imported: Imported, folder: Path, meta: Mapping[str, Any], images: NDArray[np.uint8]
) -> None:
    """Write model.onnx, the graph itself, reference.npz and meta.yaml into ``folder``; meta.yaml last.

    meta: as ``read_meta`` returns it; images: uint8 [N, H, W, 3] of the network's size.
    """
    from lmnet.processors.pre import PRE_PROCESSORS

    *_, name = (name for entry in meta["PRE_PROCESSOR"] for name in entry)
    inputs = np.stack([PRE_PROCESSORS[name](image) for image in images])
    tensors = _tensors(file, imported, inputs)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.yaml").unlink(missing_ok=True)
    for other in _FILES.values():
        (folder / other).unlink(missing_ok=True)
    (folder / "model.onnx").write_bytes(imported.model.SerializeToString(deterministic=True))
    shutil.copyfile(file, folder / _FILES[imported.kind])
    golden = {"images": images, "input": inputs, **tensors}
    np.savez_compressed(folder / "reference.npz", **golden)  # type: ignore[arg-type]
    text = yaml.safe_dump(dict(meta), sort_keys=False, allow_unicode=True)
    (folder / "meta.yaml").write_text(text, encoding="utf-8")


def read_meta(path: Path | None, imported: Imported, name: str) -> dict[str, Any]:
    """Return what the package says of the network: of a meta.yaml of the original, or what the graph itself tells.

    Raises:
        BlueoilError: the file cannot be read, or describes another network.
    """
    *_, channels = _output_shape(imported)
    height, width = imported.size
    given = _given(path) if path is not None else {}
    task = given.get("TASK") or _task(imported)
    classes = given.get("CLASSES") or [f"class {index}" for index in range(channels)]
    size = given.get("IMAGE_SIZE") or [height, width]
    if list(size) != [height, width]:
        raise _meta_error(path, "IMAGE_SIZE", f"the graph's {[height, width]}", size)
    if task in (SEGMENTATION, CLASSIFICATION) and len(classes) != channels:
        raise _meta_error(path, "CLASSES", f"{channels} names, one for each channel of the output", classes)
    return {
        "version": 1,
        "network": name,
        "TASK": str(task),
        "CLASSES": [str(entry) for entry in classes],
        "DATA_FORMAT": "NHWC",
        "IMAGE_SIZE": [height, width],
        "PRE_PROCESSOR": [
            {"Resize": {"size": [height, width], "resample": "NEAREST"}},
            {_preprocessor(path, given.get("PRE_PROCESSOR")): None},
        ],
        "POST_PROCESSOR": given.get("POST_PROCESSOR"),
    }


def scenes(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return drawn pictures of a size, uint8 [N, H, W, 3], the same each time."""
    from lmnet.datasets.scene import draw_scene
    from lmnet.processors.pre import resize

    rng = np.random.default_rng(_SEED)
    drawn = (max(size[0], _SMALLEST_SCENE), max(size[1], _SMALLEST_SCENE))
    return np.stack([resize(draw_scene(rng, drawn)[0], size) for _ in range(SCENES)])


def _tensors(file: Path, imported: Imported, inputs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return the codes of each layer and the output, as the original computes them."""
    fetch = list(dict.fromkeys([*(tap.tensor for tap in imported.taps), imported.result.tensor]))
    batches = [imported.source.foreign(picture[np.newaxis]) for picture in inputs]
    if imported.kind == "tensorflow":
        found = _run_tensorflow(file, imported.source.tensor, batches, fetch)
    else:
        found = _run_onnx(imported, batches, fetch)
    codes = {f"codes/{tap.layer}": tap.codes(found[tap.tensor]) for tap in imported.taps}
    return codes | {"output": imported.result.nhwc(found[imported.result.tensor])}


def _run_tensorflow(
    file: Path, source: str, batches: Sequence[NDArray[np.float32]], fetch: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    from blueoil import tensorflow_start

    tensorflow_start.start()
    from lmnet.export.reference import run_graph

    results = [run_graph(file, batch, fetch, source=source) for batch in batches]
    return {name: np.concatenate([result[name] for result in results]) for name in fetch}


def _run_onnx(
    imported: Imported, batches: Sequence[NDArray[np.float32]], fetch: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    from dlk.verify.onnx_executor import OnnxTensors

    assert imported.runnable is not None  # noqa: S101 - it is ONNX
    run = OnnxTensors(imported.runnable, imported.source.tensor, fetch)
    results = [run(batch) for batch in batches]
    return {name: np.concatenate([result[name] for result in results]) for name in fetch}


def _output_shape(imported: Imported) -> tuple[int, int, int]:
    _, height, width, channels = (dim.dim_value for dim in imported.model.graph.output[0].type.tensor_type.shape.dim)
    return height, width, channels


def _task(imported: Imported) -> str:
    height, width, _ = _output_shape(imported)
    if (height, width) == imported.size:
        return SEGMENTATION
    return CLASSIFICATION if (height, width) == (1, 1) else OTHER


def _given(path: Path) -> dict[str, Any]:
    from dlk.package.assemble import read_meta as read

    return read(path)


def _preprocessor(path: Path | None, listed: object) -> str:
    """Return the one pre-processor beside resizing."""
    from lmnet.processors.pre import PRE_PROCESSORS

    if listed is None and path is None:
        return _DEFAULT_PREPROCESSOR
    entries = listed if isinstance(listed, list) else []
    names = [str(name) for entry in entries if isinstance(entry, Mapping) for name in entry if name not in _RESIZERS]
    if len(names) != 1 or names[0] not in PRE_PROCESSORS:
        raise _meta_error(path, "PRE_PROCESSOR", f"beside resizing one of {', '.join(PRE_PROCESSORS)}", names or listed)
    return names[0]


def _meta_error(path: Path | None, key: str, expected: str, received: object) -> BlueoilError:
    return BlueoilError(
        "meta.yaml does not describe the graph",
        where=f"{path}, {key}",
        expected=expected,
        received=str(received),
        fix="give the meta.yaml that belongs to the graph, or none",
    )
