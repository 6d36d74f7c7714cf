"""run.py on video files with the real OpenCV: whole, cut short, foreign, and where there is no OpenCV."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from packages import CLASSES, HEIGHT, WIDTH, bare_site, make_package, run_device

from lmnet.processors.post import class_map
from lmnet.processors.pre import PRE_PROCESSORS, resize

pytestmark = pytest.mark.needs("cv2")

FRAMES, RATE = 9, 10.0


def site_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parents[1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("video")
    libraries = [path.name for path in site_of("cv2").glob("opencv_python*.libs")]
    return make_package(folder), bare_site(folder / "site", "cv2", *libraries)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    import cv2

    path = tmp_path / "drive.avi"
    noise = np.random.default_rng(3).integers(0, 256, (FRAMES, 6, 8, 3), dtype=np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (64, 48))
    for frame in noise:
        writer.write(np.ascontiguousarray(frame.repeat(8, axis=0).repeat(8, axis=1)))
    writer.release()
    return path


def run(shared: tuple[Path, Path], tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_device(shared[0] / "python/run.py", shared[1], *arguments, "-o", tmp_path / "output")


def frames_of(path: Path) -> list[np.ndarray]:
    import cv2

    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    capture.release()
    return frames


def test_every_picture_of_a_video_is_segmented(shared: tuple[Path, Path], tmp_path: Path, video: Path) -> None:
    result = run(shared, tmp_path, "-i", video, "--trial", 2, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads((tmp_path / "output/output.json").read_text())
    assert document["benchmark"]["images"] == json.loads(result.stdout)["images"] == FRAMES
    assert [entry["frame"] for entry in document["results"]] == list(range(1, FRAMES + 1))
    for entry, pixels in zip(document["results"], frames_of(video), strict=True):
        values = PRE_PROCESSORS["PerImageStandardization"](resize(np.ascontiguousarray(pixels), (HEIGHT, WIDTH)))
        channels = np.arange(len(CLASSES))
        classes = class_map(values[..., channels % 3] + np.float32(0.25) * channels.astype(np.float32))
        counts = np.bincount(classes.reshape(-1), minlength=len(CLASSES))
        assert [item["share"] for item in entry["prediction"]] == [round(n / classes.size, 6) for n in counts.tolist()]
    written = frames_of(tmp_path / "output/images/drive.avi")
    assert len(written) == FRAMES
    assert written[0].shape == (48, 64, 3)
    assert [path.name for path in (tmp_path / "output/images").iterdir()] == ["drive.avi"]


def test_a_video_can_be_ended_early(shared: tuple[Path, Path], tmp_path: Path, video: Path) -> None:
    result = run(shared, tmp_path, "-i", video, "--frames", 4)
    assert result.returncode == 0, result.stderr
    assert len(frames_of(tmp_path / "output/images/drive.avi")) == 4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda whole: whole[: len(whole) * 2 // 3], "is damaged: of 9 pictures"),
        (lambda whole: whole[:3000], "bad.avi"),
        (lambda whole: b"\x00" * 4000, "is no video that OpenCV can read"),
        (lambda whole: b"", "is no video that OpenCV can read"),
    ],
)
def test_a_bad_video_is_one_sentence_and_leaves_nothing(
    shared: tuple[Path, Path], tmp_path: Path, video: Path, content: object, told: str
) -> None:
    (tmp_path / "bad.avi").write_bytes(content(video.read_bytes()))
    result = run(shared, tmp_path, "-i", tmp_path / "bad.avi")
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]  # OpenCV may add its own words
    assert len(errors) == 1 and told in errors[0], result.stderr
    assert "Traceback" not in result.stderr
    assert not list((tmp_path / "output").rglob("*.*"))


def test_without_opencv_a_video_is_refused_with_the_cure(
    shared: tuple[Path, Path], tmp_path: Path, video: Path
) -> None:
    site = bare_site(tmp_path / "site")
    result = run_device(shared[0] / "python/run.py", site, "-i", video, "-o", tmp_path / "output")
    assert result.returncode == 1
    assert "pip install opencv-python" in result.stderr.splitlines()[-1]
