"""A model ready to run: its description read and checked, its library loaded, image in and classes out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmnet.graph_runner import TensorflowGraphRunner
from lmnet.hashes import check_known
from lmnet.nnlib import LIBRARIES, MAX_THREADS, LibraryError, NNLib, this_machine
from lmnet.plain_yaml import YamlError, parse
from lmnet.processors.palette import class_colors
from lmnet.processors.post import class_map
from lmnet.processors.pre import PRE_PROCESSORS, resize

TASK = "IMAGE.SEMANTIC_SEGMENTATION"
MODELS = Path(__file__).resolve().parents[2] / "models"
LARGEST_META = 1 << 20
THREADS_HELP = f"threads of the network, 1 to {MAX_THREADS} [DLK_NUM_THREADS, else the CPUs that this process may use]"
RUNNERS = {".so": NNLib, ".pb": TensorflowGraphRunner}


class UsageError(Exception):
    """The user gave something that cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Meta:
    """meta.yaml, checked. ``size`` is (height, width); ``hashes`` maps a file under models/ to its SHA-256."""

    path: Path
    task: str
    classes: list
    size: tuple
    pre_processor: str
    hashes: dict = field(default_factory=dict)


class Times(NamedTuple):
    """Seconds that each part of a prediction took."""

    pre: float
    run: float
    post: float


@dataclass(frozen=True)
class Prediction:
    """Classes of one image, uint8 [h,w] in the network's size, and what they took."""

    classes: np.ndarray
    times: Times

    def shares(self, classes: int) -> list:
        """Return the share of each of so many classes in the image, 0..1."""
        counts = np.bincount(self.classes.reshape(-1), minlength=classes)
        return [int(count) / self.classes.size for count in counts]


def default_model() -> Path:
    """Return the library of this package that fits this machine."""
    return MODELS / "lib" / LIBRARIES.get(this_machine(), "libdlk_x86.so")


def choose_threads(wanted: int | None) -> int:
    """Return the number of threads: the one that is wanted, else DLK_NUM_THREADS, else the CPUs that we may use.

    Raises UsageError when one of the first two is not from 1 to 64.
    """
    name, given = "--threads", str(wanted)
    if wanted is None:
        name, given = "DLK_NUM_THREADS", os.environ.get("DLK_NUM_THREADS", "")
    if not given:
        return min(max(len(os.sched_getaffinity(0)), 1), MAX_THREADS)
    if not given.isdecimal() or not 1 <= int(given) <= MAX_THREADS:
        raise UsageError(f"{name} takes a number from 1 to {MAX_THREADS}, and it is {given}")
    return int(given)


def default_meta() -> Path:
    """Return this package's meta.yaml."""
    return MODELS / "meta.yaml"


def read_meta(path: Path, *, any_task: bool = False) -> Meta:
    """Read and check meta.yaml; any_task: also of a network that does not segment. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.stat().st_size > LARGEST_META:
        raise UsageError(f"{path} is larger than any meta.yaml")
    try:
        values, _ = parse(path.read_text(encoding="utf-8"))
    except (YamlError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is not plain YAML: {reason}") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} is not a meta.yaml: it holds no keys")

    def value(key: str, good: bool, what: str) -> object:
        if key not in values:
            raise UsageError(f"{path} has no {key}")
        if not good:
            raise UsageError(f"{path}: {key} must be {what}, and it is {values[key]!r}")
        return values[key]

    task = values.get("TASK")
    value("TASK", task == TASK or (any_task and isinstance(task, str)), TASK)
    classes = values.get("CLASSES")
    named = isinstance(classes, list) and 0 < len(classes) < 256 and all(isinstance(name, str) for name in classes)
    value("CLASSES", named, "a list of class names")
    size = values.get("IMAGE_SIZE")
    sized = isinstance(size, list) and len(size) == 2 and all(type(n) is int and 0 < n < 65536 for n in size)
    value("IMAGE_SIZE", sized, "[height, width]")
    hashes = values.get("hashes") or {}
    if not isinstance(hashes, dict) or not all(isinstance(text, str) for pair in hashes.items() for text in pair):
        raise UsageError(f"{path}: hashes must map file names to SHA-256 sums")
    return Meta(path, str(task), classes, (size[0], size[1]), _pre_processor(path, values.get("PRE_PROCESSOR")), hashes)


def _pre_processor(path: Path, listed: object) -> str:
    """Return the one pre-processor beside Resize."""
    names = []
    for entry in listed if isinstance(listed, list) else []:
        names += list(entry) if isinstance(entry, dict) else [str(entry)]
    known = [name for name in names if name in PRE_PROCESSORS]
    if len(known) != 1 or any(name not in ("Resize", *known) for name in names):
        raise UsageError(
            f"{path}: PRE_PROCESSOR must be Resize and one of {', '.join(PRE_PROCESSORS)}, and it is {names}"
        )
    return known[0]


class Model:
    """A network with its processing; use it in a ``with`` statement."""

    def __init__(self, model: Path, meta: Meta, *, threads: int | None = None) -> None:
        """Check ``model`` (.so or .pb) against ``meta``, then load it; see choose_threads. Raises UsageError."""
        if model.suffix not in RUNNERS:
            raise UsageError(f"{model} is neither a library (.so) nor a frozen graph (.pb)")
        self.meta = meta
        self.colors = class_colors(meta.classes)
        self._runner = RUNNERS[model.suffix]()
        try:
            self._runner.check(model)
            check_known(model, meta.hashes, meta.path)
            self._runner.load(model)
            if threads is not None or self._runner.takes_threads:
                self._runner.set_threads(choose_threads(threads))
            self._runner.init()
        except LibraryError as error:
            raise UsageError(str(error)) from error
        ends = [("input", self._runner.input_shape, 3), ("output", self._runner.output_shape, len(meta.classes))]
        for end, shape, depth in ends if meta.task == TASK else ends[:1]:
            if tuple(shape) != (1, *meta.size, depth):
                raise UsageError(
                    f"{model} and {meta.path} belong to different networks: the {end} is {list(shape)}, "
                    f"and {[1, *meta.size, depth]} is described"
                )

    @property
    def threads(self) -> int | None:
        """Return how many threads a run uses, None where that is not known."""
        return self._runner.threads

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the network's input, float32 [h,w,3], for an RGB image uint8 [H,W,3] of any size."""
        return PRE_PROCESSORS[self.meta.pre_processor](resize(image, self.meta.size))

    def run(self, values: np.ndarray) -> np.ndarray:
        """Return the network's output float32 [h,w,C] for its input float32 [h,w,3]."""
        return self._runner.run(values)[0]

    def predict(self, image: np.ndarray) -> Prediction:
        """Return the classes of an RGB image uint8 [H,W,3], and how long each part took."""
        times = [time.perf_counter()]
        values = self.prepare(image)
        times.append(time.perf_counter())
        output = self.run(values)
        times.append(time.perf_counter())
        classes = class_map(output)
        times.append(time.perf_counter())
        return Prediction(classes, Times(*(after - before for before, after in zip(times, times[1:]))))

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.delete()
