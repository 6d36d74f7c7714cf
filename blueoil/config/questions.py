"""The questions of ``blueoil init`` in the tutorial's order and words: one table for prompts, answer files and docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from blueoil.config import checks
from lmnet.augmentors import AUGMENTORS, USUAL
from lmnet.settings import Settings, choices

Answers = dict[str, Any]
Kind = Literal["text", "choice", "choices", "confirm"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: name of the answer; the Settings field where there is one.
        text: the words at the prompt.
        kind: how it is asked: free text, one of the choices, several of them, or yes and no.
        help: one sentence for the documentation and the config.
        parse: turns an answer, given the answers before it, into its value, or raises ValueError(what is expected).
        default: value of an empty answer; None: an answer is needed.
        choices: value and label of each choice.
        aliases: other words under which an answer file may hold the answer.
        asked: whether the question comes up, given the answers before it.
    """

    id: str
    text: str
    kind: Kind
    help: str
    parse: Callable[[object, Mapping[str, Any]], Any]
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    asked: Callable[[Mapping[str, Any]], bool] = lambda answers: True


def _name(value: object, _: Mapping[str, Any]) -> str:
    text = str(value or "").strip()
    if not text or not all(c.isalnum() or c in "_-" for c in text):
        raise ValueError("a name of letters, digits, _ and -, for example camvid")
    return text


def _field(field: str) -> Callable[[object, Mapping[str, Any]], Any]:
    return lambda value, _: checks.schema_value(field, value.strip() if isinstance(value, str) else value)


def _train_folder(value: object, _: Mapping[str, Any]) -> Path:
    return checks.dataset_folder(value)


def _validation_folder(value: object, answers: Mapping[str, Any]) -> Path:
    return checks.dataset_folder(value, train_path=answers["train_path"])


def _yes_no(value: object, _: Mapping[str, Any]) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in ("yes", "y", "true", "no", "n", "false"):
        raise ValueError("yes or no")
    return text in ("yes", "y", "true")


def _choice(choices: tuple[tuple[str, str], ...]) -> Callable[[object, Mapping[str, Any]], str]:
    def parse(value: object, _: Mapping[str, Any]) -> str:
        for name, label in choices:
            if value in (name, label):
                return name
        raise ValueError("one of " + ", ".join(name for name, _ in choices))

    return parse


def _schedule(value: object, answers: Mapping[str, Any]) -> str:
    name = _choice(SCHEDULES)(value, answers)
    return checks.schedule(name, answers.get("max_epochs"))


def _augmentors(value: object, _: Mapping[str, Any]) -> tuple[str, ...]:
    names = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)):
        raise ValueError("a list of " + ", ".join(AUGMENTORS))
    for name in names:
        if not isinstance(name, str) or name not in AUGMENTORS:
            raise ValueError(f"a list of {', '.join(AUGMENTORS)}; there is no {name!r}")
    return tuple(name for name in AUGMENTORS if name in names)


def _same(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


_SCHEDULE_WORDS: dict[str, str] = {
    "constant": "constant learning rate.",
    "cosine": "cosine learning rate decay from the initial rate to 0 over {epochs} epochs.",
    "2-step-decay": "learning rate decrease by 1/10 on {epochs}/2 and {epochs}-1.",
    "3-step-decay": "learning rate decrease by 1/10 on {epochs}/3 and {epochs}*2/3 and {epochs}-1",
    "3-step-decay-with-warmup": "warmup learning rate 1/1000 in the first epoch, then as '3-step-decay'.",
}

TASKS = _same(choices("task"))
NETWORKS = _same(choices("network"))
FORMATS = _same(choices("dataset_format"))
OPTIMIZERS = _same(choices("optimizer"))
SCHEDULES = tuple((name, f"'{name}' -> {_SCHEDULE_WORDS[name]}") for name in choices("learning_rate_schedule"))
AUGMENTOR_CHOICES = tuple((name, augmentor.label) for name, augmentor in AUGMENTORS.items())


def _default(field: str) -> Any:
    return Settings.model_fields[field].default


QUESTIONS: tuple[Question, ...] = (
    Question(
        "name", "your model name ()", "text", "Name of the model and of the config file.",
        _name, aliases=("model name",),
    ),
    Question("task", "choose task type", "choice", "What the network learns.", _choice(TASKS), _default("task"), TASKS),
    Question(
        "network", "choose network", "choice", "Network architecture; the one without Quantize is its float twin.",
        _choice(NETWORKS), _default("network"), NETWORKS,
    ),
    Question(
        "dataset_format", "choose dataset format", "choice", "How the dataset lies on disk.",
        _choice(FORMATS), _default("dataset_format"), FORMATS,
    ),
    Question(
        "train_path", "training dataset path", "text", "Folder that holds train.txt and the images it names.",
        _train_folder, "./CamVid",
    ),
    Question(
        "has_validation",
        "set validation dataset? "
        "(if answer no, the dataset will be separated for training and validation by 9:1 ratio.)",
        "choice", "Whether validation has images of its own.", _yes_no, "yes", _same(("yes", "no")),
        aliases=("set validation dataset",),
    ),
    Question(
        "validation_path", "test dataset path", "text", "Folder that holds val.txt; often the training folder.",
        _validation_folder, "./CamVid", aliases=("validation dataset path",),
        asked=lambda answers: bool(answers["has_validation"]),
    ),
    Question(
        "batch_size", "batch size (integer)", "text", "Images in one step.",
        _field("batch_size"), _default("batch_size"),
    ),
    Question(
        "image_size", "image size (integer x integer)", "text", "Height x width of the network's input in pixels.",
        lambda value, answers: checks.image_size(value, answers["network"]), "128x128",
    ),
    Question(
        "max_epochs", "how many epochs do you run training (integer)", "text", "Passes over the training images.",
        _field("max_epochs"), _default("max_epochs"),
    ),
    Question(
        "optimizer", "choose optimizer", "choice", "How the weights follow the gradient.",
        _choice(OPTIMIZERS), "Adam", OPTIMIZERS, aliases=("select optimizer",),
    ),
    Question(
        "learning_rate", "initial learning rate", "text", "Size of the first steps.",
        _field("learning_rate"), _default("learning_rate"),
    ),
    Question(
        "learning_rate_schedule",
        "choose learning rate schedule ({epochs} is the number of training epochs you entered before)",
        "choice", "How the learning rate falls.", _schedule, "cosine", SCHEDULES,
    ),
    Question(
        "augmentation", "enable data augmentation? ", "confirm", "Whether training images are changed at random.",
        _yes_no, True,
    ),
    Question(
        "augmentors", "Please choose augmentors", "choices", "The random changes.", _augmentors,
        USUAL, AUGMENTOR_CHOICES,
        asked=lambda answers: bool(answers["augmentation"]),
    ),
    Question(
        "quantize_first_layer", "apply quantization at the first layer?", "confirm",
        "Yes: binary first kernel, pixels / 255. "
        "No: float kernel, each image standardised; more accurate, a little slower.",
        _yes_no, True,
    ),
)  # fmt: skip


def to_settings(answers: Mapping[str, Any]) -> Settings:
    """Return the Settings of parsed answers, augmentors with their default parameters.

    Those that cut to the training size come first: what follows them has fewer pixels to change.
    """
    values = {field: answers[field] for field in Settings.model_fields if field in answers and field != "augmentors"}
    chosen = sorted(answers.get("augmentors", ()), key=lambda name: not AUGMENTORS[name].sized)
    return Settings.model_validate({**values, "augmentors": {name: dict(AUGMENTORS[name].defaults) for name in chosen}})
