"""The choices of the Export dialog: what a run fits, where it goes, and how errors read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, StateError
from core.export import targets
from core.export.output import SPACE_HINT, check_free
from core.export.targets import DTYPES, FORMATS, TARGETS, check_model
from core.paths import Home
from core.run.directory import Run
from core.run.model_files import read_model_config
from tests.support.exports import change_model
from tests.support.runs import make_run, tiny_run, write_tiny_weights
from tui.runs.export_choices import (
    FORMAT,
    PRECISION,
    REPLACE,
    ROWS,
    WEIGHTS,
    ExportChoices,
    ExportOptions,
    read_export_options,
    shorten_home,
)
from tui.runs.export_text import dialog_text


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path / "home", cache=tmp_path / "cache")


def _choices(home: Home, folder: Path, architecture: str = "qwen3") -> ExportChoices:
    return ExportChoices(read_export_options(_run(home, architecture)), folder)


def _run(home: Home, architecture: str) -> Run:
    if architecture != "tutorial":
        return tiny_run(home, "pets", architecture=architecture)
    run = tiny_run(home, "pets")
    change_model(
        run, architecture=architecture, kv_heads=2, activation="relu", tie_embeddings=False
    )
    return run


def test_the_path_is_the_commands_default_until_it_is_edited(home: Home, tmp_path: Path) -> None:
    run = tiny_run(home, "pets")
    run.best_weights.parent.mkdir(parents=True, exist_ok=True)
    write_tiny_weights(run.best_weights, read_model_config(run.config), 1)
    choices = ExportChoices(read_export_options(run), tmp_path)
    assert choices.path == str(tmp_path / "pets-hf")
    choices.choose(FORMAT, "gguf")
    assert choices.path == str(tmp_path / "pets.gguf")
    choices.choose(WEIGHTS, "best")
    assert choices.path == str(tmp_path / "pets-best.gguf")
    choices.path = "mine"
    choices.choose(FORMAT, "script")
    assert choices.path == "mine"
    plan = choices.plan()
    assert (plan.path, plan.weights) == (tmp_path / "mine", "best")


def test_a_run_without_best_weights_offers_the_newest_alone(home: Home, tmp_path: Path) -> None:
    choices = _choices(home, tmp_path)
    assert choices.values(WEIGHTS) == ("newest",)
    assert choices.note(WEIGHTS) == "no best weights"


def test_each_format_keeps_its_precision(home: Home, tmp_path: Path) -> None:
    choices = _choices(home, tmp_path)
    choices.choose(FORMAT, "gguf")
    choices.choose(PRECISION, "q8_0")
    choices.choose(FORMAT, "hf")
    assert choices.values(PRECISION) == FORMATS["hf"].dtypes
    assert choices.plan().dtype == "float32"
    choices.choose(FORMAT, "gguf")
    assert choices.dtype == "q8_0"


@pytest.mark.parametrize(
    ("architecture", "refused", "first"),
    [
        ("qwen3", (), "hf"),
        ("tutorial", ("hf", "gguf"), "script"),
        ("eurobert", ("gguf", "script", "onnx"), "hf"),
    ],
)
def test_formats_that_a_model_does_not_fit_say_so_in_words(
    architecture: str,
    refused: tuple[str, ...],
    first: str,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "is_installed", lambda _: True)
    choices = _choices(home, tmp_path, architecture)
    assert tuple(choices.options.refusals) == refused
    assert choices.target == first
    for target in refused:
        choices.choose(FORMAT, target)
        assert f"{target} has no layout for the architecture" in choices.refusal
        assert "--" not in choices.refusal
        with pytest.raises(InputError, match="has no layout"):
            choices.plan()


def test_a_missing_package_is_named_with_how_to_install_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "is_installed", lambda _: False)
    refusals = _choices(home, tmp_path).options.refusals
    assert set(refusals) == {"gguf", "onnx"}
    assert "needs the package gguf" in refusals["gguf"]
    assert "pip install" in refusals["gguf"]


def test_a_run_without_weights_cannot_be_exported(home: Home) -> None:
    with pytest.raises(StateError, match="has no weights"):
        read_export_options(make_run(home, "empty"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "Type the path"),
        ("   ", "Type the path"),
        ("a\0b", "Type the path"),
        ("no/such/place", "There is no folder"),
        ("~nobody-of-this-name/x", "there is no such home folder"),
        ("x" * 300 + "/y", "File name too long"),
    ],
)
def test_an_unusable_path_is_refused(path: str, message: str, home: Home, tmp_path: Path) -> None:
    choices = _choices(home, tmp_path)
    choices.path = path
    with pytest.raises(InputError, match=message):
        choices.plan()


def test_what_is_there_is_replaced_only_on_request(home: Home, tmp_path: Path) -> None:
    choices = _choices(home, tmp_path)
    choices.path = "taken"
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="exists already") as caught:
        choices.plan()
    assert str(caught.value).endswith("Choose another place, or set Replace to yes.")
    choices.choose(REPLACE, "yes")
    assert choices.plan().force


def test_hints_name_settings_of_the_dialog_instead_of_options_of_the_command(
    home: Home, tmp_path: Path
) -> None:
    run = _run(home, "tutorial")
    (tmp_path / "taken").write_text("")
    errors = [InputError("It could not be written.", SPACE_HINT)]
    for force in (False, True):
        with pytest.raises(InputError) as caught:
            check_free(tmp_path / "taken", "hf", force=force)
        errors.append(caught.value)
    with pytest.raises(InputError) as caught:
        check_model("hf", read_model_config(run.config))
    errors.append(caught.value)
    for error in errors:
        assert "--" in str(error)
        assert "--" not in dialog_text(error)
    assert dialog_text(errors[-1]).endswith("It can be exported as script or onnx.")


def test_the_home_folder_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shorten_home(tmp_path / "a" / "b") == "~/a/b"
    assert shorten_home(Path("/other/b")) == "/other/b"


STEPS = st.lists(st.tuples(st.sampled_from(["move", "change"]), st.sampled_from([-1, 1])))


@given(STEPS, st.sets(st.sampled_from(TARGETS)), st.booleans())
def test_arrows_only_reach_values_that_there_are(
    steps: list[tuple[str, int]], refused: set[str], has_best: bool
) -> None:
    """Detects a precision of another format; a row that is left with an arrow."""
    weights: dict[str, int | None] = {"last": 20, "best": 10} if has_best else {"last": None}
    run = Run(Path("/runs/pets"))
    choices = ExportChoices(ExportOptions(run, dict.fromkeys(refused, "no"), weights))
    assert choices.target not in refused or len(refused) == len(TARGETS)
    for verb, by in steps:
        if verb == "move":
            choices.move(by)
        else:
            choices.change(by)
        assert choices.row in ROWS
        assert choices.dtype in FORMATS[choices.target].dtypes
        assert choices.dtype in DTYPES
        for row in ROWS:
            assert choices.value(row) in choices.values(row)
        assert choices.path == choices.suggested_path
