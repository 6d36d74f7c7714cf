"""Each network that can be trained, with either choice at both ends, becomes a library that is proved equal to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversions import SharedBuild, convert
from lively import lively, noise, thin

import dlk.convert
from lmnet import networks
from lmnet.export import export
from lmnet.settings import Settings

SIZE = (40, 48)  # odd at 1/8 and at 1/16: what is halved there and doubled again is one too large
CLASSES = ("road", "sky", "tree", "car", "sign")
QUANTIZED = [name for name in networks.names() if name.endswith(networks.QUANTIZED)]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> SharedBuild:
    return SharedBuild(tmp_path_factory.mktemp("tree"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quantize_first_layer": True, "weight_quantizer": "binary_channel_wise_mean_scaling"},
        {"quantize_last_layer": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("network", QUANTIZED)
def test_a_network_is_proved(
    network: str, options: dict, build: SharedBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thin(monkeypatch)
    monkeypatch.setattr(dlk.convert, "build", build)
    settings = Settings(train_path="unused", network=network, image_size=SIZE, **options)
    model, images = lively(settings, len(CLASSES), noise(SIZE)), noise(SIZE)
    folder = tmp_path / "export"
    export(model, folder, settings=settings, classes=CLASSES, images=images, experiment="e", checkpoint="c")
    conversion = convert(folder)
    assert conversion.verification.passed
    equality = {result.executor: result for result in conversion.verification.equality}
    assert {"x86 portable", "x86 from pixels"} <= equality.keys()
    assert all(result.mismatches == 0 for result in equality.values())
    assert equality["x86 from pixels"].values == len(images) * SIZE[0] * SIZE[1] * len(CLASSES)
    assert conversion.verification.rounding.agreement > 0.99
