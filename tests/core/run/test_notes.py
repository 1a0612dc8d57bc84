"""Notes and tags: one small file that is checked like all others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamagedError, InputError
from core.paths import Home
from core.run.directory import Run
from core.run.notes import (
    MAX_NOTE_CHARACTERS,
    MAX_TAGS,
    RunNote,
    check_note,
    format_note,
    parse_note,
    read_note,
    write_note,
)
from core.run.summary import summarize_any_run
from tests.support.runs import make_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(Home(root=tmp_path, cache=tmp_path / "cache"), "tales")


def test_a_note_is_read_as_it_was_written(run: Run) -> None:
    assert read_note(run) == RunNote()
    note = RunNote("wider \x1b 中文", ("exp", "v1.2"))
    write_note(run, note)
    assert read_note(run) == note
    assert run.notes.stat().st_mode & 0o777 == 0o600
    summary = summarize_any_run(run)
    assert (summary.note, summary.tags) == (note.text, note.tags)


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"note": 1, "tags": []}', '{"note": "x"}', '{"note": "", "tags": [1]}'),
        *('{"note": "", "tags": ["a b"]}', '{"note": "' + "x" * 70_000 + '", "tags": []}'),
    ],
)
def test_a_damaged_note_is_named_and_hides_nothing_else(run: Run, content: str) -> None:
    run.notes.write_text(content)
    with pytest.raises(DamagedError, match=r"notes\.json"):
        read_note(run)
    summary = summarize_any_run(run)
    assert "notes.json" in summary.problem
    assert summary.corpus == "gone"


def test_a_link_is_refused_and_replaced(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"note": "secret", "tags": []}')
    run.notes.symlink_to(secret)
    with pytest.raises(DamagedError):
        read_note(run)
    write_note(run, RunNote("mine"))
    assert "secret" in secret.read_text()
    assert read_note(run) == RunNote("mine")


@pytest.mark.parametrize(
    "note",
    [
        RunNote("x" * (MAX_NOTE_CHARACTERS + 1)),
        RunNote("", ("a b",)),
        RunNote("", ("",)),
        RunNote("", ("-x",)),
        RunNote("", tuple(f"t{number}" for number in range(MAX_TAGS + 1))),
    ],
)
def test_what_cannot_be_stored_is_refused(run: Run, note: RunNote) -> None:
    with pytest.raises(InputError):
        write_note(run, note)
    assert not run.notes.exists()


def test_words_with_a_hash_are_tags() -> None:
    assert parse_note(" wider  #exp feed-forward #big #exp ") == RunNote(
        "wider feed-forward", ("exp", "big")
    )
    with pytest.raises(InputError, match="Invalid tag"):
        parse_note("# alone")


@given(st.text(), st.lists(st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), max_size=4))
def test_a_line_holds_the_whole_note(text: str, tags: list[str]) -> None:
    words = " ".join(word for word in text.split() if not word.startswith("#"))
    note = RunNote(words, tuple(dict.fromkeys(tags)))
    check_note(note)
    assert parse_note(format_note(note)) == note
