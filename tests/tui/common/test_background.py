"""The question for the terminal's background: what counts as an answer, and what was typed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.terminals import APP, TerminalSession, environment
from tui.common import background
from tui.common.background import (
    QUERY,
    TIMEOUT_SECONDS,
    AnswerFilter,
    BackgroundQuery,
    is_light_colour,
    is_light_environment,
)
from tui.common.terminal import understands_osc

ATTRIBUTES = b"\x1b[?64;1;2;22c"
WHITE, BLACK = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", b"\x1b]11;rgb:0000/0000/0000\x07"
DAY_BACKGROUND, NIGHT_BACKGROUND = b"48;2;238;238;238m", b"48;2;18;18;18m"
F1 = b"\x1bOP"


@pytest.mark.parametrize(
    ("text", "is_light"),
    [
        ("rgb:ffff/ffff/ffff", True),
        ("rgb:0000/0000/0000", False),
        ("rgb:fd/f6/e3", True),
        ("rgb:0/2/3", False),
        ("rgb:1c1c/1c1c/1c1c", False),
        ("RGB:EEEE/EEEE/EEEE", True),
        ("rgba:ffff/ffff/ffff/8000", True),
        ("#fafafa", True),
        ("#002b36", False),
        ("rgb:0000/0000/ffff", False),
        ("rgb:ffff/ffff/0000", True),
        ("white", None),
        ("rgb:ffff/ffff", None),
        ("rgb:fffff/0/0", None),
        ("?", None),
        ("", None),
    ],
)
def test_light_colours(text: str, is_light: bool | None) -> None:
    assert is_light_colour(text) is is_light


@pytest.mark.parametrize(
    ("value", "is_light"),
    [
        ("0;15", True), ("15;0", False), ("0;default;15", True), ("0;7", True), ("7;8", False),
        ("12;6", False), ("0;default", None), ("", None), ("0;99", None), ("0;-1", None),
    ],
)  # fmt: skip
def test_a_light_background_in_the_environment(value: str, is_light: bool | None) -> None:
    assert is_light_environment({"COLORFGBG": value}) is is_light
    assert is_light_environment({}) is None


@pytest.mark.parametrize(
    ("term", "can"),
    [("xterm-256color", True), ("tmux-256color", True), ("linux", False), ("dumb", False)],
)
def test_only_terminals_that_may_answer_are_asked(term: str, can: bool) -> None:
    assert understands_osc({"TERM": term}) is can
    assert not understands_osc({})


@pytest.mark.parametrize(
    ("data", "typed", "is_light", "is_complete"),
    [
        (WHITE + ATTRIBUTES, b"", True, True),
        (BLACK + ATTRIBUTES, b"", False, True),
        (ATTRIBUTES, b"", None, True),
        (WHITE, b"", True, False),
        (b"ab" + WHITE + b"cd" + ATTRIBUTES + b"ef", b"abcdef", True, True),
        (b"\x1b[A" + ATTRIBUTES + b"\x1b[B", b"\x1b[A\x1b[B", None, True),
        (ATTRIBUTES + ATTRIBUTES, ATTRIBUTES, None, True),
        (b"\x1b[?2026;2$y", b"\x1b[?2026;2$y", None, False),
        (b"\x1b]12;rgb:0/0/0\x07", b"\x1b]12;rgb:0/0/0\x07", None, False),
        ("ä€".encode(), "ä€".encode(), None, False),
        (b"\x1b]11;nonsense\x07" + ATTRIBUTES, b"", None, True),
    ],
)
def test_answers_are_taken_out_wherever_they_are_cut(
    data: bytes, typed: bytes, is_light: bool | None, is_complete: bool
) -> None:
    for cut in range(len(data) + 1):
        answers = AnswerFilter()
        assert answers.feed(data[:cut]) + answers.feed(data[cut:]) == typed
        assert (answers.is_light, answers.is_complete) == (is_light, is_complete)
        assert not answers.is_holding


@pytest.mark.parametrize("key", [b"\x1b", b"\x1b]", b"\x1b["])
def test_a_key_that_could_begin_an_answer_is_returned_once_nothing_follows(key: bytes) -> None:
    answers = AnswerFilter()
    assert answers.feed(b"a" + key) == b"a"
    assert answers.is_holding
    assert answers.flush() == key
    assert answers.flush() == b""


def test_a_slow_answer_is_not_returned() -> None:
    answers = AnswerFilter()
    assert answers.feed(WHITE[:9]) == b""
    assert answers.flush() == b""
    assert answers.feed(WHITE[9:]) == b""
    assert answers.is_light


def test_nothing_is_held_back_where_no_answer_is_expected() -> None:
    answers = AnswerFilter(is_complete=True)
    assert answers.feed(b"\x1b") == b"\x1b"
    assert answers.feed(WHITE) == WHITE


@given(st.lists(st.binary(max_size=4) | st.sampled_from([WHITE, BLACK, b"\x1b", b"\x1b[?1"])))
def test_the_parts_do_not_matter(parts: list[bytes]) -> None:
    whole, cut = AnswerFilter(), AnswerFilter()
    expected = whole.feed(b"".join(parts) + ATTRIBUTES)
    assert b"".join(cut.feed(part) for part in [*parts, ATTRIBUTES]) == expected
    assert (cut.is_light, cut.is_complete) == (whole.is_light, whole.is_complete)


def open_app(
    home: Path, answer: Callable[[TerminalSession], None] | None = None, **environ: str
) -> TerminalSession:
    """The application at its first frame, on a terminal that answers as soon as it is asked."""
    variables = environment(home, COLORTERM="truecolor", **environ)
    terminal = TerminalSession(APP, variables)
    if answer is not None:
        terminal.wait_until(lambda: QUERY in terminal.raw, "the question")
        answer(terminal)
    terminal.wait_for("lang")
    return terminal


def reply(data: bytes) -> Callable[[TerminalSession], None]:
    return lambda terminal: terminal.send(data.decode())


@pytest.mark.parametrize(
    ("answer", "environ", "background"),
    [
        (reply(WHITE + ATTRIBUTES), {}, DAY_BACKGROUND),
        (reply(BLACK + ATTRIBUTES), {}, NIGHT_BACKGROUND),
        (reply(BLACK + ATTRIBUTES), {"COLORFGBG": "0;15"}, NIGHT_BACKGROUND),
        (reply(ATTRIBUTES), {}, NIGHT_BACKGROUND),
        (reply(ATTRIBUTES), {"COLORFGBG": "0;15"}, DAY_BACKGROUND),
        (None, {}, NIGHT_BACKGROUND),
    ],
    ids=["light", "dark", "dark-not-light", "unknown", "environment", "never"],
)
def test_the_theme_follows_the_answer(
    answer: Callable[[TerminalSession], None] | None,
    environ: dict[str, str],
    background: bytes,
    tmp_path: Path,
) -> None:
    with open_app(tmp_path / "home", answer, **environ) as terminal:
        other = DAY_BACKGROUND if background == NIGHT_BACKGROUND else NIGHT_BACKGROUND
        assert background in terminal.raw
        assert other not in terminal.raw


@pytest.mark.parametrize(
    "environ",
    [{"TEXTUAL_THEME": "nord"}, {"NO_COLOR": "1"}, {"TERM": "linux"}],
    ids=["chosen", "no-colours", "console"],
)
def test_a_terminal_is_not_asked_in_vain(environ: dict[str, str], tmp_path: Path) -> None:
    with open_app(tmp_path / "home", **environ) as terminal:
        assert QUERY not in terminal.raw


def test_what_is_typed_before_the_first_frame_acts_and_is_not_echoed(tmp_path: Path) -> None:
    answer = reply(F1 + WHITE + ATTRIBUTES)
    with open_app(tmp_path / "home", answer) as terminal:
        terminal.wait_for("Suspend to the shell")
        assert DAY_BACKGROUND in terminal.raw
        assert b"^[" not in terminal.raw


def test_a_late_answer_is_not_taken_for_keys(tmp_path: Path) -> None:
    with open_app(tmp_path / "home") as terminal:
        answer = WHITE + ATTRIBUTES
        for part in (answer[:5], answer[5:30], answer[30:], F1):
            terminal.send(part.decode())
        terminal.wait_for("Suspend to the shell")
        assert "rgb" not in terminal.text


def test_a_terminal_that_keeps_sending_is_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = os.openpty()
    reads = []
    clock = itertools.count(0.0, TIMEOUT_SECONDS / 10)
    monkeypatch.setattr(background.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(background.select, "select", lambda *_: ([theirs], [], []))
    try:
        query = BackgroundQuery(theirs, theirs)
        with monkeypatch.context() as context:
            context.setattr(background.os, "read", lambda *_: reads.append(1) or b"x")
            assert query.wait() is None
    finally:
        os.close(ours)
        os.close(theirs)
    assert 1 < len(reads) < 20
