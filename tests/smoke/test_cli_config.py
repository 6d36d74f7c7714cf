"""Config files: answers to file to Settings and back, and what a faulty file is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from blueoil import cli
from blueoil.config.answers import collect
from blueoil.config.load import load
from blueoil.config.questions import QUESTIONS, to_settings
from blueoil.config.recipe import improve
from blueoil.config.render import SECTIONS, render
from blueoil.errors import BlueoilError
from lmnet.augmentors import AUGMENTORS, USUAL
from lmnet.errors import LmnetError
from lmnet.settings import Settings

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "configs" / "answers" / "camvid.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Current directory with a dataset ``CamVid`` of one empty pair of files in each split."""
    data = tmp_path / "CamVid"
    for split, images in (("train", ("a", "b")), ("val", ("c",))):
        for kind in (split, f"{split}annot"):
            (data / kind).mkdir(parents=True)
            for name in images:
                (data / kind / f"{name}.png").touch()
        (data / f"{split}.txt").write_text("".join(f"{split}/{n}.png {split}annot/{n}.png\n" for n in images))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tutorial_answers_give_the_tutorials_settings(folder: Path) -> None:
    settings = to_settings(collect(TUTORIAL, [], defaults=False))
    assert settings.network == "LmSegnetV1Quantize"
    assert settings.train_path == settings.validation_path == Path("CamVid")
    assert (settings.batch_size, settings.image_size, settings.max_epochs) == (8, (360, 480), 1000)
    assert (settings.optimizer, settings.learning_rate) == ("Adam", 0.001)
    assert settings.learning_rate_schedule == "3-step-decay"
    assert list(settings.augmentors) == ["Brightness", "Color", "Contrast", "FlipLeftRight", "Hue"]
    assert settings.augmentors["Hue"] == {"value": (-10, 10)}
    assert settings.quantize_first_layer is False
    assert settings.total_steps(367) == 45_875


@pytest.mark.usefixtures("forget_plugins")
@pytest.mark.parametrize("suffix", [".py", ".yaml"])
def test_a_rendered_config_loads_into_the_same_settings(folder: Path, suffix: str) -> None:
    settings = to_settings(collect(TUTORIAL, [], defaults=False))
    odd = settings.model_copy(
        update={
            "train_path": Path('a "quoted" \\ folder\u00e9'),
            "validation_path": None,
            "learning_rate": 1e-05,
            "max_epochs": None,
            "max_steps": 7,
            "augmentors": {"FlipLeftRight": {"probability": 0.25}, "Hue": {"value": (-3.0, 4.0)}},
        }
    )
    every = odd.model_copy(update={"augmentors": {name: a.defaults for name, a in AUGMENTORS.items()}})
    sized = {"Crop": {"size": (96, 128), "resize": (64, 64)}, "RandomPatchCut": {"square": False, "max_size": 2.5}}
    (folder / "my 'own' code.py").write_text("")
    (folder / "more.py").write_text("")
    files = (Path("more.py"), Path("my 'own' code.py"))
    own = [odd.model_copy(update={"plugins": chosen}) for chosen in (files, files[1:])]
    for wanted in (
        settings,
        odd,
        every,
        *own,
        *(odd.model_copy(update={"augmentors": chosen}) for chosen in ({}, sized)),
    ):
        file = folder / f"c{suffix}"
        file.write_text(render(wanted, name="camvid", suffix=suffix))
        loaded = load(file)
        assert loaded == wanted
        assert repr(loaded.augmentors) == repr(wanted.augmentors)


def test_defaults_choose_the_tutorials_augmentors_and_what_cuts_goes_first(folder: Path) -> None:
    assert list(to_settings(collect(None, [], defaults=True)).augmentors) == list(USUAL)
    words = ["augmentors=[Brightness, RandomScaleCrop, Hue]"]
    assert list(to_settings(collect(None, words, defaults=True)).augmentors) == ["RandomScaleCrop", "Brightness", "Hue"]
    (question,) = [question for question in QUESTIONS if question.id == "augmentors"]
    assert [label for _, label in question.choices] == [augmentor.label for augmentor in AUGMENTORS.values()]


def test_a_config_explains_every_value(folder: Path) -> None:
    fields = [field for section in SECTIONS.values() for field in section]
    assert sorted(fields) == sorted(Settings.model_fields)
    text = render(to_settings(collect(TUTORIAL, [], defaults=False)), name="camvid", suffix=".py")
    lines = text.splitlines()
    for field in fields:
        (number,) = [i for i, line in enumerate(lines) if line.startswith(f"{field.upper()} = ")]
        assert lines[number - 1].startswith("# "), field
    assert max(map(len, lines)) <= 120


def test_shipped_configs_load(folder: Path) -> None:
    tutorial = to_settings(collect(TUTORIAL, [], defaults=False))
    for name, settings in {"tutorial": tutorial, "camvid": improve(tutorial)}.items():
        file = ROOT / "configs" / f"{name}.py"
        assert load(file) == settings
        text = render(settings, name=name, suffix=".py")
        assert file.read_text().splitlines()[1:] == text.splitlines()[1:], "what `blueoil init` writes today"
    sample = load(ROOT / "configs" / "sample.py")
    assert sample.max_steps is not None
    assert sample.image_size == (96, 128)


def test_overrides_win_and_reach_into_tables() -> None:
    file = ROOT / "configs" / "tutorial.py"
    words = ["max_steps=20", "LEARNING_RATE=1e-2", "image_size=96x128", "augmentors.Hue.value=[-5, 5]", "seed=3"]
    settings = load(file, words)
    assert (settings.max_steps, settings.learning_rate, settings.image_size, settings.seed) == (20, 0.01, (96, 128), 3)
    assert settings.augmentors["Hue"] == {"value": (-5, 5)}
    assert settings.augmentors["Color"] == {"value": (0.75, 1.25)}


def test_a_size_may_be_written_as_one_says_it_and_none_as_the_comments_do() -> None:
    file = ROOT / "configs" / "camvid.py"
    assert load(file, ["image_size=96x128", "crop_size=64X96"]).crop_size == (64, 96)
    settings = load(file, ["crop_size=none", "validation_path=None", "early_stop=NONE"])
    assert (settings.crop_size, settings.validation_path, settings.early_stop) == (None, None, None)


MINIMUM = 'TRAIN_PATH = "d"\n'


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("c.py", "TRAIN_PATH = 'd'\nBATCH_SIZE = 0\n", ["BATCH_SIZE", "c.py, line 2", "greater than 0", "0"]),
        ("c.py", MINIMUM + "\n\nBATCHSIZE = 8\n", ["BATCHSIZE", "c.py, line 4", "did you mean BATCH_SIZE?"]),
        ("c.py", MINIMUM + "IMAGE_SIZE = (362, 480)\n", ["IMAGE_SIZE", "line 2", "multiples of 8", "try 360x480"]),
        ("c.py", MINIMUM + "IMAGE_SIZE = (8, 480)\n", ["IMAGE_SIZE", "line 2", "greater than or equal to 16"]),
        ("c.py", MINIMUM + "OPTIMIZER = 'Sgd'\n", ["OPTIMIZER", "line 2", "'Momentum' or 'Adam'", "'Sgd'"]),
        ("c.py", MINIMUM + "LEARNING_RATE = -1\n", ["LEARNING_RATE", "line 2", "greater than 0"]),
        ("c.py", MINIMUM + "X = 1\nMAX_EPOCHS = 1 +\n", ["no Python", "c.py, line 3"]),
        ("c.py", MINIMUM + "\nseed = 1 / 0\n", ["stopped", "c.py, line 3", "ZeroDivisionError"]),
        ("c.py", MINIMUM + "raise SystemExit(4)\n", ["stopped", "c.py, line 2", "SystemExit"]),
        ("c.py", MINIMUM + "PLUGINS = 5\n", ["PLUGINS has", "c.py, line 2", "a file or a list of files"]),
        ("c.py", MINIMUM + "PLUGINS = ['a.py', 'b/a.py']\n", ["PLUGINS has", "line 2", "two are called a.py"]),
        ("c.py", MINIMUM + "PLUGINS = 'none.py'\n", ["there is no plugin file none.py", "c.py, line 2"]),
        ("c.py", "BATCH_SIZE = 8\n", ["TRAIN_PATH is missing", "c.py"]),
        ("c.py", MINIMUM + "MAX_EPOCHS = None\n", ["needs an end", "c.py"]),
        (
            "c.py",
            MINIMUM + "MAX_EPOCHS = 3\nLEARNING_RATE_SCHEDULE = '3-step-decay-with-warmup'\n",
            ["LEARNING_RATE_SCHEDULE", "line 3", "at least 4 epochs"],
        ),
        ("c.py", MINIMUM + "AUGMENTORS = {'Blurr': {}}\n", ["Blurr", "line 2", "Brightness"]),
        (
            "c.py",
            MINIMUM + "AUGMENTORS = {'Hue': {'value': 'x'}}\n",
            ["parameter value of augmentor Hue", "line 2", "two whole numbers from -128 to 128", "'x'"],
        ),
        (
            "c.py",
            MINIMUM + "AUGMENTORS = {'Hue': {'value': {1: 2}}}\n",
            ["AUGMENTORS.Hue.value has", "line 2", "yes or no or a whole number", "{1: 2}"],
        ),
        ("c.py", MINIMUM + "BATCH_SIZE = 'x'\nSEED = -1\n", ["2 values", "line 2", "line 3", "a whole number"]),
        ("c.yaml", "TRAIN_PATH: d\nBATCH_SIZE: 0\n", ["BATCH_SIZE", "c.yaml, line 2", "greater than 0"]),
        ("c.yaml", "TRAIN_PATH: [d\n", ["no plain YAML", "c.yaml, line"]),
        ("c.yaml", "TRAIN_PATH: !!python/object/apply:os.getcwd []\n", ["no plain YAML", "line 1"]),
        ("c.yaml", "- TRAIN_PATH\n", ["no values", "c.yaml"]),
        ("c.yaml", "1: 2\n", ["no setting '1'", "line 1"]),
        ("c.txt", "", ["no config file", ".yaml"]),
        ("c.py", "\x00", ["no Python"]),
    ],
)
def test_a_faulty_config_is_told_with_its_place(tmp_path: Path, name: str, text: str, parts: list[str]) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises((BlueoilError, LmnetError)) as caught:
        load(file)
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_a_missing_config_or_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BlueoilError, match=r"there is no file .*none\.py"):
        load(tmp_path / "none.py")
    (tmp_path / "d.py").mkdir()
    with pytest.raises(BlueoilError, match="is a folder"):
        load(tmp_path / "d.py")


@pytest.mark.parametrize(("word", "part"), [("seed", "key=value"), ("sed=1", "SEED"), ("seed=[", "seed=\\[")])
def test_a_faulty_override_is_told(word: str, part: str) -> None:
    with pytest.raises(BlueoilError, match=part):
        load(ROOT / "configs" / "camvid.py", [word])


def test_an_override_out_of_range_names_the_word() -> None:
    with pytest.raises(BlueoilError) as caught:
        load(ROOT / "configs" / "camvid.py", ["batch_size=0"])
    assert caught.value.where == "command line, 'batch_size=0'"


def test_lower_case_names_of_a_python_config_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text("half = 4\nTRAIN_PATH = __file__\nBATCH_SIZE = 2 * half\n_PRIVATE = 1\n")
    settings = load(tmp_path / "c.py")
    assert settings.batch_size == 8
    assert settings.train_path == tmp_path / "c.py"


def _answers(folder: Path, **changes: object) -> Path:
    values = yaml.safe_load(TUTORIAL.read_text()) | changes
    file = folder / "answers.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in values.items() if value != "DROP"}))
    return file


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("batch size (integer)", "eight", "a whole number"),
        ("image size (integer x integer)", "360", "height x width"),
        ("image size (integer x integer)", "361x480", "multiples of 8"),
        ("image size (integer x integer)", "360x481", "try 360x480"),
        ("image size (integer x integer)", "360x2000", "less than or equal to 1024"),
        ("initial learning rate", 0, "greater than 0"),
        ("training dataset path", "nowhere", "there is no folder nowhere"),
        ("test dataset path", ".", "holds val.txt"),
        ("choose network", "LmResnet", "LmSegnetV1Quantize"),
        ("choose optimizer", "Sgd", "Momentum, Adam"),
        ("enable data augmentation?", "perhaps", "yes or no"),
        ("Please choose augmentors", ["Blurr"], "there is no 'Blurr'"),
        ("your model name", "a b", "letters, digits"),
    ],
)
def test_a_wrong_answer_names_file_key_value_and_expectation(
    folder: Path, key: str, value: object, expected: str
) -> None:
    file = _answers(folder, **{key: value})
    with pytest.raises(BlueoilError) as caught:
        collect(file, [], defaults=False)
    error = caught.value
    assert error.where is not None
    assert error.where.startswith(f"{file}, line ")
    assert error.expected is not None
    assert expected in error.expected
    assert error.received == repr(value)
    assert key.split(" (")[0].rstrip("?").lower() in error.what


def test_listed_images_must_exist(folder: Path) -> None:
    (folder / "CamVid" / "train" / "b.png").unlink()
    with pytest.raises(BlueoilError, match=r"train/b\.png"):
        collect(TUTORIAL, [], defaults=False)


def test_unknown_and_missing_questions_are_named(folder: Path) -> None:
    with pytest.raises(BlueoilError, match="did you mean 'batch_size'"):
        collect(_answers(folder, batchsize=8), [], defaults=False)
    with pytest.raises(BlueoilError, match="batch size"):
        collect(_answers(folder, **{"batch size (integer)": "DROP"}), [], defaults=False)
    filled = collect(_answers(folder, **{"batch size (integer)": "DROP"}), [], defaults=True)
    assert filled["batch_size"] == 8


def test_the_words_of_later_versions_are_understood(folder: Path) -> None:
    changes = {"choose optimizer": "DROP", "select optimizer": "Momentum"}
    changes |= {"test dataset path": "DROP", "validation dataset path": "CamVid", "learning_rate": 0.5}
    answers = collect(_answers(folder, **changes, **{"initial learning rate": "DROP"}), [], defaults=False)
    assert (answers["optimizer"], answers["validation_path"], answers["learning_rate"]) == (
        "Momentum",
        Path("CamVid"),
        0.5,
    )


def test_no_to_validation_asks_no_second_path_and_no_to_augmentation_no_augmentors(folder: Path) -> None:
    changes = {"set validation dataset?": False, "test dataset path": "DROP", "enable data augmentation?": "no"}
    settings = to_settings(collect(_answers(folder, **changes), [], defaults=False))
    assert settings.validation_path is None
    assert settings.augmentors == {}


def test_question_ids_are_unique_and_offer_what_the_schema_takes() -> None:
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS) == 16
    assert [q.text for q in QUESTIONS[:2]] == ["your model name ()", "choose task type"]
    for question in QUESTIONS:
        for value, _ in question.choices if question.kind == "choice" else ():
            assert question.parse(value, {"max_epochs": 100}) in (value, value == "yes")


def test_init_writes_into_a_new_folder_and_says_what_is_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "-o", "config/new/camvid.py", "--answers", str(TUTORIAL)]) == cli.OK
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == [
        "Config file is generated in config/new/camvid.py",
        "Next step: blueoil train -c config/new/camvid.py",
    ]
    file = folder / "config" / "new" / "camvid.py"
    assert load(file).max_epochs == 1000
    assert stat.S_IMODE(file.stat().st_mode) & 0o400
    assert [entry.name for entry in file.parent.iterdir()] == ["camvid.py"]


def test_init_leaves_a_file_alone_without_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.py").write_text("mine")
    words = ["init", "-o", "c.py", "--defaults"]
    assert cli.run(words) == cli.USER_ERROR
    assert "--force" in capsys.readouterr().err
    assert (folder / "c.py").read_text() == "mine"
    assert cli.run([*words, "--force", "train_path=CamVid", "max_epochs=5"]) == cli.OK
    assert load(folder / "c.py").max_epochs == 5


def test_init_without_a_terminal_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "-o", "c.txt", "--defaults"]) == cli.USER_ERROR
    assert cli.run(["init", "-o", "c.py"]) == cli.USER_ERROR
    assert "--answers FILE.yaml or --defaults" in capsys.readouterr().err
    assert not (folder / "c.py").exists()
