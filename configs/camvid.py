"""Config of the tutorial, as `blueoil init --answers configs/answers/camvid.yaml` writes it.

Relative paths start at the folder in which `blueoil train` is called.
"""

# ---- What is learned ----

# What the network learns.
TASK = "semantic_segmentation"

# Network architecture. One of LmSegnetV1Quantize, LmUnetV1Quantize, LmSegnetV1, LmUnetV1.
NETWORK = "LmSegnetV1Quantize"

# Python files with networks, datasets, augmentors and losses of your own: docs/plugins.md.
PLUGINS = ()

# ---- Dataset ----

# How the dataset lies on disk.
DATASET_FORMAT = "CamvidCustom"

# Folder that holds train.txt.
TRAIN_PATH = "CamVid"

# Folder that holds val.txt; none: 10 % of the training images are held out.
VALIDATION_PATH = "CamVid"

# Height and width of the network's input, pixels. Each side 16 to 1024 and a multiple of 8.
IMAGE_SIZE = (360, 480)

# Images in one step.
BATCH_SIZE = 8

# Height and width of the crops that training sees; none: whole pictures.
# Why: A step on half the sides takes a third of the time, and each epoch sees other places.
CROP_SIZE = (192, 256)

# Random changes of the training images: name and parameters. Known: Blur, Brightness, Color, Contrast, Crop,
# FlipLeftRight, FlipTopBottom, Hue, Pad, RandomErasing, RandomPatchCut, RandomScaleCrop, Rotate.
# Why: RandomScaleCrop and wide colour ranges: other cameras see other distances and other light.
AUGMENTORS = {
    "RandomScaleCrop": {"scale": (0.6, 1.6)},
    "Brightness": {"value": (0.6, 1.4)},
    "Color": {"value": (0.6, 1.4)},
    "Contrast": {"value": (0.6, 1.4)},
    "FlipLeftRight": {"probability": 0.5},
    "Hue": {"value": (-10.0, 10.0)},
}

# ---- Training ----

# Passes over the training images.
MAX_EPOCHS = 1000

# Steps in all; wins over max_epochs.
MAX_STEPS = None

# How the weights follow the gradient. One of Momentum, Adam.
OPTIMIZER = "Adam"

# Initial learning rate.
LEARNING_RATE = 0.001

# How the learning rate falls. One of constant, cosine, 2-step-decay, 3-step-decay, 3-step-decay-with-warmup. The
# steps are counted in epochs.
LEARNING_RATE_SCHEDULE = "3-step-decay"

# Share of each weight, times the learning rate, that a step takes away.
# Why: Pulls every weight to 0, so that pictures are not learned by heart.
WEIGHT_DECAY = 0.02

# What training makes small. One of class_balanced_crossentropy, weighted_crossentropy.
# Why: Thin and rare classes are learned from the first steps.
LOSS = "weighted_crossentropy"

# weighted_crossentropy: a class weighs (median frequency / its frequency)^power; 0: all equal. From 0 to 2.
CLASS_WEIGHT_POWER = 0.5

# weighted_crossentropy: share of the weights' pull to rare classes that the logits leave out. From 0 to 1.
# Why: Class weights make a trained network see rare things where there are none; this takes half of that back.
LOGIT_ADJUSTMENT = 0.5

# Train the float twin first, this share of the steps more, and start from its weights. From 0 to 10.
# Why: 1-bit weights that start from a trained float twin need few steps of their own.
FLOAT_START = 1.0

# Checkpoint folder whose weights the network starts from; none: new weights.
WARM_START = None

# Arithmetic of a training step; validation is always float32. One of float32, mixed_bfloat16.
PRECISION = "float32"

# End after this many validations without a better mIoU; none: never early.
EARLY_STOP = None

# Seed of weights, data order and augmentation.
SEED = 1

# ---- Quantization ----

# 1-bit weights: sign and scale. One of binary_mean_scaling, binary_channel_wise_mean_scaling.
# Why: A scale for each channel costs nothing in the library: it is part of the thresholds.
WEIGHT_QUANTIZER = "binary_channel_wise_mean_scaling"

# Activations as evenly spaced levels from 0 to activation_max_value.
ACTIVATION_QUANTIZER = "linear_mid_tread_half"

# Bits of an activation. From 1 to 4.
ACTIVATION_BITS = 2

# Value of the largest activation code.
ACTIVATION_MAX_VALUE = 2.0

# Yes: binary first kernel and pixels / 255. No: float kernel and per-image standardization.
QUANTIZE_FIRST_LAYER = False

# Yes: the logits take the levels of an activation. No: float logits.
QUANTIZE_LAST_LAYER = False

# ---- Record ----

# Steps between two checkpoints.
SAVE_CHECKPOINT_STEPS = 1000

# Checkpoints kept beside the best one.
KEEP_CHECKPOINT_MAX = 5

# Steps between two validation passes.
TEST_STEPS = 1000

# Steps between two TensorBoard records and log lines.
SUMMARISE_STEPS = 100
