"""Read a model file of bounded size, with every weight inside it."""

from __future__ import annotations

from pathlib import Path

import onnx

from dlk.errors import DlkError

MAX_BYTES = 1 << 28
_FIX = "export the checkpoint again"


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES, fix: str | None = None) -> bytes:
    """Return what a graph file holds; a missing or large one is a ``DlkError``. fix: what to do about it."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DlkError(f"the model file cannot be read: {error.strerror}", where=str(path), fix=fix) from error
    if len(data) > max_bytes:
        raise DlkError(
            "the model file is too large",
            where=str(path),
            expected=f"at most {max_bytes} bytes",
            received="more",
            fix=fix,
        )
    return data


def read_model(path: Path, *, max_bytes: int = MAX_BYTES, fix: str = _FIX) -> onnx.ModelProto:
    """Parse an ONNX file; a missing, large, foreign or inconsistent one is a ``DlkError``. fix: what to do about it."""
    data = read_bytes(path, max_bytes=max_bytes, fix=fix)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's DecodeError comes from a module without types
        raise _foreign(path, "it is not an ONNX protocol buffer", fix) from error
    if not model.graph.node:
        raise _foreign(path, "it holds no graph", fix)
    if any(tensor.external_data or tensor.data_location for tensor in model.graph.initializer):
        raise _foreign(path, "its weights are in other files", fix)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise _foreign(path, str(error).strip().splitlines()[0], fix) from error
    return model


def _foreign(path: Path, reason: str, fix: str) -> DlkError:
    return DlkError(
        f"the model file is not a whole ONNX model: {reason}",
        where=str(path),
        expected="one whole ONNX file",
        fix=fix,
    )
