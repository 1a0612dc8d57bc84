"""The record of conversations: no turn is lost, and no line breaks a screen."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamagedError, StorageError
from tests.support.full_disk import full_disk
from tui.chat import record
from tui.chat.record import Turn, append, append_system, decode, read_last, read_record, remove
from tui.common.sanitize import json_line


def make_turn(prompt: str = "Python", text: str = " is popular.", **fields: object) -> Turn:
    values: dict[str, object] = {
        "prompt": prompt,
        "text": text,
        "weights": "last",
        "step": 500,
        "settings": {"temperature": 0.8},
        "tokens": 3,
        "seconds": 0.5,
        "ended": "end",
        "time": 1.0,
    }
    return Turn(**(values | fields))  # type: ignore[arg-type]


def test_the_last_turns_are_read_oldest_first(tmp_path: Path) -> None:
    """Detects turns in reverse order, or the first ones."""
    turns = [make_turn(f"prompt {number}") for number in range(5)]
    for one in turns:
        append(tmp_path / "talk.jsonl", one)
    assert read_last(tmp_path / "talk.jsonl", 3) == turns[2:]
    assert read_last(tmp_path / "talk.jsonl", 100) == turns


def test_without_a_file_there_are_no_turns(tmp_path: Path) -> None:
    """Detects an error for a new run."""
    assert read_last(tmp_path / "talk.jsonl", 10) == []


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_is_recorded_in_one_safe_line(prompt: str, text: str) -> None:
    """Detects a newline, an escape or half a surrogate that breaks the line, or the terminal of
    `cat`.
    """
    one = make_turn(prompt, text)
    line = json_line({"type": "turn", **vars(one)}).encode()
    assert b"\n" not in line
    assert b"\x1b" not in line
    assert decode(line) == one


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00" * 40,
        b'{"type": "turn", "prompt": "torn',
        b'{"type": "turn", "id": "a"}',
        b'{"type": "branch", "id": "a", "prompt": "", "text": "", "weights": "", "ended": ""}',
        b'{"type": "turn", "id": 7, "prompt": "", "text": "", "weights": "", "ended": ""}',
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_damaged_lines_are_skipped(tmp_path: Path, damage: bytes) -> None:
    """Detects turns that are lost because of one damaged or unknown line."""
    path = tmp_path / "talk.jsonl"
    append(path, make_turn("before"))
    with path.open("ab") as file:
        file.write(damage + b"\n")
    append(path, make_turn("after"))
    assert [one.prompt for one in read_last(path, 10)] == ["before", "after"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", "7"),
        ("step", True),
        ("step", 10**30),
        ("seconds", None),
        ("seconds", 10**400),
        ("tokens", [1]),
        ("settings", 3),
        ("parent", 9),
        ("speed", "fast"),
        ("time", "now"),
    ],
)
def test_a_field_of_another_type_does_not_lose_the_turn(name: str, value: object) -> None:
    """Detects an exception because of a value of a newer version."""
    line = json.dumps({"type": "turn", **vars(make_turn()), name: value}).encode()
    found = decode(line)
    assert found is not None
    assert found.text == " is popular."
    assert json.dumps(vars(found))


def test_non_finite_numbers_are_not_recorded(tmp_path: Path) -> None:
    """Detects NaN in JSON, which other readers refuse."""
    append(tmp_path / "talk.jsonl", make_turn(seconds=float("nan")))
    assert b"NaN" not in (tmp_path / "talk.jsonl").read_bytes()
    assert read_last(tmp_path / "talk.jsonl", 1)[0].seconds == 0.0


def test_a_turn_after_a_torn_one_is_complete(tmp_path: Path) -> None:
    """Detects a full disk that costs two turns instead of one."""
    path = tmp_path / "talk.jsonl"
    append(path, make_turn("first"))
    with path.open("ab") as file:
        file.write(b'{"type": "turn", "prom')
    append(path, make_turn("second"))
    assert [one.prompt for one in read_last(path, 10)] == ["first", "second"]


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A traceback because the run was deleted, or its folder cannot be written."""
    with pytest.raises(StorageError) as caught:
        append(tmp_path / "gone" / "talk.jsonl", make_turn())
    assert caught.value.hint
    assert not (tmp_path / "gone").exists()
    (tmp_path / "talk.jsonl").symlink_to("talk.jsonl")  # a cycle
    with pytest.raises(StorageError):
        append(tmp_path / "talk.jsonl", make_turn())
    with pytest.raises(DamagedError):
        read_last(tmp_path / "talk.jsonl", 1)


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    """Detects a turn that is lost without an error."""
    with full_disk(), pytest.raises(StorageError, match=os.strerror(28)):
        append(tmp_path / "talk.jsonl", make_turn())


def test_two_apps_write_complete_lines(tmp_path: Path) -> None:
    """Detects mixed turns of two terminals with one run."""
    path = tmp_path / "talk.jsonl"

    def write(mark: str) -> None:
        for _ in range(40):
            append(path, make_turn(mark * 5000))

    writers = [threading.Thread(target=write, args=(mark,)) for mark in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = read_last(path, 1000)
    assert len(found) == 80
    assert {one.prompt for one in found} == {"a" * 5000, "b" * 5000}


def test_only_the_end_of_a_long_record_is_read(tmp_path: Path) -> None:
    """Detects a record of years that is read completely for its last page."""
    path = tmp_path / "talk.jsonl"
    with path.open("wb") as file:
        file.write(b"x" * (record.MAX_READ_BYTES + 1000) + b"\n")
    append(path, make_turn("last"))
    assert [one.prompt for one in read_last(path, 5)] == ["last"]


def test_a_removed_turn_is_not_read(tmp_path: Path) -> None:
    """Detects a turn that comes back; other turns that go with it."""
    path = tmp_path / "talk.jsonl"
    turns = [make_turn(str(number), " reply") for number in range(3)]
    for turn in turns:
        append(path, turn)
    remove(path, turns[1].id)
    assert read_last(path, 100) == [turns[0], turns[2]]
    append(path, make_turn("removed", ' says {"type":"removed"}'))
    assert [turn.prompt for turn in read_last(path, 2)] == ["2", "removed"]


@pytest.mark.parametrize(
    "chances", [None, 3, [1], [[1]], [["1", 0.5]], [[1, "likely"]], [[-1, 0.5]], [[1.5, 0.5]]]
)
def test_damaged_probabilities_are_left_out(tmp_path: Path, chances: object) -> None:
    """Detects a turn that cannot be read because of its probabilities."""
    path = tmp_path / "talk.jsonl"
    append(path, make_turn("a", " b", chances=chances))
    (turn,) = read_last(path, 1)
    assert (turn.text, turn.chances) == (" b", ())


def test_the_newest_system_text_counts(tmp_path: Path) -> None:
    """Detects a system text that is lost, that of an older session, or a turn named like it."""
    path = tmp_path / "talk.jsonl"
    assert read_record(path, 10) == ([], "")
    append_system(path, "Be kind.")
    append(path, make_turn("one", system="Be kind."))
    append_system(path, "Be brief.")
    append(path, make_turn("system", system="Be kind."))
    assert read_record(path, 10).system == "Be brief."
    assert [turn.prompt for turn in read_record(path, 10).turns] == ["one", "system"]
    assert read_record(path, 1).system == "Be kind.", "of the turn, where the line is too far back"
    append_system(path, "")
    assert read_record(path, 10).system == ""


def test_a_turn_of_an_older_version_is_a_prompt_on_its_own() -> None:
    """Detects a record that the conversations made unreadable."""
    fields = vars(make_turn()) | {"type": "turn"}
    for name in ("conversation", "history", "system", "labels"):
        del fields[name]
    turn = decode(json.dumps(fields).encode())
    assert turn is not None
    assert (turn.conversation, turn.history, turn.system, turn.labels) == ("", 0, "", ())


@pytest.mark.parametrize(
    ("labels", "decoded"),
    [
        ([["good", 0.7], ["bad", 2]], (("good", 0.7), ("bad", 1.0))),
        ([["good", None]], (("good", 0.0),)),
        ([["good", 0.7], ["bad"]], ()),
        ([[1, 0.7]], ()),
        ("good", ()),
        (None, ()),
    ],
)
def test_damaged_labels_are_none(labels: object, decoded: object) -> None:
    """Detects an exception, or half of the labels as if they were all."""
    turn = decode(json.dumps(vars(make_turn()) | {"type": "turn", "labels": labels}).encode())
    assert turn is not None
    assert turn.labels == decoded
