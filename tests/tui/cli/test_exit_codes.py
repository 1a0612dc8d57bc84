"""Every command maps the same kind of error to the same exit code, whichever process it is in."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from core.errors import (
    ClosedError,
    DamagedError,
    InputError,
    MiniGPTError,
    NotFoundError,
    RunFailedError,
    SettingsError,
    StorageError,
)
from core.server.__main__ import NoTorchError, ServerFaultError
from core.server.dispatch import MemoryFullError
from core.server.protocol import error_to_json
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.runs import tiny_home_with_corpora
from tui.__main__ import run
from tui.cli.group import cli
from tui.common.client import ServerError

ERRORS = {
    InputError("m"): 2,
    SettingsError({"a": "b"}): 2,
    NotFoundError("run", "a", []): 2,
    ClosedError("m"): 2,
    DamagedError("m"): 2,
    UnknownWordError("word", {"a": ["b"]}): 2,
    MiniGPTError("m"): 1,
    StorageError("m"): 1,
    RunFailedError("m"): 1,
    NoTorchError("m"): 1,
    ServerFaultError("m"): 1,
    MemoryFullError("m"): 1,
}
# The arguments of each command after a run or a corpus.
ARGUMENTS: dict[str, list[str]] = {
    "train": ["--foreground"],
    "score": ["-"],
    "trace": ["the cat"],
    "change": ["learning_rate=1e-4"],
    "rename": ["other"],
    "origin": ["the cat"],
    "rm": ["--yes"],
}
WITHOUT_RUN = {"ls", "doctor"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat\n")))
    tiny_home_with_corpora(tmp_path)
    return tmp_path


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_has_its_exit_code_here_and_after_the_model_server(error: MiniGPTError) -> None:
    assert error.exit_code == ERRORS[error]
    assert ServerError(error_to_json(error)).exit_code == ERRORS[error]


@pytest.mark.parametrize("command", cli.list_commands(click.Context(cli)))
def test_an_unknown_name_is_unusable_input(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--nonsense"] if command in WITHOUT_RUN else ["none", *ARGUMENTS.get(command, [])]
    assert run([command, *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["generate", "step", "trace"])
def test_an_unknown_word_is_unusable_input(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`step` and `trace` ask the model server."""
    options = ["--plain"] if command != "generate" else []
    assert run([command, "words", "the xylophone", *options]) == 2
    assert "xylophone" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["generate", "step", "trace", "score", "chat"])
def test_a_damaged_run_is_unusable_input(
    command: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "runs" / "words" / "config.json").write_text("{")
    texts = {"score": ["-"], "chat": []}
    options = ["--plain"] if command in ("step", "trace", "chat") else []
    code = run([command, "words", *texts.get(command, ["the cat"]), *options])
    assert "config.json" in capsys.readouterr().err
    assert code == (0 if command == "chat" else 2), "a failed reply does not end a chat"
