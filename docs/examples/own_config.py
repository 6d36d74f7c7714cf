"""Trains docs/examples/own.py for a few steps on drawn scenes; start it in the folder that holds docs/."""

PLUGINS = ("docs/examples/own.py",)
NETWORK = "SmallQuantize"
DATASET_FORMAT = "Folders"
TRAIN_PATH = "CamVid"
VALIDATION_PATH = "CamVid"
IMAGE_SIZE = (48, 64)
BATCH_SIZE = 4
AUGMENTORS = {"Noise": {"deviation": (0.0, 5.0)}, "FlipLeftRight": {}}
LOSS = "focal"
OPTIMIZER = "Adam"
MAX_STEPS = 6
TEST_STEPS = 3
SAVE_CHECKPOINT_STEPS = 3
