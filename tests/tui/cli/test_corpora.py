"""The command corpora."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.__main__ import run

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("between", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
@pytest.mark.parametrize("reading", ["lines", "text"])
def test_only_a_line_feed_ends_a_line_of_the_preview(
    between: str, reading: str, tmp_path: Path, capsys: Captured
) -> None:
    """A line with U+2028 was shown as several."""
    blank = "\n" if reading == "text" else ""
    path = tmp_path / "a.txt"
    path.write_bytes(f"one{between}two\n{blank}three\nfour\nfive\n".encode())
    assert run(["corpora", str(path)]) == 0
    shown = capsys.readouterr().out.partition("SHA-256")[2].splitlines()[2:]
    assert len(shown) == 3
    assert "one" in shown[0]
    assert "two" in shown[0]
    assert shown[2].strip() == ("three" if reading == "text" else "four")


def test_a_table_of_pairs_shows_format_labels_and_its_first_records(
    tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "opinions.csv"
    path.write_text('text,label\n"Nice, really",good\nAwful,bad\n')
    assert run(["corpora", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "pairs · classify, 2 labels: each record is a prompt with its completion" in shown
    assert "labels      good, bad" in shown
    assert "records     2, longest 3 words" in shown
    assert "user: Nice, really  assistant: good" in shown
    assert run(["corpora", str(path), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert (described["reading"], described["task"]) == ("pairs", "classify")
    assert described["labels"] == ["good", "bad"]


def test_the_list_of_bundled_texts_has_their_format(capsys: Captured) -> None:
    assert run(["corpora"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "SIZE", "FORMAT", "TOKENIZER", "SHOWS"]
    stories = next(row for row in rows if row.startswith("stories"))
    assert stories.split()[3] == "text"
