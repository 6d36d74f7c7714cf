"""Run the network on an image, a folder of images or a video: overlays, masks and a JSON file.

    python run.py -i street.jpg -m ../models/lib/libdlk_x86.so -c ../models/meta.yaml
    python run.py -i drive.mp4
    python run.py --self-test

Needs Python 3.9 or later and the packages in requirements.txt; a video needs OpenCV too, and a frozen graph (-m *.pb)
TensorFlow.
Exit status: 0 done, 1 something given cannot be used, 3 the self-test found a difference.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import statistics
import sys
import time
from pathlib import Path

try:
    import numpy as np
    from lmnet.command import ArgumentParser, add_model_options, carry_out, open_model
    from lmnet.inference import Model, UsageError, read_meta
    from lmnet.self_test import SelfTestError, check_golden, check_hashes
    from lmnet.sources import VIDEO_SUFFIXES
    from lmnet.video import segment_video
    from PIL import Image

    from lmnet.processors.images import SUFFIXES, ImageError, read_image
    from lmnet.processors.overlay import mask_picture, overlay
    from lmnet.processors.prediction import prediction_json, segmentation_result
except ModuleNotFoundError as missing:
    wanted = Path(__file__).with_name("requirements.txt")
    sys.exit(f"error: the Python package {missing.name} is missing; {sys.executable} -m pip install -r {wanted}")

logger = logging.getLogger("run")


def parse_arguments(arguments: list | None = None) -> argparse.Namespace:
    """Return the command line's options; a wrong one ends the program with status 1."""
    parser = ArgumentParser(description="Segment an image, every image of a folder, or a video.")
    parser.add_argument("-i", "--input", type=Path, metavar="IMAGE_FOLDER_OR_VIDEO", help="what to segment")
    add_model_options(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("output"), help="folder for results [%(default)s]")
    parser.add_argument("--trial", type=int, default=1, metavar="N", help="runs of each image, to measure time [1]")
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="end a video after N frames")
    parser.add_argument("--json", action="store_true", help="also print the times as one JSON line")
    parser.add_argument("--self-test", action="store_true", help="compare with the golden images, bit for bit")
    options = parser.parse_args(arguments)
    if options.input is None and not options.self_test:
        parser.error("say what to segment with -i IMAGE_FOLDER_OR_VIDEO")
    if options.trial < 1:
        parser.error("--trial takes a number from 1 on")
    if options.frames < 0:
        parser.error("--frames takes a number from 0 on")
    return options


def find_images(given: Path) -> list:
    """Return the image, or the sorted images of the folder. Raises UsageError when there is none."""
    if given.is_file():
        return [given]
    if not given.is_dir():
        raise UsageError(f"there is no file or folder {given}")
    images = sorted(path for path in given.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not images:
        raise UsageError(f"{given} holds no image ({', '.join(SUFFIXES)})")
    return images


def output_names(images: list) -> dict:
    """Return the base name of each image's results: its stem, or its whole name where stems would collide."""
    names = {}
    taken = set()
    for image in images:
        name = image.stem
        for candidate in (image.stem, image.name, *(f"{image.name}_{n}" for n in range(len(images)))):
            if not taken.intersection((candidate, f"{candidate}_mask")):
                name = candidate
                break
        taken.update((name, f"{name}_mask"))
        names[image] = name
    return names


def write_whole(path: Path, write: object) -> None:
    """Write a file under a temporary name beside it and rename it, so that it is whole or not there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary.exists():
            temporary.unlink()


def save_picture(path: Path, pixels: np.ndarray) -> None:
    """Write pixels uint8 [H,W,3] as PNG."""
    write_whole(path, lambda temporary: Image.fromarray(pixels).save(temporary, format="PNG"))


def segment_image(model: Model, path: Path, folder: Path, name: str, trials: int) -> tuple:
    """Segment one image and write its pictures; return its JSON entry and the Times of all trials."""
    try:
        image = read_image(path)
    except ImageError as error:
        raise UsageError(f"{path}: {error}") from error
    predictions = [model.predict(image) for _ in range(trials)]
    classes = predictions[0].classes
    height, width = image.shape[:2]
    save_picture(folder / f"{name}.png", overlay(image, classes, model.colors))
    save_picture(
        folder / f"{name}_mask.png", mask_picture(classes, model.colors, model.meta.classes, size=(height, width))
    )
    entry = segmentation_result(str(path), classes, model.meta.classes, (height, width))
    return [entry], [prediction.times for prediction in predictions]


def segment(model: Model, path: Path, folder: Path, name: str, options: argparse.Namespace) -> tuple:
    """Segment an image or a video and write its pictures; return the file to look at, JSON entries, and Times."""
    if path.suffix.lower() in VIDEO_SUFFIXES:
        target = folder / f"{name}.avi"
        return target, *segment_video(model, path, target, trials=options.trial, most=options.frames)
    return folder / f"{name}.png", *segment_image(model, path, folder, name, options.trial)


def benchmark(times: list, model: Path, threads: int | None, trials: int) -> dict:
    """Return mean and standard deviation in seconds of each part; ``threads`` of the network."""
    parts = {
        "total": [sum(t) for t in times],
        "pre": [t.pre for t in times],
        "run": [t.run for t in times],
        "post": [t.post for t in times],
    }
    values = {name: {"mean": statistics.fmean(part), "std": statistics.pstdev(part)} for name, part in parts.items()}
    return {
        "model": model.name,
        "machine": platform.machine(),
        "threads": threads,
        "trials": trials,
        "images": len(times) // trials,
        **values,
    }


def threads_text(threads: int | None) -> str:
    """Return the number of threads in words."""
    if threads is None:
        return "threads of TensorFlow's choice"
    return "1 thread" if threads == 1 else f"{threads} threads"


def run(options: argparse.Namespace) -> None:
    """Segment everything that was asked for. Raises UsageError; what could be segmented is written before."""
    started = time.perf_counter()
    images = find_images(options.input)
    folder = options.output / "images"
    with open_model(options) as model:
        threads = model.threads
        seconds = time.perf_counter() - started
        logger.info("loaded %s in %.3f s, runs on %s", options.model, seconds, threads_text(threads))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the folder {folder}: {error.strerror}") from error
        model.predict(np.zeros((*model.meta.size, 3), np.uint8))  # the first run touches cold memory; it is not counted
        results, taken, faults = [], [], []
        names = output_names(images)
        for path in images:
            try:
                written, entries, times = segment(model, path, folder, names[path], options)
            except UsageError as error:
                faults.append(str(error))
                continue
            results += entries
            taken += times
            logger.info("%s -> %s", path, written)
    if results:
        times = benchmark(taken, options.model, threads, options.trial)
        document = prediction_json(model.meta.task, model.meta.classes, results, times)
        text = json.dumps(document, indent=1)
        write_whole(options.output / "output.json", lambda temporary: temporary.write_text(text, encoding="utf-8"))
        means = ", ".join(f"{part} {times[part]['mean']:.4f}" for part in ("total", "pre", "run", "post"))
        logger.info("Benchmark avg result(sec) for %d trials on %s: %s", options.trial, threads_text(threads), means)
        if options.json:
            sys.stdout.write(json.dumps({"output": str(options.output / "output.json"), **times}) + "\n")
    if faults:
        raise UsageError("; ".join(faults))


def self_test(options: argparse.Namespace) -> None:
    """Compare files and golden images with what was verified. Raises UsageError or SelfTestError."""
    meta = read_meta(options.config, any_task=True)
    if options.model.suffix != ".so":
        raise UsageError("--self-test compares a library bit for bit; TensorFlow rounds in its own order")
    files = check_hashes(meta, options.model)
    with Model(options.model, meta, threads=options.threads) as model:
        threads = model.threads
        compared = check_golden(meta, model)
    agreed = f"{len(files)} files and {compared} output values of {options.model.name} agree"
    logger.info("self-test passed: %s, on %s", agreed, threads_text(threads))
    if options.json:
        found = {"self_test": "passed", "files": files, "values": compared, "threads": threads}
        sys.stdout.write(json.dumps(found) + "\n")


def work(arguments: list | None = None) -> None:
    """Do what the options ask for."""
    options = parse_arguments(arguments)
    if options.self_test:
        self_test(options)
    if options.input is not None:
        run(options)


def main(arguments: list | None = None) -> int:
    """Return the exit status of the program."""
    try:
        return carry_out(lambda: work(arguments))
    except SelfTestError as error:
        logger.error("self-test failed: %s", error)
        return 3


if __name__ == "__main__":
    sys.exit(main())
