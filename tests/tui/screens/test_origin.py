"""Where did it read that, by keys: copies marked without colour, their lines, the corpus there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.attribution import passages
from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.run.directory import Run
from tests.support.captures import assert_same_as_capture
from tests.support.samplers import INDEXED, ORIGIN
from tests.support.talk_stage import FakeSampler, TalkApp, library, play, say, turn_of, until
from tui.common.terminal import Terminal
from tui.screens.origin import OriginScreen, PassageScreen
from tui.screens.talk import TalkScreen
from tui.talk.record import append

TEXT = ORIGIN["text"]


@dataclass
class ReadingSampler(FakeSampler):
    """Says beside replies what was recorded of `index` and `origin`."""

    origin: dict[str, Any] = field(default_factory=lambda: dict(ORIGIN))
    index: list[dict[str, Any] | MiniGPTError] = field(default_factory=lambda: list(INDEXED))
    hold: asyncio.Event | None = None

    async def request(self, op: str, **fields: Any) -> dict[str, Any]:
        if op != "origin":
            return await super().request(op, **fields)
        self.asked.append((op, fields))
        spans = [s for s in self.origin["spans"] if s["end"] - s["begin"] >= fields["least"]]
        return self.origin | {"spans": spans, "text": fields["text"]}

    async def stream(self, op: str, **fields: Any) -> AsyncIterator[dict[str, Any]]:
        if op != "index":
            async for said in super().stream(op, **fields):
                yield said
            return
        self.asked.append((op, fields))
        try:
            for number, said in enumerate(self.index):
                if isinstance(said, MiniGPTError):
                    raise said
                yield said
                await asyncio.sleep(0)
                if self.hold is not None and number == 1:
                    await self.hold.wait()
        finally:
            self.closed += 1


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run to which one thing was said; its corpus has forty lines."""
    home = library(tmp_path)
    append(Run(home.runs / "lang").talk, turn_of("Python", TEXT))
    lines = ["Python is a popular programming language.", "I love to code in the dark."]
    lines += [f"Line {number} is of no interest." for number in range(3, 41)]
    (tmp_path / "corpus.txt").write_text("\n".join(lines) + "\n")
    return home


def sampler_of(home: Home) -> ReadingSampler:
    """What was recorded, with the places in the test's own file."""
    file, starts = home.root / "corpus.txt", [0]
    for line in file.read_text().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = []
    for span in ORIGIN["spans"]:
        places = [
            place | {"file": str(file), "offset": starts[place["line"] - 1] + len(place["before"])}
            for place in span["places"]
        ]
        spans.append(span | {"places": places})
    return ReadingSampler(origin=ORIGIN | {"spans": spans})


async def opened(app: TalkApp, pilot: Pilot[None]) -> None:
    await pilot.press("escape", "c")
    await until(pilot, lambda: isinstance(app.screen, OriginScreen))
    await app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
def test_copies_are_marked_and_their_lines_named(home: Home, size: tuple[int, int]) -> None:
    """Marks that are only a colour; a line number that belongs to another copy."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        words = " ".join(app.text.split())
        assert "82% of 11 tokens copied · longest copy 5 · 2 of 10 pairs new · 1 of 2" in words
        assert "5 tokens, once" in app.text
        assert "› line 1" in app.text
        await pilot.press("right")
        assert "4 tokens, 12 times" in app.text
        assert "› line 2" in app.text
        assert "and 10 more" in app.text
        await pilot.press("p")
        assert "› line 30" in app.text
        await pilot.press("left")
        assert "5 tokens, once" in app.text
        await pilot.press("escape")
        assert isinstance(app.screen, TalkScreen)

    assert play(TalkApp(home, sampler_of(home)), journey, size).troubles == []


def test_it_looks_as_it_should(home: Home) -> None:
    """A change of the layout that nobody looked at; the captures are committed."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        await pilot.press("right")
        assert_same_as_capture(app, "origin_80x24")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PassageScreen))
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert_same_as_capture(app, "passage_80x24")

    play(TalkApp(home, sampler_of(home)), journey)


def test_marks_are_plain_where_characters_are(home: Home) -> None:
    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        app.terminal = Terminal(charset="ascii")
        await opened(app, pilot)
        assert "<is a popular programming language.> I do <love to code" in " ".join(
            app.text.split()
        )

    play(TalkApp(home, sampler_of(home)), journey)


def test_enter_opens_the_corpus_there_and_more_is_read_at_its_edges(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a gigabyte read into memory; the wrong line marked."""
    monkeypatch.setattr(passages, "BYTES_BEFORE_LINE", 300)
    monkeypatch.setattr(passages, "BYTES_AFTER_LINE", 300)

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Line 5 is" in app.text)
        assert " 1 Python ‹is a popular programming language.›" in app.text
        assert "Line 20" not in app.text
        for _ in range(20):
            await pilot.press("pagedown")
            await app.workers.wait_for_complete()
            await pilot.pause()
        assert "40 Line 40 is of no interest." in app.text
        await pilot.press("enter")
        await until(pilot, lambda: "Python" in app.text)
        await pilot.press("escape")
        assert isinstance(app.screen, OriginScreen)

    assert play(TalkApp(home, sampler_of(home)), journey).troubles == []


def test_the_length_of_a_copy_and_the_reply_are_chosen_by_keys(home: Home) -> None:
    """Another reply compared than the one that is shown."""
    sampler = sampler_of(home)

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "Java")
        await opened(app, pilot)
        assert "reply 2 of 2" in app.text
        await pilot.press("up")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "reply 1 of 2" in app.text
        await pilot.press("plus")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "1 of 1" in app.text
        await pilot.press("plus")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "nothing of 6 tokens" in app.text

    play(TalkApp(home, sampler), journey)
    asked = [fields for op, fields in sampler.asked if op == "origin"]
    assert [(fields["run"], fields["least"]) for fields in asked] == [
        ("lang", 4), ("lang", 4), ("lang", 5), ("lang", 6),
    ]  # fmt: skip
    assert asked[1]["text"] == TEXT


def test_progress_is_shown_and_leaving_stops_the_work(home: Home) -> None:
    """Minutes of sorting that nobody sees, or that nobody wants any more."""
    sampler = sampler_of(home)
    sampler.hold = asyncio.Event()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "c")
        await until(pilot, lambda: "Sorting the text: 50%" in app.text)
        assert "is a popular programming" in app.text
        await pilot.press("escape")
        await until(pilot, lambda: sampler.closed == 1)

    assert play(TalkApp(home, sampler), journey).troubles == []


def test_a_text_that_is_gone_is_said(home: Home) -> None:
    sampler = sampler_of(home)
    sampler.index = [InputError("The text x is no longer there.", "Put it back.")]

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        assert "no longer there" in app.text

    assert [str(one) for one in play(TalkApp(home, sampler), journey).troubles]


def test_nothing_said_nothing_to_look_up(tmp_path: Path) -> None:
    """A key that is offered and does nothing."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "c")
        await pilot.pause()
        assert isinstance(app.screen, TalkScreen)

    play(TalkApp(library(tmp_path), ReadingSampler()), journey)
