"""Invalid command lines: an error with what, where and what to do, and exit code 2."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from core.errors import InputError, MiniGPTError
from core.paths import find_home
from core.run.store import list_runs
from tests.support.runners import TINY
from tui.__main__ import run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home and the working directory of all commands."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run an invalid command and return its error; it must not leave a run."""
    assert run(arguments) == 2, capsys.readouterr()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    home = find_home(os.environ["MINIGPT_HOME"])
    assert list_runs(home) == []
    return captured.err


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _broken_gzip(path: Path) -> None:
    path.with_suffix(".gz").write_bytes(b"\x1f\x8b\x08 not gzip at all")


TEXTS = {
    "empty": lambda path: path.touch(),
    "blank": lambda path: path.write_text(" \n\t\n"),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 8),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "latin": lambda path: path.write_bytes("café\n".encode("latin-1")),
    "dangling": _dangling,
    "pipe": os.mkfifo,
    "socket": _socket,
    "folder": lambda path: path.mkdir(),
    "missing": lambda path: None,
    "gz": _broken_gzip,
}
FILE_NAMES = {"gz": "text.gz"}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("command", ["train", "corpora"])
def test_a_file_without_text_is_rejected_by_name(
    kind: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TEXTS[kind](tmp_path / "text")
    name = FILE_NAMES.get(kind, "text")
    error = error_of([command, name], capsys)
    assert name in error
    assert len(error.strip().splitlines()) >= 2, "the error has a hint"


def test_an_undecodable_byte_is_reported_with_its_line_and_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_bytes(b"one\ntwo caf\xe9\n")
    error = error_of(["train", "text"], capsys)
    assert "line 2" in error
    assert "--encoding" in error


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".hidden", "x\x07y", "n" * 300, "", "a b", "\u202eevil", "-x"]
)
def test_invalid_run_names_are_rejected(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["train", "lang", f"--name={name}"],
        ["show", "--", name],
        ["path", "--", name],
        ["rm", "--yes", "--", name],
        ["generate", "--", name],
    ):
        error = error_of(arguments, capsys)
        assert "\x07" not in error
        assert "\u202e" not in error


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["train", "lnag"], "lang"),
        (["train", "lang", "--preset", "smal"], "small"),
        (["train", "lang", "--set", "droput=0.1"], "dropout"),
        (["generat", "lang"], "generate"),
        (["train", "lang", "--tokenizer", "words"], "word"),
    ],
)
def test_the_most_similar_name_is_suggested(
    arguments: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert suggestion in error_of(arguments, capsys)


def test_all_invalid_values_are_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = ["learning_rate=-1", "layers=0", "dropout=2", "seed=x", "steps"]
    error = error_of(["train", "lang", *(part for p in pairs for part in ("--set", p))], capsys)
    for name in ("learning_rate", "layers", "dropout", "seed", "steps"):
        assert name in error


@pytest.mark.parametrize(
    "values",
    [
        ["--set", "layers=200", "--set", "d_model=16384", "--set", "heads=64"],
        ["--device", "tpu"],
        ["--device", "cuda:7"],
        ["--set", "precision=bfloat16", "--set", "sample_prompt=xyzzy"],
    ],
)
def test_errors_that_only_the_trainer_detects_are_reported(
    values: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A model too large for memory, a missing device, a prompt with an unknown word."""
    assert "was not created" in error_of(["train", "lang", "--steps", "1", *values], capsys)


@pytest.mark.parametrize("text", ["word", "one\n", "猫"])
def test_a_tiny_text_can_be_trained_on(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text(text)
    assert run(["train", "text", "--foreground", "--steps", "2", *TINY]) == 0
    assert "no validation" in capsys.readouterr().err


def test_a_line_of_a_megabyte_can_be_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("word and words " * 70_000)
    options = ["--foreground", "--steps", "2", "--tokenizer", "char", *TINY[:-2]]
    assert run(["train", "text", *options]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_input_errors_have_exit_code_2() -> None:
    assert issubclass(InputError, MiniGPTError)
    assert InputError("x").exit_code == 2
