"""The command generate: what it prints when there is no text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.inference.generate import END, LENGTH, STOP, EndReason, GeneratedToken
from core.paths import Home
from core.tokenizer.special_tokens import EOS
from tests.support.runs import tiny_run
from tui.__main__ import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    tiny_run(home, "words")
    return home


@pytest.mark.parametrize(
    ("reason", "words"),
    [(END, "ended by itself"), (STOP, "stop text reached"), (LENGTH, "token limit reached")],
)
def test_an_empty_reply_names_the_reason_that_json_reports(
    reason: EndReason, words: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """It was always said to be the end of the text."""
    token = GeneratedToken(EOS, "", 0.5, (), 0, reason)

    def generate(*_: Any, **__: Any) -> Iterator[GeneratedToken]:
        yield token

    monkeypatch.setattr("core.inference.generate.generate", generate)
    monkeypatch.setattr("core.inference.generate.generate_many", lambda *_: [[token], [token]])
    assert run(["generate", "words", "the"]) == 0
    assert capsys.readouterr().err == f"There is no continuation: {words}.\n"
    assert run(["generate", "words", "the", "-n", "2", "--temperature", "1"]) == 0
    assert capsys.readouterr().out.count(words) == 2
    assert run(["generate", "words", "the", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ended"] == reason


def test_a_stop_text_at_once_is_named_as_the_reason(capsys: Captured) -> None:
    assert run(["generate", "words", "the"]) == 0
    first = capsys.readouterr().out.split()[0]
    assert run(["generate", "words", "the", "--stop", first]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == ""
    assert "stop text reached" in captured.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["Hello", "--messages", "talk.json"], "PROMPT and --messages cannot be combined."),
        (["--messages", "missing.json"], "There is no file"),
        (["--messages", "."], "Invalid input: . cannot be read:"),
        (["--messages", "bytes.json"], "bytes.json is not UTF-8 text."),
        (["--messages", "broken.json"], "broken.json: not JSON"),
        (["--messages", "empty.json"], 'empty.json: no list "messages".'),
        (["--messages", "talk.json"], "This model continues a text;"),
    ],
)
def test_messages_that_cannot_be_replied_to_are_refused(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """Detects a traceback, or messages that are ignored."""
    monkeypatch.chdir(tmp_path)
    Path("talk.json").write_text('\ufeff[{"role": "user", "content": "Hello"}]')
    Path("bytes.json").write_bytes(b"\xff\xfe")
    Path("broken.json").write_text("[")
    Path("empty.json").write_text("{}")
    assert run(["generate", "words", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert problem in captured.err


def test_an_unknown_word_is_refused_unless_it_is_allowed(capsys: Captured) -> None:
    assert run(["generate", "words", "the zebra"]) == 2
    assert "'zebra'" in capsys.readouterr().err
    assert run(["generate", "words", "the zebra", "--allow-unknown"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip()
    assert "Read as <unk>: 1 of 3 tokens." in captured.err
