"""The graph: onnx-ir models in our own op domain, and the rules that hold at each stage."""

from dlk.ir.check import BrokenGraphError, check
from dlk.ir.codes import CodeType, code_type
from dlk.ir.files import read_model
from dlk.ir.ops import OPS, Op

__all__ = ["OPS", "BrokenGraphError", "CodeType", "Op", "check", "code_type", "read_model"]
