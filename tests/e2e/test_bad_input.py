"""Bad input from a person's side: a message with what, where and what to do, exit code 2."""

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
    """Where commands keep everything, and stand."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said to a command that is refused, which leaves nothing behind."""
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
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def _packed(path: Path) -> None:
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
    "gz": _packed,
}
NAMED = {"gz": "text.gz"}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("command", ["train", "corpora"])
def test_what_is_no_text_is_refused_by_name(
    kind: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TEXTS[kind](tmp_path / "text")
    name = NAMED.get(kind, "text")
    said = refused([command, name], capsys)
    assert name in said
    assert len(said.strip().splitlines()) >= 2, "what is wrong, and what to do"


def test_latin_1_bytes_name_their_place_and_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_bytes(b"one\ntwo caf\xe9\n")
    said = refused(["train", "text"], capsys)
    assert "line 2" in said
    assert "--encoding" in said


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".hidden", "x\x07y", "n" * 300, "", "a b", "\u202eevil", "-x"]
)
def test_names_stay_in_their_folder_and_off_the_terminal(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["train", "lang", f"--name={name}"],
        ["show", "--", name],
        ["path", "--", name],
        ["rm", "--yes", "--", name],
        ["generate", "--", name],
    ):
        said = refused(arguments, capsys)
        assert "\x07" not in said
        assert "\u202e" not in said


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["train", "lnag"], "lang"),
        (["train", "lang", "--preset", "smal"], "small"),
        (["train", "lang", "--set", "droput=0.1"], "dropout"),
        (["generat", "lang"], "generate"),
        (["train", "lang", "--tokenizer", "words"], "word"),
    ],
)
def test_the_nearest_that_is_there_is_suggested(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert meant in refused(arguments, capsys)


def test_impossible_values_are_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = ["learning_rate=-1", "layers=0", "dropout=2", "seed=x", "steps"]
    said = refused(["train", "lang", *(part for p in pairs for part in ("--set", p))], capsys)
    for name in ("learning_rate", "layers", "dropout", "seed", "steps"):
        assert name in said


@pytest.mark.parametrize(
    "values",
    [
        ["--set", "layers=200", "--set", "d_model=16384", "--set", "heads=64"],
        ["--device", "tpu"],
        ["--device", "cuda:7"],
        ["--set", "precision=bfloat16", "--set", "sample_prompt=xyzzy"],
    ],
)
def test_what_only_the_trainer_can_see_is_refused_too(
    values: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A model without room, a device that is not there, a prompt word that is not known."""
    assert "was not created" in refused(["train", "lang", "--steps", "1", *values], capsys)


@pytest.mark.parametrize("text", ["word", "one\n", "猫"])
def test_a_tiny_text_trains(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(text)
    assert run(["train", "text", "--foreground", "--steps", "2", *TINY]) == 0
    assert "no validation" in capsys.readouterr().err


def test_a_line_of_a_megabyte_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("word and words " * 70_000)
    asked = ["--foreground", "--steps", "2", "--tokenizer", "char", *TINY[:-2]]
    assert run(["train", "text", *asked]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_every_error_says_what_to_do_or_needs_no_hint() -> None:
    assert issubclass(InputError, MiniGPTError)
    assert InputError("x").exit_code == 2
