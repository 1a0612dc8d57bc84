"""Blank with a model server of its own: encoders of words, letters and byte-level BPE."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.paths import Home
from tests.support.apps import StageApp, play, press
from tests.support.blanks import blank_screen
from tests.support.runs import tiny_run
from tui.common.client import ServerClient
from tui.common.messages import OpenInside
from tui.explore.blank_game import Player
from tui.screens.blank import BlankScreen

pytestmark = pytest.mark.slow

TEXT = "the cat sat on the mat"


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_words_are_masked_filled_and_guessed(tmp_path: Path, kind: str) -> None:
    """Detects a place, a word or a token that the screen and the server count differently."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    tiny_run(home, "blanks", kind, architecture="eurobert")
    tiny_run(home, "words", kind)
    client = ServerClient(home)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        session = blank_screen(app).session
        assert session.decoder == "words"
        assert "[the]cat sat on the mat" in app.text
        await press(app, pilot, "right", "space", "end", "space")
        text = session.text
        assert text.text().split(" ")[0] == "the"
        masked = {place for number in text.masked_words for place in text.words[number]}
        assert [place.place for place in session.places or ()] == sorted(masked)
        assert [text.word_text(word).strip() for word in text.masked_words] == ["cat", "mat"]
        for _ in text.word:
            await press(app, pilot, "enter")
        assert not text.is_masked
        assert session.place is not None
        assert session.place.original is not None
        assert "instead of" in app.text
        await press(app, pilot, "escape")
        assert text.text() == TEXT
        for _ in range(2):
            await press(app, pilot, "m")
            while session.is_guessing:
                assert session.round is not None
                app.screen.query_one(Input).value = session.round.truth[text.at]
                await press(app, pilot, "enter")
        assert set(session.score.right) == set(Player)
        assert session.score.right[Player.YOU] == session.score.asked[Player.YOU] > 0
        await press(app, pilot, "escape", "i")
        (inside,) = app.posted(OpenInside)
        assert (inside.prompt, inside.position) == (TEXT, text.place)

    async def close_after(app: StageApp, pilot: Pilot[None]) -> None:
        try:
            await journey(app, pilot)
        finally:
            await client.close()

    app = play(StageApp(BlankScreen("blanks", text=TEXT), home, client), close_after)
    assert app.errors == []
