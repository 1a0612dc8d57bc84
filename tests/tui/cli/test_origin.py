"""The command origin."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.runs import tiny_home_with_corpora
from tui.__main__ import run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    tiny_home_with_corpora(tmp_path)
    return tmp_path


def test_marks_lines_and_figures_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Detects wrong figures, or an index that is built twice."""
    assert run(["origin", "words", "oh the  cat sat on the tree"]) == 0
    captured = capsys.readouterr()
    assert "Sorting the text…" in captured.err
    assert "oh ‹the  cat sat on the› tree" in captured.out
    assert "71% of 7 tokens copied · longest copy 5 · 1 of 6 bigrams are new" in captured.out
    assert "5 tokens, 3 times: the  cat sat on the" in captured.out
    assert "  line 4  ‹the cat sat on the› door" in captured.out
    assert run(["origin", "words", "the cat sat on the"]) == 0
    assert capsys.readouterr().err == "", "the index exists"


def test_a_repeated_passage_is_described_once_with_its_places(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["origin", "words", "the dog ran oh the dog ran"]) == 0
    once = capsys.readouterr().out
    assert once.count("times: ") + once.count("once: ") <= 1
    assert run(["origin", "words", "--min-tokens", "3", "the dog ran oh the dog ran"]) == 0
    text = capsys.readouterr().out
    assert text.count(": the dog ran") == 1
    assert text.count("‹the dog ran›\n") == 1


def test_standard_input_is_read_and_json_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects other field names, or options without effect."""
    raw = io.BytesIO(b"the dog ran\n")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=raw))
    assert run(["origin", "words", "--json", "--min-tokens", "3", "--places", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["text"] == "the dog ran"
    assert [(span["from"], span["to"]) for span in found["spans"]] == [(0, 11)]
    assert [place["line"] for place in found["spans"][0]["places"]] == [2]


@pytest.mark.parametrize("arguments", [["nobody", "a"], ["words", ""], ["words", "a\udcffb"]])
def test_unusable_arguments_are_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Detects a traceback, or exit code 0."""
    assert run(["origin", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err
