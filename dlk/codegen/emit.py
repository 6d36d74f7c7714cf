"""Write a lowered program as a C++ project that stands alone: generated sources beside a copy of the runtime."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import jinja2

from dlk.codegen.check import check, check_memory
from dlk.codegen.facts import step_facts
from dlk.codegen.literals import c_string, float_literals, int_literals, word_literals
from dlk.codegen.memory import MemoryUse, memory_use
from dlk.codegen.parameters import Parameters, parameters
from dlk.lowering.offload import offload
from dlk.lowering.program import Program
from dlk.lowering.tca import tca_plan
from dlk.targets import Target
from dlk.trees import copy_tree

_RUNTIME = Path(__file__).resolve().parents[1] / "runtime"
_RUNTIME_PARTS = ("include", "kernels", "src", "tools")
_DRIVER = "fpga"
_SIMULATOR = Path(__file__).resolve().parents[1] / "hw" / "sim" / "sim.h"

# Flags of compilers other than zig for the CPU names of dlk.targets.
_PLAIN_FLAGS = {
    "x86_64": "-march=x86-64",
    "x86_64_v3": "-march=x86-64-v3",
    "x86_64_v4": "-march=x86-64-v4",
    "cortex_a9": "-mcpu=cortex-a9;-mfpu=neon",
    "generic": "-mcpu=generic",
}


def fit(program: Program, target: Target) -> tuple[Program, Parameters]:
    """Return the program as the target executes it, and the numbers of its project.

    Raises DlkError for what the runtime or the accelerator does not support.
    """
    check(program)
    if target.accelerated:
        program = offload(program)
    numbers = parameters(program, max(isa.lanes for isa in target.isas))
    check_memory(program, numbers)
    return program, numbers


def emit(program: Program, directory: Path, target: Target) -> MemoryUse:
    """Write the project of ``program`` for ``target`` into ``directory``, replacing what was there.

    Returns the memory that the network will take. The CMakeLists.txt tells how to build it. Raises DlkError for what
    the runtime does not support, and then leaves the directory as it was.
    """
    fitted, numbers = fit(program, target)
    facts = _facts(fitted, target, numbers)
    if target.accelerated:
        facts["tca"] = tca_plan(program)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as temporary:
        project = Path(temporary) / "project"
        for part in _RUNTIME_PARTS:
            copy_tree(_RUNTIME / part, project / part)
        if target.accelerated:
            copy_tree(_RUNTIME / _DRIVER, project / _DRIVER)
            shutil.copy(_SIMULATOR, project / _DRIVER)
        _render(project, target, facts)
        if directory.exists():
            shutil.rmtree(directory)
        project.rename(directory)
    return memory_use(numbers)


def _render(project: Path, target: Target, facts: Mapping[str, object]) -> None:
    """Write the generated files of a project."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - C++ and CMake, not HTML
    )
    environment.filters.update(c_string=c_string, floats=float_literals, ints=int_literals, words=word_literals)
    generated = project / "generated"
    generated.mkdir()
    for template, path in (
        ("CMakeLists.txt.jinja", project / "CMakeLists.txt"),
        ("CMakePresets.json.jinja", project / "CMakePresets.json"),
        ("toolchain.cmake.jinja", project / "toolchain.cmake"),
        ("network.cpp.jinja", generated / "network.cpp"),
        ("constants.h.jinja", generated / "constants.h"),
        ("constants.cpp.jinja", generated / "constants.cpp"),
        ("facts.cpp.jinja", generated / "facts.cpp"),
    ):
        path.write_text(environment.get_template(template).render(facts), encoding="utf-8")
    if target.accelerated:
        for name in ("accelerator.cpp", "tca.cpp"):
            text = environment.get_template(f"{name}.jinja").render(facts)
            (generated / name).write_text(text, encoding="utf-8")
    for isa in target.isas:
        text = environment.get_template("isa.cpp.jinja").render(facts, isa=isa)
        (generated / f"isa_{isa.name}.cpp").write_text(text, encoding="utf-8")


def _facts(program: Program, target: Target, numbers: Parameters) -> dict[str, object]:
    order = {name: index for index, name in enumerate(numbers.arena.layouts)}
    accelerated = [(step.index, step.accelerated) for step in numbers.steps if step.accelerated is not None]
    number, accelerator = accelerated[0] if accelerated else (-1, None)
    return {
        "accelerated": accelerator,
        "accelerated_step": number,
        "program": program,
        "target": target,
        "arena": numbers.arena,
        "tensors": list(numbers.arena.layouts.values()),
        "steps": numbers.steps,
        "step_facts": step_facts(program, numbers.steps),
        "input": order[program.input],
        "output": order[program.output],
        "library": target.library.removeprefix("lib").removesuffix(".so"),
        "plain_flags": _PLAIN_FLAGS,
        "triple_system": target.triple.split("-")[0],
    }
