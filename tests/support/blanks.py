"""Texts with blanks, as the model server lists them, and the Blank screen with one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.paths import Home
from core.run.directory import Run
from core.server.replies import FillPlace
from core.server.tokens import FillToken, RankedToken, TokenCount, TokenProbability
from core.system.files import write_json
from core.text.messages import FILL
from tests.support.apps import StageApp
from tests.support.conversations import home_with_lang
from tests.support.fake_server import FakeServer
from tests.support.runs import run_record
from tui.common.terminal import Terminal
from tui.explore.blank_text import BlankText
from tui.screens.blank import BlankScreen

TEXT = "Python is [] popular language."
MASK = 99


def blank_text(*words: str | Sequence[str]) -> BlankText:
    """A text between special tokens; a word is one token, or the tokens it is made of."""
    tokens = [FillToken(1, "", None)]
    for number, word in enumerate(words):
        pieces = [word] if isinstance(word, str) else list(word)
        for index, piece in enumerate(pieces):
            lead = " " if number and not index else ""
            id = MASK if piece == "[]" else 100 * number + index + 10
            tokens.append(FillToken(id, f"{lead}{piece}", number))
    return BlankText([*tokens, FillToken(2, "", None)])


def fill_place(
    text: BlankText,
    place: int,
    guesses: Sequence[str],
    decoder: Sequence[str] | None = None,
    counts: dict[str, int] | None = None,
    total: int | None = None,
) -> FillPlace:
    """What belongs at a place: the guesses halve in probability; their ids are those of words."""
    ids = {token.text.strip(): token.id for token in text.tokens}

    def listed(words: Sequence[str]) -> list[TokenProbability]:
        return [
            TokenProbability(ids.get(word, 1000 + len(word)), f" {word}", 0.5 ** (rank + 1))
            for rank, word in enumerate(words)
        ]

    token = text.tokens[place]
    original = None if token.id == MASK else RankedToken(token.id, token.text, 9, 0.001)
    return FillPlace(
        place=place,
        candidates=listed(guesses),
        original=original,
        decoder=None if decoder is None else listed(decoder),
        decoder_original=None if decoder is None else original,
        counts=None
        if counts is None
        else [TokenCount(ids.get(word, 0), f" {word}", n) for word, n in counts.items()],
        total=total if total is not None else sum((counts or {}).values()),
    )


def home_with_encoder(root: Path) -> Home:
    """Make the run lang of `home_with_lang`, an encoder."""
    home = home_with_lang(root)
    make_encoder(Run(home.runs / "lang"))
    return home


def make_encoder(run: Run) -> None:
    """Have a run's record say that it fills in blanks."""
    record = run_record(format=1)
    record["corpus"] |= {"task": FILL}
    write_json(run.record, record)


def blank_app(
    home: Home, server: FakeServer, text: str = TEXT, terminal: Terminal | None = None
) -> StageApp:
    """Return an app that shows Blank with a text."""
    return StageApp(BlankScreen("lang", text=text), home, server, terminal)


def blank_screen(app: StageApp) -> BlankScreen:
    """Return the present screen."""
    assert isinstance(app.screen, BlankScreen)
    return app.screen
