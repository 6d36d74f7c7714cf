"""What a run depends on beside its config: versions of the system and of packages."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_LIBRARIES = (
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "keras",
    "numpy",
    "pillow",
    "pydantic",
    "onnx",
    "onnx-ir",
    "onnxruntime",
)


def versions() -> dict[str, Any]:
    """Return the versions that a run depends on; asking imports none of the libraries."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "libraries": found,
    }
