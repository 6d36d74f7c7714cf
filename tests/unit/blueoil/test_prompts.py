"""The dialogue of ``blueoil init`` at a real (pseudo) terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

from blueoil.config.load import load

ROOT = Path(__file__).parents[3]
DOWN, ENTER, CTRL_A, CTRL_C = "\x1b[B", "\r", "\x01", "\x03"
WAIT = 20  # seconds; generous, for a busy machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "CamVid"
    for split, images in (("train", ("a", "b")), ("val", ("c",))):
        for kind in (split, f"{split}annot"):
            (data / kind).mkdir(parents=True)
            for name in images:
                (data / kind / f"{name}.png").touch()
        (data / f"{split}.txt").write_text("".join(f"{split}/{n}.png {split}annot/{n}.png\n" for n in images))
    return tmp_path


def start(folder: Path, *words: str, columns: int = 240) -> pexpect.spawn:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    arguments = ["-m", "blueoil", "init", *words]
    child = pexpect.spawn(
        sys.executable, arguments, cwd=folder, env=environment, encoding="utf-8", timeout=WAIT, dimensions=(60, columns)
    )
    child.delaybeforesend = 0.05
    return child


def answer(child: pexpect.spawn, question: str, keys: str) -> None:
    child.expect_exact(question)
    child.send(keys)


def test_the_tutorials_dialogue_with_two_mistakes_on_the_way(folder: Path) -> None:
    child = start(folder, "-o", "config/camvid.py")
    child.expect_exact("#### Generate config ####")
    answer(child, "your model name ()", "camvid" + ENTER)
    answer(child, "choose task type", ENTER)
    answer(child, "choose network", ENTER)
    answer(child, "choose dataset format", ENTER)
    answer(child, "training dataset path", "nowhere" + ENTER)
    child.expect_exact("there is no folder nowhere")
    child.send("\x7f" * len("nowhere") + f"{folder}/CamVid/" + ENTER)
    answer(
        child,
        "set validation dataset? "
        "(if answer no, the dataset will be separated for training and validation by 9:1 ratio.)",
        ENTER,
    )
    answer(child, "test dataset path", f"{folder}/CamVid/" + ENTER)
    answer(child, "batch size (integer)", "8" + ENTER)
    answer(child, "image size (integer x integer)", "361x480" + ENTER)
    child.expect_exact("multiples of 8")
    child.expect_exact("try 360x480")
    child.send("\x7f" * len("361x480") + "360x480" + ENTER)
    answer(child, "how many epochs do you run training (integer)", "1000" + ENTER)
    answer(child, "choose optimizer", ENTER)
    answer(child, "initial learning rate", ENTER)
    child.expect_exact("choose learning rate schedule ({epochs} is the number of training epochs you entered before)")
    child.expect_exact("learning rate decrease by 1/10 on 1000/3 and 1000*2/3 and 1000-1")
    child.send(DOWN * 2 + ENTER)
    answer(child, "enable data augmentation?  (Y/n)", "y")
    child.expect_exact("Please choose augmentors")
    child.expect_exact("Hue(value=(-10, 10))")
    child.send(ENTER)
    answer(child, "apply quantization at the first layer? (Y/n)", "n")
    child.expect_exact("Config file is generated in config/camvid.py")
    child.expect_exact("Next step: blueoil train -c config/camvid.py")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0

    settings = load(folder / "config" / "camvid.py")
    assert settings.train_path == settings.validation_path == folder / "CamVid"
    assert (settings.batch_size, settings.image_size, settings.max_epochs) == (8, (360, 480), 1000)
    assert (settings.optimizer, settings.learning_rate) == ("Adam", 0.001)
    assert settings.learning_rate_schedule == "3-step-decay"
    assert sorted(settings.augmentors) == ["Brightness", "Color", "Contrast", "FlipLeftRight", "Hue", "RandomScaleCrop"]
    assert settings.quantize_first_layer is False


def test_a_narrow_terminal_shows_each_line_once_and_every_reason_whole(folder: Path) -> None:
    child = start(folder, "-o", "camvid.py", columns=80)
    answer(child, "your model name ()", "cam\x15vid" + ENTER)  # Ctrl-U means nothing here
    for question in ("choose task type", "choose network", "choose dataset format"):
        answer(child, question, ENTER)
    answer(child, "training dataset path", "/a" * 40 + ENTER)
    child.expect_exact("...a/a/a")
    child.expect_exact("there is no folder\r\n   " + "/a" * 40 + "\r\n")
    child.send("\x7f" * 80 + "CamVid" + ENTER)
    child.expect_exact("(if answer no, the dataset will be separated for\r\n")
    child.expect_exact("9:1 ratio.)\r\n")
    for question in ("set validation dataset?", "test dataset path", "batch size", "image size", "how many epochs"):
        answer(child, question, ENTER)
    answer(child, "choose optimizer", ENTER)
    answer(child, "initial learning rate", ENTER)
    child.expect_exact("entered before)")
    child.expect_exact("'3-step-decay-with-warmup'")
    child.send(DOWN)
    child.expect_exact("> '2-step-decay'")
    child.expect_exact("'3-step-decay-with-warmup'")
    assert all(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)) < 80 for line in child.before.split("\r\n"))
    child.send(ENTER)
    answer(child, "enable data augmentation?", "n")
    answer(child, "apply quantization at the first layer?", "n")
    child.expect_exact("Next step: blueoil train -c camvid.py")
    child.expect(pexpect.EOF)
    assert '"""Config of camvid,' in (folder / "camvid.py").read_text()


def test_ctrl_c_leaves_no_file_and_no_traceback(folder: Path) -> None:
    child = start(folder, "-o", "config/camvid.py")
    answer(child, "your model name ()", "camvid" + ENTER)
    answer(child, "choose task type", CTRL_C)
    child.expect(pexpect.EOF)
    said = child.before
    child.close()
    assert child.exitstatus == 130
    assert "Stopped by Ctrl-C." in said
    assert "Traceback" not in said
    assert not (folder / "config").exists()


def test_an_existing_file_is_asked_for(folder: Path) -> None:
    (folder / "c.py").write_text("mine")
    child = start(folder, "-o", "c.py")
    answer(child, "c.py exists. Overwrite it?", "n" + ENTER)
    child.expect_exact("c.py was left as it is")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert (folder / "c.py").read_text() == "mine"
