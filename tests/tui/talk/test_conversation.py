"""Where two replies to one prompt part: in words, and by keys in Talk."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.support.talk_stage import FakeSampler, TalkApp, library, play, say
from tui.talk.conversation import parting
from tui.talk.record import Turn


def _turn(text: str, prompt: str = "Python", step: int = 256) -> Turn:
    return Turn(
        prompt=prompt, text=text, weights=str(step), step=step, tokens=1, seconds=0.1, ended="end"
    )


@pytest.mark.parametrize(
    ("pinned", "here", "said"),
    [
        (" is a dog", " is a dog", "the same as pinned (step 256)"),
        (" is a dog", " is a door", "after “is a” here “door”, pinned (step 256) “dog”"),
        ("x", "y", "here “y”, pinned (step 256) “x”"),
        (" is a", "", "here the end, pinned (step 256) “is a”"),
        (" is", " is a", "here “is a”, pinned (step 256) “is”"),
        ("a\x1b[1mb", "a c", "here “a c”, pinned (step 256) “a␛[1mb”"),
    ],
)
def test_where_they_part(pinned: str, here: str, said: str) -> None:
    """Half a word, an escape of the model's, a difference that is none."""
    assert parting(_turn(pinned), _turn(here, step=1)) == said


def test_other_prompts_are_not_compared() -> None:
    turn = _turn("x")
    assert parting(turn, _turn("y", prompt="Java")) == ""
    assert parting(turn, turn) == ""


def test_a_reply_is_pinned_beside_those_of_other_weights(tmp_path: Path) -> None:
    """The same prompt at two snapshots, and no word on where they differ."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "Python")
        await pilot.press("escape", "equals_sign")
        await pilot.pause()
        assert "Pinned. Turn to other weights" in app.text
        sampler.tokens = [" is", " a", " snake."]
        await pilot.press("comma", "r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "after “is a” here “snake.”, pinned (newest, step 500) “popular" in app.text
        await pilot.press("equals_sign", "equals_sign")
        await pilot.pause()
        assert "Nothing is pinned now." in app.text
        await pilot.press("r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.text.count("pinned (") == 1

    assert play(TalkApp(library(tmp_path), sampler), journey).troubles == []
