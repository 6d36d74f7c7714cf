"""What every rewrite has in common: a name, the ops that it leaves none of, and a graph that runs afterwards."""

from __future__ import annotations

import abc
from typing import ClassVar

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError

from dlk.ir.edit import nodes, tidy


class Rewrite(InPlacePass):
    """A pass that changes the graph in place and leaves one that can be run and checked.

    name: as in the list of passes and in errors; removes: identifiers of ops of which none remains.
    """

    name: ClassVar[str]
    removes: ClassVar[frozenset[str]] = frozenset()

    @abc.abstractmethod
    def rewrite(self, model: ir.Model) -> bool:
        """Change the graph; return whether anything was changed."""

    def call(self, model: ir.Model) -> PassResult:
        """Rewrite, drop what nothing reads any more, and add the bodies of new ops."""
        modified = self.rewrite(model)
        tidy(model)
        return PassResult(model, modified=modified)

    def ensures(self, model: ir.Model) -> None:
        """Raise ``PostconditionError`` when an op remains that this pass removes."""
        left = nodes(model, *self.removes)
        if left:
            raise PostconditionError(f"{self.name} left {left[0].op_type} {left[0].name}")
