"""Every seed and every input that once brought a fault to light is answered; ``make fuzz`` goes on from these."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_library import built, plain_driver
from fuzz_reader import answered
from fuzz_targets import LEAST, TARGETS
from made_once import MadeOnce

from blueoil.errors import BlueoilError

PYTHON = [name for name, target in TARGETS.items() if target.maker]


@pytest.fixture(scope="session")
def project(made_once: MadeOnce) -> Path:
    """The project of the small library, built once."""
    return made_once.folder("fuzz", lambda folder: built(folder / "project")) / "project"


@pytest.mark.parametrize("name", PYTHON)
def test_seeds_are_answered(name: str, tmp_path: Path, project: Path) -> None:
    (tmp_path / "library").symlink_to(project)
    target = TARGETS[name]
    run = target.make(tmp_path)
    seeds = sorted(target.seeds.iterdir())
    assert seeds
    for seed in seeds:
        try:
            run(seed.read_bytes())
        except Exception as error:
            pytest.fail(f"{seed}: {type(error).__name__}: {error}")


@pytest.mark.needs("gcc")
def test_the_c_api_answers_its_seeds(tmp_path: Path, project: Path) -> None:
    program = plain_driver(project, tmp_path / "driver")
    seeds = sorted(TARGETS["c_api"].seeds.iterdir())
    result = subprocess.run([program, *seeds], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f"number_of_executed_units: {len(seeds)}" in result.stderr


def test_whole_models_among_the_seeds_convert(tmp_path: Path) -> None:
    from dlk.frontends.onnx import load

    models = sorted(TARGETS["onnx_bytes"].seeds.glob("good-*"))
    assert len(models) >= 4
    for model in models:
        load(model)


def test_a_fault_of_ours_is_a_finding_and_a_users_mistake_is_none() -> None:
    with answered():
        raise BlueoilError("a mistake", where="here")
    with pytest.raises(ZeroDivisionError), answered():
        raise ZeroDivisionError
    with pytest.raises(AssertionError, match="does not explain itself"), answered(explains=True):
        raise BlueoilError("a mistake")
    with pytest.raises(AssertionError, match="characters"), answered():
        raise BlueoilError("x" * 100_000)


def test_the_campaign_is_a_million_and_none_is_left_out() -> None:
    assert sum(target.share for target in TARGETS.values()) >= 1_000_000
    assert TARGETS["c_api"].share >= 300_000
    assert all(target.share >= LEAST and target.seeds.is_dir() for target in TARGETS.values())


def test_an_unknown_target_is_told() -> None:
    command = [sys.executable, Path(__file__).parent, "nonsense"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "there is no target nonsense" in result.stderr
