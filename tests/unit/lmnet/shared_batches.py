"""What tests of devices and processes that share a batch compare, and how nearly it must agree."""

from __future__ import annotations

import numpy as np
import pytest

from lmnet.datasets.sample import draw_dataset
from lmnet.settings import Settings
from lmnet.training import checkpoints

# Devices add in another order than one device, so float32 sums of a few thousand terms differ in their last bits: 1e-6
# of a loss was seen, 6e-8 in a weight. Statistics of each device's own part would differ by 3e-3 of a loss.
SAME_LOSS, SAME_WEIGHT = 1e-5, 2e-6


def drawn_config(folder):
    """Return the settings of four float steps on pictures that are drawn into ``folder``."""
    draw_dataset(folder, train=6, validation=5, size=(32, 32), seed=1)
    return Settings(
        network="LmSegnetV1",
        train_path=folder,
        validation_path=folder,
        image_size=(16, 16),
        batch_size=4,
        max_steps=4,
        optimizer="Adam",
        augmentors={"FlipLeftRight": {}},
        save_checkpoint_steps=2,
        test_steps=2,
        summarise_steps=1,
    )


def plain(config, **changes):
    return config.model_copy(update=changes).model_dump(mode="json")


def weights(folder, step):
    model, _ = checkpoints.load(folder / "checkpoints" / f"save.ckpt-{step}")
    return [*model.get_weights(), *(np.asarray(variable) for variable in model.optimizer.variables)]


def assert_same_weights(ours, theirs):
    assert len(ours) == len(theirs) > 20
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=SAME_WEIGHT)


def assert_same_course(ours, theirs):
    assert ours["losses"] == pytest.approx(theirs["losses"], rel=SAME_LOSS)
    assert ours["scores"] == pytest.approx(theirs["scores"], abs=0.01), (
        "a pixel between two classes may fall either way"
    )
