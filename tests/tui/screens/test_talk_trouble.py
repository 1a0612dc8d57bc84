"""Talk when something goes wrong: unknown words, dead samplers, full disks, odd text."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from core.run.directory import Run
from tests.support.talk_stage import (
    LANG,
    SIZES,
    DeadError,
    FakeSampler,
    TalkApp,
    UnknownError,
    library,
    look,
    play,
    record,
    say,
    turn_of,
    until,
)
from tui.talk.record import append


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


def test_an_unknown_word_is_offered_its_nearest(home: Home) -> None:
    """A slip of the finger that costs typing everything again."""
    unknown = UnknownError({"Pyton": ["Python", "Pylon"], "ios": []})
    sampler = FakeSampler(refuse={"see Pyton ios": unknown})

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "see Pyton ios")
        assert app.prompt.text == "see Pyton ios"
        assert "never seen: Pyton   1 Python   2 Pylon   and 1 more unknown" in app.text
        await pilot.press("x", "1")
        assert app.prompt.text == "see Pyton iosx1", "who types on types"
        await pilot.press("backspace", "backspace", "1")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "see Python ios is a popular" in app.text
        assert "never seen" not in app.text
        assert app.prompt.text == ""

    app = play(TalkApp(home, sampler), journey)
    assert app.troubles == []
    assert [turn.prompt for turn in record(home)] == ["see Python ios"]


def test_a_word_like_no_other_is_said_with_what_to_do(home: Home) -> None:
    """An offer of nothing."""
    sampler = FakeSampler(refuse={"xyz": UnknownError({"xyz": []})})

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "xyz")
        assert app.prompt.has_focus
        assert app.prompt.text == "xyz"

    assert len(play(TalkApp(home, sampler), journey).troubles) == 1


def test_a_sampler_that_dies_costs_only_the_rest_of_its_reply(home: Home) -> None:
    """A screen that is gone, or stuck, because another process is."""
    sampler = FakeSampler(fail=DeadError("The model's process ended.", "Send it again."))

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "Python")
        assert "is a popular" in app.text
        assert "cut off" in app.text
        assert app.prompt.text == "Python"
        sampler.fail = None
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    app = play(TalkApp(home, sampler), journey)
    assert [type(error) for error in app.troubles] == [DeadError]
    assert [turn.ended for turn in record(home)] == ["failed", "end"]


def test_a_run_that_cannot_be_loaded_or_is_gone(home: Home) -> None:
    """A damaged or deleted run that takes the screen with it."""
    sampler = FakeSampler(refuse={"lang": InputError("There is no run named 'lang'.", "Press o.")})

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        for path in sorted((home.runs / "lang").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (home.runs / "lang").rmdir()
        look(app)
        await pilot.press("comma", "escape", "comma", "full_stop", "b", "l", "i")
        await say(app, pilot, "a")

    app = play(TalkApp(home, sampler), journey)
    assert {error.title for error in app.troubles} <= {InputError.title, "Could not save"}
    assert all(error.hint for error in app.troubles)


def test_a_fault_of_our_own_is_said(home: Home) -> None:
    """A traceback in place of the screen."""
    sampler = FakeSampler()
    sampler.tokens = [3]  # type: ignore[list-item]

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        await until(pilot, lambda: app.troubles)
        sampler.tokens = list(LANG)
        await say(app, pilot, "b")
        assert "b is a popular" in app.text

    assert "TypeError" in str(play(TalkApp(home, sampler), journey).troubles[0])


def test_a_talk_that_cannot_be_kept_or_read_goes_on(home: Home) -> None:
    """A full disk or a read-only home that ends the talk, or nags at every turn."""
    Run(home.runs / "lang").talk.symlink_to("talk.jsonl")  # leads nowhere, round and round

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "a")
        await say(app, pilot, "b")
        assert app.text.count("is a popular") == 2

    titles = [error.title for error in play(TalkApp(home, FakeSampler()), journey).troubles]
    assert titles == ["Damaged file", "Could not save"]


ODD = [
    "中文字符。",
    "e\u0301 ȩ\u0323",
    "👩‍💻 🇩🇪 ☺️",
    "שלום עולם",
    "[bold]b[/] [/] [@click=app.quit]q[/]",
    "\x1b]0;title\x07\x1b[31m red \x9b31m \x7f",
    "\u202eabc\u2066 \ud800 \x00 \r\n",
]


@pytest.mark.parametrize("size", SIZES)
def test_any_text_is_shown_as_text(home: Home, size: tuple[int, int]) -> None:
    """Markup that is obeyed, an escape that reaches the terminal, a line that shifts the others."""
    sampler = FakeSampler()
    for text in ODD:
        append(Run(home.runs / "lang").talk, turn_of(text, text, weights=text, ended=text))

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        for number, text in enumerate(ODD):
            sampler.tokens = [f" {text}", f"end{number}"]
            await say(app, pilot, text)
            assert not {"\x1b", "\x9b", "\x07", "\u202e", "\x00", "\x7f"} & set(app.text)
            assert f"end{number}" in app.text
            if "[@" in text:
                assert app.text.count("[@click=app.quit]") >= 2
            for strip in app.screen._compositor.render_strips(app.size):
                assert sum(segment.cell_length for segment in strip) == size[0]
        await pilot.press("escape", "y", "Y")

    app = play(TalkApp(home, sampler), journey, size)
    assert app.troubles == []
    assert all("\x1b" not in copied for _, copied in app.copied)
