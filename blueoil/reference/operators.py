"""The page of operators and limits, from the tables by which the converter judges a network."""

from __future__ import annotations

import onnx_ir as ir

from blueoil.reference.markdown import code, page, table, text
from dlk.codegen.check_steps import MAX_KERNEL, STRIDES
from dlk.frontends.rules import EXPORTED_OPS, Rule
from dlk.hw import limits
from dlk.ir.ops import OPS, OPSET, Op, Operand
from dlk.lowering import tca_limits
from dlk.lowering.class_lists import MAX_INPUTS
from dlk.targets import TARGETS

_SOURCE = "the tables in `dlk/ir/ops.py`, `dlk/frontends/rules.py`, `dlk/targets` and `dlk/hw/limits.py`"
_TYPES = {ir.DataType.FLOAT: "float32", ir.DataType.DOUBLE: "float64", ir.DataType.UINT8: "codes"}


def render() -> str:
    """Return the page: operators of a model.onnx, the rules between them, targets, and what the accelerator takes."""
    return page(
        "Operators and limits",
        _SOURCE,
        "## Operators",
        f"What `model.onnx` may consist of, opset {OPSET}. A network of `lmnet` exports to these; `blueoil train "
        "--dry-run` says beforehand whether one does. *Codes* are quantized activations.",
        table(("operator", "inputs", "attributes"), [_op(OPS[name]) for name in sorted(EXPORTED_OPS)]),
        "## Rules",
        "\n".join(f"- {rule.name.lower().replace('_', ' ')}: {text(rule)}" for rule in Rule if rule is not Rule.OPS),
        "## Sizes",
        f"- a window is at most {MAX_KERNEL}x{MAX_KERNEL}, and moves by {' or '.join(map(str, STRIDES))}\n"
        f"- a quantized convolution has at most {MAX_INPUTS:,} inputs for one output: window times channels",
        "## Targets",
        table(("target", "library", "compiled for", "instruction sets", "proved by"), list(map(_target, TARGETS))),
        "## The accelerator",
        "What [ours](../accelerator.md) takes of a quantized convolution; a network of which any layer does not fit "
        "gets no `libdlk_fpga.so`, and the layer is named.",
        _limits(limits.LIMITS),
        "What the original project's takes beside that, which `DLK_FPGA=original_tca` drives "
        "([the library](../fpga-library.md)):",
        _limits(tca_limits.LIMITS),
    )


def _op(op: Op) -> tuple[str, ...]:
    least = len(op.operands) - op.optional
    inputs = [_operand(operand, index >= least) for index, operand in enumerate(op.operands)]
    attributes = [code(name) for name in op.attributes] + [f"{code(name)} (optional)" for name in op.options]
    fixed = [f"only {code(f'{name}={value}')}" for name, value in op.defaults.items() if value is not None]
    return code(op.identifier), ", ".join(inputs) + " ..." * op.variadic, ", ".join(attributes + fixed)


def _operand(operand: Operand, optional: bool) -> str:
    kinds = " or ".join(_TYPES.get(dtype, dtype.name.lower()) for dtype in operand.dtypes)
    return f"{code(operand.name)} {'constant' if operand.constant else kinds}{' (optional)' if optional else ''}"


def _target(name: str) -> tuple[str, ...]:
    target = TARGETS[name]
    proof = f"the machine itself, or {code(target.emulator[0])}" if target.emulator else "the machine itself"
    simulated = ", the accelerator in simulation" if target.accelerated else ""
    sets = ", ".join(code(isa.name) for isa in target.isas)
    return name, code(target.library), code(target.triple), sets, proof + simulated


def _limits(rows: tuple[limits.Limit, ...]) -> str:
    return table(("of a layer", "limit", "else"), [(limit.part, text(limit.expected), limit.fix) for limit in rows])
