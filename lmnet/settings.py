"""What a training run is: every value of a config file, with its type, unit, limit and default.

One schema for Python configs, YAML configs, the questions of ``blueoil init`` and the trainer. A config file holds the
same names in upper case. Nothing here imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lmnet import limits, networks
from lmnet.augmentors.kinds import Value
from lmnet.datasets import DATASETS
from lmnet.losses import LOSSES

Task = Literal["semantic_segmentation"]
OptimizerName = Literal["Momentum", "Adam"]
Precision = Literal["float32", "mixed_bfloat16"]
ScheduleName = Literal["constant", "cosine", "2-step-decay", "3-step-decay", "3-step-decay-with-warmup"]
WeightQuantizerName = Literal["binary_mean_scaling", "binary_channel_wise_mean_scaling"]
ActivationQuantizerName = Literal["linear_mid_tread_half"]


class Unit(str):
    """What the number of a setting counts: a part of its type."""

    __slots__ = ()


Side = Annotated[int, Field(ge=limits.SMALLEST_SIDE, le=limits.LARGEST_SIDE)]
Size = Annotated[tuple[Side, Side], Unit("pixels")]
Steps = Annotated[PositiveInt, Unit("steps")]


def _several(value: object) -> object:
    if value is None or isinstance(value, (str, Path)):
        return (value,) if value else ()
    if not isinstance(value, (tuple, list)):
        raise ValueError("a file or a list of files")
    return value


def _of_different_names(files: tuple[Path, ...]) -> tuple[Path, ...]:
    names = [file.name for file in files]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"files of different names; two are called {twice[0]}")
    return files


Plugins = Annotated[tuple[Path, ...], BeforeValidator(_several), AfterValidator(_of_different_names)]
"""One file or several; an experiment keeps them all in one folder."""

_REGISTERED: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "network": networks.names,
    "dataset_format": lambda: tuple(DATASETS),
    "loss": lambda: tuple(LOSSES),
}
"""Fields whose values are the names in a registry, to which a user's file may add."""


class Settings(BaseModel):
    """All values of one training run; immutable, checked when made.

    Raises:
        pydantic.ValidationError: a value has the wrong type, is out of its range, does not fit another, or is unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    task: Task = Field("semantic_segmentation", description="What the network learns.")
    network: str = Field("LmSegnetV1Quantize", description="Network architecture.")
    plugins: Plugins = Field(
        (), description="Python files with networks, datasets, augmentors and losses of your own: docs/plugins.md."
    )

    dataset_format: str = Field("CamvidCustom", description="How the dataset lies on disk.")
    train_path: Path = Field(description="Folder that holds train.txt.")
    validation_path: Path | None = Field(
        None, description="Folder that holds val.txt; none: 10 % of the training images are held out."
    )
    image_size: Size = Field((128, 128), description="Height and width of the network's input, pixels.")
    batch_size: Annotated[PositiveInt, Unit("images")] = Field(8, description="Images in one step.")
    crop_size: Size | None = Field(
        None, description="Height and width of the crops that training sees; none: whole pictures."
    )

    max_epochs: Annotated[PositiveInt, Unit("epochs")] | None = Field(
        100, description="Passes over the training images."
    )
    max_steps: Steps | None = Field(None, description="Steps in all; wins over max_epochs.")
    optimizer: OptimizerName = Field("Momentum", description="How the weights follow the gradient.")
    learning_rate: PositiveFloat = Field(0.001, description="Initial learning rate.")
    learning_rate_schedule: ScheduleName = Field("constant", description="How the learning rate falls.")
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of each weight, times the learning rate, that a step takes away."
    )
    loss: str = Field("class_balanced_crossentropy", description="What training makes small.")
    class_weight_power: Annotated[float, Field(ge=0, le=2)] = Field(
        0.5, description="weighted_crossentropy: a class weighs (median frequency / its frequency)^power; 0: all equal."
    )
    logit_adjustment: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="weighted_crossentropy: share of the weights' pull to rare classes that the logits leave out."
    )
    float_start: Annotated[float, Field(ge=0, le=10)] = Field(
        0.0, description="Train the float twin first, this share of the steps more, and start from its weights."
    )
    warm_start: Path | None = Field(
        None, description="Checkpoint folder whose weights the network starts from; none: new weights."
    )
    precision: Precision = Field("float32", description="Arithmetic of a training step; validation is always float32.")
    early_stop: Annotated[PositiveInt, Unit("validations")] | None = Field(
        None, description="End after this many validations without a better mIoU; none: never early."
    )
    augmentors: dict[str, dict[str, Value]] = Field(
        default_factory=dict, description="Random changes of the training images: name and parameters."
    )

    weight_quantizer: WeightQuantizerName = Field("binary_mean_scaling", description="1-bit weights: sign and scale.")
    activation_quantizer: ActivationQuantizerName = Field(
        "linear_mid_tread_half", description="Activations as evenly spaced levels from 0 to activation_max_value."
    )
    activation_bits: Annotated[int, Field(ge=1, le=4), Unit("bits")] = Field(2, description="Bits of an activation.")
    activation_max_value: PositiveFloat = Field(2.0, description="Value of the largest activation code.")
    quantize_first_layer: bool = Field(
        False, description="Yes: binary first kernel and pixels / 255. No: float kernel and per-image standardization."
    )
    quantize_last_layer: bool = Field(
        False, description="Yes: the logits take the levels of an activation. No: float logits."
    )

    save_checkpoint_steps: Steps = Field(1000, description="Steps between two checkpoints.")
    keep_checkpoint_max: Annotated[PositiveInt, Unit("checkpoints")] = Field(
        5, description="Checkpoints kept beside the best one."
    )
    test_steps: Steps = Field(1000, description="Steps between two validation passes.")
    summarise_steps: Steps = Field(100, description="Steps between two TensorBoard records and log lines.")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(1, description="Seed of weights, data order and augmentation.")

    @field_validator(*_REGISTERED)
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        known = choices(str(info.field_name))
        if name not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return name

    @field_validator("image_size", "crop_size")
    @classmethod
    def _fits_the_network(cls, size: tuple[int, int] | None, info: ValidationInfo) -> tuple[int, int] | None:
        if size is not None and "network" in info.data:
            networks.check_image_size(size, info.data["network"])
        return size

    @field_validator("crop_size")
    @classmethod
    def _fits_the_image(cls, size: tuple[int, int] | None, info: ValidationInfo) -> tuple[int, int] | None:
        image = info.data.get("image_size")
        if size is not None and image is not None and any(part > side for part, side in zip(size, image, strict=True)):
            raise ValueError(f"at most the image size {image[0]}x{image[1]}")
        return size

    @field_validator("float_start")
    @classmethod
    def _has_a_twin(cls, share: float, info: ValidationInfo) -> float:
        if share and "network" in info.data and networks.float_twin(info.data["network"]) == info.data["network"]:
            raise ValueError("0: the network is float from the first step to the last")
        return share

    @field_validator("warm_start")
    @classmethod
    def _starts_once(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and info.data.get("float_start"):
            raise ValueError("none, or a float_start of 0: the network can start from one set of weights only")
        return path

    @field_validator("learning_rate_schedule")
    @classmethod
    def _fits_the_epochs(cls, schedule: str, info: ValidationInfo) -> str:
        # The length of a run of max_steps is known in epochs once the dataset is: the trainer checks it then.
        if info.data.get("max_steps") is None and info.data.get("max_epochs") is not None:
            limits.check_epochs(schedule, info.data["max_epochs"])
        return schedule

    @model_validator(mode="after")
    def _has_an_end(self) -> Settings:
        if self.max_epochs is None and self.max_steps is None:
            raise ValueError("one of max_epochs and max_steps must be set: the run needs an end")
        return self

    @property
    def preprocessor(self) -> str:
        """Name of the pixel pre-processing: the answer to the first-layer question decides it."""
        return "DivideBy255" if self.quantize_first_layer else "PerImageStandardization"

    @property
    def train_size(self) -> tuple[int, int]:
        """Height and width of the pictures of a training batch, pixels."""
        return self.crop_size or self.image_size

    def total_steps(self, train_images: int) -> int:
        """Return the number of steps of the whole run for a training set of this many images."""
        if self.max_steps is not None:
            return self.max_steps
        assert self.max_epochs is not None  # noqa: S101 - held by the validator
        return max(1, int(train_images / self.batch_size * self.max_epochs))


def choices(field: str) -> tuple[str, ...]:
    """Return the names that a field can have, none where it is no choice between names."""
    if field in _REGISTERED:
        return _REGISTERED[field]()
    annotation = Settings.model_fields[field].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()
