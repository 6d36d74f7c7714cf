"""Graph rewrites, one a file, each with what it requires and ensures, and the list by which they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx_ir as ir

from dlk.errors import DlkError, InternalError
from dlk.ir.check import BrokenGraphError, check
from dlk.ir.ops import OPS
from dlk.passes.base import Rewrite
from dlk.passes.binarize_weights import BinarizeWeights
from dlk.passes.channels_last import ChannelsLast
from dlk.passes.compute_thresholds import ComputeThresholds
from dlk.passes.fold_affine import FoldAffine
from dlk.passes.freeze_float_kernels import FreezeFloatKernels
from dlk.passes.quantize_activations import QuantizeActivations
from dlk.passes.quantize_convolutions import QuantizeConvolutions
from dlk.passes.sink_dequantize import SinkDequantize

PASSES: tuple[type[Rewrite], ...] = (
    BinarizeWeights,
    QuantizeActivations,
    ChannelsLast,
    SinkDequantize,
    QuantizeConvolutions,
    FreezeFloatKernels,
    ComputeThresholds,
    FoldAffine,
)
__all__ = ["PASSES", "Rewrite", "run_passes"]


def run_passes(
    model: ir.Model,
    *,
    passes: Sequence[type[Rewrite]] = PASSES,
    observe: Callable[[str, ir.Model], None] | None = None,
) -> ir.Model:
    """Run the passes in order on the model, in place, and return it; the graph is checked after each.

    observe: called after each pass with its name and the model. Raises ``InternalError`` that names the pass which
    failed or broke the graph, and ``DlkError`` where the network itself cannot be converted.
    """
    allowed = set(OPS)
    for kind in passes:
        allowed -= kind.removes
        try:
            kind()(model)
            check(model, allowed=allowed)
        except BrokenGraphError as error:
            raise InternalError(f"the pass {kind.name} broke the graph: {error.what}", where=error.where) from error
        except DlkError:
            raise
        except Exception as error:
            cause = error.__cause__ or error
            raise InternalError(f"the pass {kind.name} failed: {cause}", where=str(model.graph.name)) from error
        if observe is not None:
            observe(kind.name, model)
    return model
