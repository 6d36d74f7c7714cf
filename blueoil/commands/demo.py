"""``blueoil demo``: the whole way on a small drawn dataset, each command shown as a person would type it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from blueoil.commands import options
from blueoil.console import Console, duration, percent
from blueoil.errors import BlueoilError
from blueoil.size import Size

MINIMUM_MIOU = 0.30
EXPERIMENT = "demo"
_DRAWN_SIZE, _REAL_SIZE = (96, 128), (360, 480)
FLOAT_SHARE = 0.5
"""Steps of the float twin for each step of the network: a third of the demo's."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What differs between the drawn dataset and a real one."""

    dataset: Path
    image_size: str
    steps: int
    draw: bool


@click.command("demo")
@click.option("--camvid", type=click.Path(file_okay=False, path_type=Path), help="A real dataset in CamVid's format.")
@click.option("--steps", type=click.IntRange(min=1), default=300, show_default=True, help="Training steps.")
@click.option("--size", type=Size(), help="Height x width of the input.  [default: 96x128, of a real one 360x480]")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for everything the demo makes.",
)
@options.as_json
@options.debug
def command(camvid: Path | None, steps: int, size: tuple[int, int] | None, output: Path, machine: bool) -> None:
    """Draw a dataset, train, convert, verify, run the library on a picture: the tutorial in a few minutes.

    Fails unless the converted x86 library reaches a validation mIoU of 0.30 and twice that of the best constant answer.

    \b
    Example:
      blueoil demo
      blueoil demo --camvid ./CamVid --size 180x240 --steps 200
    """
    import numpy as np

    from lmnet.metrics import best_constant_mean_iou

    console = Console(machine=machine)
    start = time.monotonic()
    height, width = size or (_REAL_SIZE if camvid else _DRAWN_SIZE)
    plan = _Plan(camvid or output / "CamVid", f"{height}x{width}", steps, draw=camvid is None)
    saved = output / "saved"
    config = output / "config" / "camvid.py"
    root = ["--output_dir", str(saved)]

    if plan.draw and not plan.dataset.exists():
        _blueoil(console, ["dataset", "sample", str(plan.dataset), "--size", plan.image_size])
    _blueoil(console, ["init", "-o", str(config), "--force", "--defaults", *_answers(plan)])
    _blueoil(console, ["train", "-c", str(config), "-e", EXPERIMENT, "--recreate", *root, *_overrides(plan)])
    conversion = _blueoil(console, ["convert", "-e", EXPERIMENT, *root], machine=True)
    scores = _blueoil(console, ["evaluate", "-e", EXPERIMENT, "--backend", "x86", *root], machine=True)
    package = Path(conversion["output"])
    picture = _run_package(console, package, _first_image(plan.dataset))

    constant = best_constant_mean_iou(np.array(scores["confusion_matrix"]))
    console.say()
    console.say(f"validation mIoU of the x86 library: {percent(scores['mean_iou'])} (a constant: {percent(constant)})")
    console.say(f"latency of the x86 library: {conversion['latency_ms']:.2f} ms a picture, one thread")
    console.say(f"the picture: {scores['examples']}")
    console.say(f"took {duration(time.monotonic() - start)}")
    _check(scores["mean_iou"], constant)
    console.say("Next step: blueoil init -o config/camvid.py, with your own dataset")
    values = {"mean_iou": scores["mean_iou"], "constant_mean_iou": constant, "latency_ms": conversion["latency_ms"]}
    console.result({**values, "picture": scores["examples"], "prediction": picture, "output": package})


def _check(miou: float, constant: float) -> None:
    wanted = max(MINIMUM_MIOU, 2 * constant)
    if miou < wanted:
        raise BlueoilError(
            "the network learned too little",
            expected=f"a validation mIoU of at least {percent(wanted)}",
            received=percent(miou),
            fix="train longer: blueoil demo --steps 600",
        )


def _answers(plan: _Plan) -> list[str]:
    return [
        f"train_path={plan.dataset}",
        f"validation_path={plan.dataset}",
        f"image_size={plan.image_size}",
        "learning_rate=0.005",
        "quantize_first_layer=no",
    ]


def _overrides(plan: _Plan) -> list[str]:
    interval = max(1, plan.steps // 3)
    return [
        "logit_adjustment=0",  # in so few steps no class is seen too often
        f"max_steps={max(1, plan.steps - interval)}",
        f"float_start={FLOAT_SHARE}",
        f"test_steps={interval}",
        f"save_checkpoint_steps={interval}",
        f"summarise_steps={max(1, plan.steps // 15)}",
    ]


def _first_image(dataset: Path) -> Path:
    line = (dataset / "val.txt").read_text(encoding="utf-8").split()[0]
    return dataset / line


def _blueoil(console: Console, words: list[str], *, machine: bool = False) -> dict[str, Any]:
    """Run one verb as a person would; with ``machine`` return its JSON object."""
    console.say(f"\n$ {shlex.join(['blueoil', *words])}")
    command = [sys.executable, "-m", "blueoil", *words, *(["--json"] if machine else [])]
    # People read the verb's words, wherever they are written; the JSON of --json is for this program only.
    done = subprocess.run(command, stdout=subprocess.PIPE if machine else console.stream, text=True, check=False)
    if done.returncode:
        raise click.exceptions.Exit(done.returncode)
    result: dict[str, Any] = json.loads(done.stdout) if machine else {}
    return result


def _run_package(console: Console, package: Path, image: Path) -> Path:
    """Run the package's own script on one image, as on a device; return the picture it wrote."""
    scripts = package / "python"
    words = ["run.py", "-i", str(image.resolve()), "-m", "../models/lib/libdlk_x86.so", "-c", "../models/meta.yaml"]
    console.say(f"\n$ cd {scripts}\n$ {shlex.join(['python', *words])}")
    done = subprocess.run([sys.executable, *words], cwd=scripts, stdout=console.stream, check=False)
    if done.returncode:
        raise click.exceptions.Exit(done.returncode)
    return scripts / "output" / "images" / f"{image.stem}.png"
