"""Texts from arguments and standard input are read like those from files."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from tests.support.runs import tiny_home_with_corpora
from tui.__main__ import run

MARK = "\ufeff"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    tiny_home_with_corpora(tmp_path)
    return tmp_path


def _pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stream)


@pytest.mark.parametrize(
    "command",
    [
        ["generate", "words", "-"],
        ["generate", "words", "-", "--json"],
        ["origin", "words", "-", "--json"],
        ["score", "words", "-", "--json"],
        ["chat", "words", "--plain"],
    ],
    ids=" ".join,
)
def test_a_byte_order_mark_on_standard_input_changes_nothing(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """PowerShell and editors write one; it used to be an unknown word."""
    outputs = []
    for text in ("the dog ran\n", f"{MARK}the dog ran\r\n"):
        _pipe(monkeypatch, text)
        assert run(command) == 0, capsys.readouterr().err
        outputs.append(re.sub(r"[\d.,]+( k)?/s", "", capsys.readouterr().out))
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    "command",
    [["generate", "words"], ["origin", "words"], ["step", "words", "--json"], ["trace", "words"]],
    ids=" ".join,
)
def test_a_byte_order_mark_on_an_argument_changes_nothing(
    command: list[str], capsys: Captured
) -> None:
    """As in `generate RUN "$(cat prompt.txt)"`."""
    outputs = []
    for text in ("the dog\nran", f"{MARK}the dog\r\nran"):
        assert run([*command, text]) == 0, capsys.readouterr().err
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_newlines_on_standard_input_are_those_of_files(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    _pipe(monkeypatch, f"{MARK}the dog\r\nran\r\n")
    assert run(["origin", "words", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "the dog\nran"
