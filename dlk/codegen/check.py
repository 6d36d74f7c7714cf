"""Refuse a program that the runtime can't execute, naming the step, before any file is written."""

from __future__ import annotations

from dlk.codegen.check_steps import check_step
from dlk.codegen.float_bounds import check_floats
from dlk.codegen.memory import memory_use
from dlk.codegen.parameters import Parameters
from dlk.errors import DlkError, InternalError
from dlk.lowering.program import Kind, Program

MAX_BITS = 4
MAX_MEMORY = 1 << 31  # of a running network: half of what a 32-bit machine can address


def check(program: Program) -> None:
    """Raise DlkError for what is not supported, InternalError for a program that contradicts itself."""
    if not program.steps:
        raise InternalError("The program has no steps.", where=program.name)
    written = {program.input}
    for step in program.steps:
        for name in (*step.reads, *step.writes):
            if name not in program.tensors:
                raise InternalError(f"{step.name} uses a tensor that is not described.", where=step.name, received=name)
        if not written.issuperset(step.reads) or not written.isdisjoint(step.writes):
            raise InternalError(f"{step.name} is out of order.", where=step.name)
        written.update(step.writes)
        check_step(step, program.tensors)
    if program.output not in written - {program.input}:
        raise InternalError("No step writes the output.", where=program.output)
    for end in (program.input, program.output):
        if program.tensors[end].kind is not Kind.FLOAT:
            raise InternalError("Input and output must be floats.", where=end)
    for tensor in program.tensors.values():
        if tensor.kind is Kind.CODES and not 1 <= tensor.bits <= MAX_BITS:
            raise DlkError(
                "Activations of this width are not supported.",
                where=tensor.name,
                expected=f"1 to {MAX_BITS} bits",
                received=f"{tensor.bits} bits",
            )
    check_floats(program)


def check_memory(program: Program, numbers: Parameters) -> None:
    """Raise DlkError when a network would need so much memory that sizes of 32 bits overflow."""
    use = memory_use(numbers)
    needed = max(use.total, use.device)
    if needed > MAX_MEMORY:
        raise DlkError(
            "The network needs too much memory.",
            where=program.name,
            expected=f"at most {MAX_MEMORY >> 20} MiB",
            received=f"{needed >> 20} MiB",
            fix="take a smaller image size, or fewer channels",
        )
