"""The file of talk: nothing said is lost, and nothing in it can break a screen."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamagedError, StorageError
from tui.common.sanitize import json_line
from tui.talk import record
from tui.talk.record import Turn, append, decode, read_last


def turn(prompt: str = "Python", text: str = " is popular.", **fields: object) -> Turn:
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


def test_turns_come_back_as_they_were_oldest_first(tmp_path: Path) -> None:
    """A talk that is turned round, or cut to the wrong end."""
    said = [turn(f"prompt {number}") for number in range(5)]
    for one in said:
        append(tmp_path / "talk.jsonl", one)
    assert read_last(tmp_path / "talk.jsonl", 3) == said[2:]
    assert read_last(tmp_path / "talk.jsonl", 100) == said


def test_no_file_is_no_talk(tmp_path: Path) -> None:
    """A new run that greets with an error."""
    assert read_last(tmp_path / "talk.jsonl", 10) == []


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_survives_in_one_safe_line(prompt: str, text: str) -> None:
    """A newline, an escape or half a surrogate that breaks the line, or the terminal of `cat`."""
    one = turn(prompt, text)
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
def test_damaged_lines_are_left_out(tmp_path: Path, damage: bytes) -> None:
    """One torn or foreign line that hides the whole talk."""
    path = tmp_path / "talk.jsonl"
    append(path, turn("before"))
    with path.open("ab") as file:
        file.write(damage + b"\n")
    append(path, turn("after"))
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
def test_a_field_of_another_kind_does_not_lose_the_text(name: str, value: object) -> None:
    """A newer version's number that raises while the screen is being built."""
    line = json.dumps({"type": "turn", **vars(turn()), name: value}).encode()
    found = decode(line)
    assert found is not None
    assert found.text == " is popular."
    assert json.dumps(vars(found))


def test_numbers_that_are_not_finite_never_reach_the_file(tmp_path: Path) -> None:
    """NaN in JSON, which other readers refuse."""
    append(tmp_path / "talk.jsonl", turn(seconds=float("nan")))
    assert b"NaN" not in (tmp_path / "talk.jsonl").read_bytes()
    assert read_last(tmp_path / "talk.jsonl", 1)[0].seconds == 0.0


def test_a_turn_after_a_torn_one_is_whole(tmp_path: Path) -> None:
    """A full disk that costs two turns instead of one."""
    path = tmp_path / "talk.jsonl"
    append(path, turn("first"))
    with path.open("ab") as file:
        file.write(b'{"type": "turn", "prom')
    append(path, turn("second"))
    assert [one.prompt for one in read_last(path, 10)] == ["first", "second"]


def test_a_place_that_takes_nothing_is_said_with_what_to_do(tmp_path: Path) -> None:
    """A traceback because the run was deleted, or its folder cannot be written."""
    with pytest.raises(StorageError) as caught:
        append(tmp_path / "gone" / "talk.jsonl", turn())
    assert caught.value.hint
    assert not (tmp_path / "gone").exists()
    (tmp_path / "talk.jsonl").symlink_to("talk.jsonl")  # leads nowhere, round and round
    with pytest.raises(StorageError):
        append(tmp_path / "talk.jsonl", turn())
    with pytest.raises(DamagedError):
        read_last(tmp_path / "talk.jsonl", 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """A turn that is silently not kept."""
    (tmp_path / "talk.jsonl").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=os.strerror(28)):
        append(tmp_path / "talk.jsonl", turn())


def test_two_apps_write_whole_lines(tmp_path: Path) -> None:
    """Two terminals on one run whose turns run into each other."""
    path = tmp_path / "talk.jsonl"

    def write(mark: str) -> None:
        for _ in range(40):
            append(path, turn(mark * 5000))

    writers = [threading.Thread(target=write, args=(mark,)) for mark in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = read_last(path, 1000)
    assert len(found) == 80
    assert {one.prompt for one in found} == {"a" * 5000, "b" * 5000}


def test_a_long_talk_is_read_from_its_end_only(tmp_path: Path) -> None:
    """A talk of years that is read whole for its last page."""
    path = tmp_path / "talk.jsonl"
    with path.open("wb") as file:
        file.write(b"x" * (record.MOST_BYTES + 1000) + b"\n")
    append(path, turn("last"))
    assert [one.prompt for one in read_last(path, 5)] == ["last"]
