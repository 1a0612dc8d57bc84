"""The preview of tokens: every other one shaded, everything to be seen, nothing obeyed."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.support.apps import SIZES, play_widget
from tests.support.captures import screen_text
from tui.common.format import mark_spaces
from tui.common.terminal import Terminal
from tui.widgets.token_text import TokenBoxes

LINES = [
    ["Python", " is", " a", " lang", "uage", "\n"],
    ["[bold]", "[/]", " \t", "中文"],
    ["\x1b[31m"],
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("terminal", "rows"),
    [
        (Terminal(), ["Python is a language␊", "[bold][/] ␉中文", "␛[31m"]),
        (Terminal(charset="ascii"), ["Python|_is|_a|_lang|uage|␊", "[bold]|[/]|_␉|中文", "␛[31m"]),
    ],
)
def test_tokens_are_shown_as_they_are_with_bars_between_them_in_ascii(
    size: tuple[int, int], terminal: Terminal, rows: list[str]
) -> None:
    """Detects markup of a text that takes effect; a token's own space that is invisible."""

    async def act(boxes: TokenBoxes, pilot: Pilot[None]) -> None:
        boxes.show(LINES)
        await pilot.pause()
        assert [line for line in screen_text(pilot.app).split("\n") if line] == rows

    play_widget(TokenBoxes(), act, size=size, terminal=terminal)


def test_every_other_token_is_bold_and_shaded() -> None:
    """Detects boundaries that cannot be seen without colours."""

    async def act(boxes: TokenBoxes, pilot: Pilot[None]) -> None:
        boxes.show([["Python", " is", " a"]])
        await pilot.pause()
        (strip, *_) = pilot.app.screen._compositor.render_strips(pilot.app.size)
        styles = {part.text: part.style for part in strip if part.style and part.text.strip()}
        assert {text: bool(style.bold) for text, style in styles.items()} == {
            "Python": False,
            " is": True,
            " a": False,
        }
        assert styles[" is"].bgcolor != styles[" a"].bgcolor

    play_widget(TokenBoxes(), act)


def test_a_long_line_is_wrapped_and_the_previous_text_is_cleared() -> None:
    """Detects tokens beyond the right edge; tokens of the previous text."""

    async def act(boxes: TokenBoxes, pilot: Pilot[None]) -> None:
        boxes.show([["token"] * 20])
        await pilot.pause()
        shown = screen_text(pilot.app)
        assert shown.replace("\n", "").count("token") == 20
        boxes.show([])
        await pilot.pause()
        assert screen_text(pilot.app).strip() == ""

    play_widget(TokenBoxes(), act, size=(60, 20))


def test_only_the_control_codes_of_a_token_are_changed() -> None:
    """Detects a preview that shows other letters than the tokenizer has."""
    assert mark_spaces(" Äé\x00") == "·Äé␀"
