"""The folder that travels to the device: libraries, description, golden images, Python programs, header."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.package.board import FOLDER as BOARD_FOLDER
from dlk.package.board import BoardFiles
from dlk.plain_yaml import YamlError, parse
from dlk.trees import copy_tree

PACKAGE_VERSION = 1
GRAPH, SOURCE = "minimal_graph_with_shape.pb", "source.onnx"  # what was converted, as it was before
META = "meta.yaml"
GOLDEN = "golden.npz"
TEMPLATE = Path(__file__).parent / "template"
READER = Path(__file__).parents[1] / "plain_yaml.py"  # travels too
HEADER = Path(__file__).parents[1] / "runtime" / "include" / "dlk" / "dlk.h"
LARGEST_META = 1 << 20

# What the device programs import from the processors; a folder without them is the wrong one.
PROCESSORS = ("__init__.py", "pre.py", "post.py", "overlay.py", "palette.py", "images.py", "prediction.py")
LEFT_OUT = ("__pycache__", "*.pyc", "ruff.toml")


def assemble(
    folder: Path,
    *,
    export: Path,
    libraries: Mapping[str, Path],
    processors: Path,
    images: NDArray[np.uint8],
    outputs: NDArray[np.float32],
    board: BoardFiles | None = None,
) -> None:
    """Write the package into the empty or new ``folder``.

    export: the folder with meta.yaml and the frozen graph, or source.onnx; libraries: target name -> built library.
    processors: the folder of lmnet.processors, shipped as ``python/lmnet/processors``.
    images uint8 [N,H,W,3] and outputs float32 [N,H,W,C]: what ``run.py --self-test`` compares, bit for bit.
    board: what the folder ``fpga`` holds; None: there is none.
    """
    _check_sources(export, libraries, processors)
    copy_tree(TEMPLATE, folder, leave_out=LEFT_OUT)
    copy_tree(processors, folder / "python" / "lmnet" / "processors", leave_out=LEFT_OUT)
    shutil.copyfile(READER, folder / "python" / "lmnet" / READER.name)
    models = folder / "models"
    (models / "lib").mkdir(parents=True)
    for library in libraries.values():
        shutil.copy(library, models / "lib" / library.name)
    graph = SOURCE if (export / SOURCE).is_file() else GRAPH
    shutil.copyfile(export / graph, models / graph)
    np.savez_compressed(models / GOLDEN, images=images, outputs=outputs)
    (folder / "include").mkdir()
    shutil.copyfile(HEADER, folder / "include" / "dlk.h")
    files = [*(f"lib/{library.name}" for library in libraries.values()), graph, GOLDEN]
    if board is not None:
        board.write(folder / BOARD_FOLDER)
        files += [f"../{BOARD_FOLDER}/{name}" for name in board.present]
    description = {
        **read_meta(export / META),
        "package_version": PACKAGE_VERSION,
        "libraries": {name: f"lib/{library.name}" for name, library in libraries.items()},
        "hashes": {name: sha256(models / name) for name in files},
    }
    text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True)
    (models / META).write_text(text, encoding="utf-8")


def read_meta(path: Path) -> dict[str, Any]:
    """Return a meta.yaml; raises DlkError when it is absent, too large or no YAML mapping."""
    try:
        if path.stat().st_size > LARGEST_META:
            raise DlkError("meta.yaml is too large", where=str(path), fix="export the checkpoint again")
        values, _ = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise DlkError("cannot read meta.yaml", where=str(path), received=str(error)) from error
    if not isinstance(values, dict):
        raise DlkError("meta.yaml holds no keys", where=str(path), fix="export the checkpoint again")
    return values


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_sources(export: Path, libraries: Mapping[str, Path], processors: Path) -> None:
    graph = SOURCE if (export / SOURCE).is_file() else GRAPH
    wanted = [export / META, export / graph, HEADER, *libraries.values(), *(processors / name for name in PROCESSORS)]
    missing = [str(path) for path in wanted if not path.is_file()]
    if missing:
        raise DlkError(
            "the package cannot be put together",
            where=str(export),
            expected="files that are not there: " + ", ".join(missing),
            fix="export the checkpoint again; when a file of the installation is missing, install blueoil again",
        )
