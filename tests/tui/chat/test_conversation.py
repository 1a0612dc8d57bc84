"""The comparison of a reply with a pinned one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.support.apps import StageApp, play
from tests.support.conversations import chat_app, home_with_lang, send
from tests.support.fake_server import FakeServer
from tui.chat.conversation import describe_difference
from tui.chat.record import Turn


def _turn(text: str, prompt: str = "Python", step: int = 256) -> Turn:
    return Turn(
        prompt=prompt, text=text, weights=str(step), step=step, tokens=1, seconds=0.1, ended="end"
    )


@pytest.mark.parametrize(
    ("pinned", "here", "description"),
    [
        (" is a dog", " is a dog", "same as pinned (step 256)"),
        (" is a dog", " is a door", "after “is a” here “door”, pinned (step 256) “dog”"),
        ("x", "y", "here “y”, pinned (step 256) “x”"),
        (" is a", "", "here the end, pinned (step 256) “is a”"),
        (" is", " is a", "here “is a”, pinned (step 256) “is”"),
        ("a\x1b[1mb", "a c", "here “a c”, pinned (step 256) “a␛[1mb”"),
    ],
)
def test_the_first_difference_is_described(pinned: str, here: str, description: str) -> None:
    """Detects half a word, an escape sequence of the model, a difference where there is none."""
    assert describe_difference(_turn(pinned), _turn(here, step=1)) == description


def test_other_prompts_are_not_compared() -> None:
    turn = _turn("x")
    assert describe_difference(turn, _turn("y", prompt="Java")) == ""
    assert describe_difference(turn, turn) == ""


def test_a_pinned_reply_is_compared_with_one_of_other_weights(tmp_path: Path) -> None:
    """Detects two replies to a prompt without a note where they differ."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Python")
        await pilot.press("escape", "equals_sign")
        await pilot.pause()
        assert "Pinned. Change weights" in app.text
        server.tokens = [" is", " a", " snake."]
        await pilot.press("comma", "r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "after “is a” here “snake.”, pinned (newest, step 500) “popular" in app.text
        await pilot.press("equals_sign", "equals_sign")
        await pilot.pause()
        assert "Unpinned." in app.text
        await pilot.press("r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.text.count("pinned (") == 1

    assert play(chat_app(home_with_lang(tmp_path), server), journey).errors == []
