"""Events as lines: they survive a round trip, and no input breaks a reader."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import END_EVENTS, FIELDS, Event, decode, encode, restart_step

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.text().filter(lambda name: name not in ("type", "time", "step"))


def without_infinities(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [without_infinities(item) for item in value]
    if isinstance(value, dict):
        return {name: without_infinities(item) for name, item in value.items()}
    return value


@given(type=st.text(), step=st.integers(0, 2**62), fields=st.dictionaries(names, json_values))
def test_any_fields_survive_a_line(type: str, step: int, fields: dict[str, Any]) -> None:
    """Newlines, lone surrogates and NaN in a field must not break the line or the next one."""
    line = encode("x", 12.5, step, a=fields, b=type)
    assert line.isascii()
    assert "\n" not in line
    expected = {"a": without_infinities(fields), "b": type}
    assert decode(line) == Event("x", 12.5, step, expected)
    assert decode(line.encode()) == decode(line)


@given(st.binary())
def test_no_bytes_break_the_reader(line: bytes) -> None:
    decode(line)


@given(json_values)
def test_no_json_breaks_the_reader(value: Any) -> None:
    decode(json.dumps(value))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0\0\0\0",
        b'\0\0{"type":"step","time":1,"step":1}',
        b'{"type":"step","time":1,"st',
        b'{"type":"step","time":1}',
        b'{"type":"step","time":1,"step":-1}',
        b'{"type":"step","time":1,"step":1.5}',
        b'{"type":"step","time":1,"step":true}',
        b'{"type":"step","time":NaN,"step":1}',
        b'{"type":"step","time":1e999,"step":1}',
        b'{"type":1,"time":1,"step":1}',
        b'{"type":"step","time":1,"step":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        '{"type":"step","time":1,"step":1}'.encode("utf-16"),
    ],
)
def test_torn_and_foreign_lines_are_not_events(line: bytes) -> None:
    """A power cut leaves zeroes or torn lines; the lines around them must still be read."""
    assert decode(line) is None


def test_unknown_types_and_fields_pass_through() -> None:
    """An older interface must be able to show the events of a newer trainer."""
    event = decode('{"type":"dream","time":1,"step":2,"colour":"blue"}')
    assert event == Event("dream", 1, 2, {"colour": "blue"})


def test_accessors_return_none_for_other_types() -> None:
    event = Event("step", 0.0, 0, {"a": True, "b": 10**400, "c": "x", "d": 1, "e": 1.5, "f": {}})
    assert [event.number(name) for name in "abcdefg"] == [None, None, None, 1, 1.5, None, None]
    assert Event("step", 0.0, 0, {"a": float("inf")}).number("a") is None
    assert [event.whole(name) for name in "abcdefg"] == [None, None, None, 1, None, None, None]
    assert [event.text(name) for name in "acg"] == [None, "x", None]
    assert event.table("f") == event.table("c") == {}


def test_restart_step_is_the_checkpoint_or_the_event_itself() -> None:
    assert restart_step(Event("started", 0.0, 7, {"resumed_from": 5})) == 5
    assert restart_step(Event("started", 0.0, 0, {"resumed_from": None})) == 0


def test_the_table_has_every_type_in_order() -> None:
    """The list of types is a contract with other programs."""
    words = "started prepare prepared step epoch eval sample saved changed beat finished stopped"
    assert list(FIELDS) == [*words.split(), "failed", "imported"]
    assert set(FIELDS) > END_EVENTS
