"""What a training run is: every value of a config file, with its type, unit, limit and default.

One schema for Python configs, YAML configs, the questions of ``blueoil init`` and the trainer. A config file holds the
same names in upper case. Nothing here imports TensorFlow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lmnet import limits

Task = Literal["semantic_segmentation"]
NetworkName = Literal["LmSegnetV1Quantize", "LmSegnetV1"]
DatasetFormat = Literal["CamvidCustom"]
OptimizerName = Literal["Momentum", "Adam"]
ScheduleName = Literal["constant", "cosine", "2-step-decay", "3-step-decay", "3-step-decay-with-warmup"]
WeightQuantizerName = Literal["binary_mean_scaling", "binary_channel_wise_mean_scaling"]
ActivationQuantizerName = Literal["linear_mid_tread_half"]
Side = Annotated[int, Field(ge=limits.SMALLEST_SIDE, le=limits.LARGEST_SIDE)]


class Settings(BaseModel):
    """All values of one training run; immutable, checked when made.

    Raises:
        pydantic.ValidationError: a value has the wrong type, is out of its range, does not fit another, or is unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    task: Task = Field("semantic_segmentation", description="What the network learns.")
    network: NetworkName = Field("LmSegnetV1Quantize", description="Network architecture.")

    dataset_format: DatasetFormat = Field("CamvidCustom", description="How the dataset lies on disk.")
    train_path: Path = Field(description="Folder that holds train.txt.")
    validation_path: Path | None = Field(
        None, description="Folder that holds val.txt; none: 10 % of the training images are held out."
    )
    image_size: tuple[Side, Side] = Field((128, 128), description="Height and width of the network's input, pixels.")
    batch_size: PositiveInt = Field(8, description="Images in one step.")

    max_epochs: PositiveInt | None = Field(100, description="Passes over the training images.")
    max_steps: PositiveInt | None = Field(None, description="Steps in all; wins over max_epochs.")
    optimizer: OptimizerName = Field("Momentum", description="How the weights follow the gradient.")
    learning_rate: PositiveFloat = Field(0.001, description="Initial learning rate.")
    learning_rate_schedule: ScheduleName = Field("constant", description="How the learning rate falls.")
    augmentors: dict[str, dict[str, float | tuple[float, float]]] = Field(
        default_factory=dict, description="Random changes of the training images: name and parameters."
    )

    weight_quantizer: WeightQuantizerName = Field("binary_mean_scaling", description="1-bit weights: sign and scale.")
    activation_quantizer: ActivationQuantizerName = Field(
        "linear_mid_tread_half", description="Activations as evenly spaced levels from 0 to activation_max_value."
    )
    activation_bits: Annotated[int, Field(ge=1, le=4)] = Field(2, description="Bits of an activation.")
    activation_max_value: PositiveFloat = Field(2.0, description="Value of the largest activation code.")
    quantize_first_layer: bool = Field(
        False, description="Yes: binary first kernel and pixels / 255. No: float kernel and per-image standardization."
    )
    quantize_last_layer: bool = Field(
        False, description="Yes: the logits take the levels of an activation. No: float logits."
    )

    save_checkpoint_steps: PositiveInt = Field(1000, description="Steps between two checkpoints.")
    keep_checkpoint_max: PositiveInt = Field(5, description="Checkpoints kept beside the best one.")
    test_steps: PositiveInt = Field(1000, description="Steps between two validation passes.")
    summarise_steps: PositiveInt = Field(100, description="Steps between two TensorBoard records and log lines.")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(1, description="Seed of weights, data order and augmentation.")

    @field_validator("image_size")
    @classmethod
    def _fits_the_network(cls, size: tuple[int, int], info: ValidationInfo) -> tuple[int, int]:
        if "network" in info.data:
            limits.check_image_size(size, info.data["network"])
        return size

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

    def total_steps(self, train_images: int) -> int:
        """Return the number of steps of the whole run for a training set of this many images."""
        if self.max_steps is not None:
            return self.max_steps
        assert self.max_epochs is not None  # noqa: S101 - held by the validator
        return max(1, int(train_images / self.batch_size * self.max_epochs))
