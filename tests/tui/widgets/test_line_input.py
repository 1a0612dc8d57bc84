"""The keys of one-line inputs and of the prompt, on characters made of several."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.support.apps import play_widget
from tui.screens.dialogs import LineDialog
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.widgets.line_input import LineInput
from tui.widgets.prompt import Prompt

GRAPHEMES = ["☀\ufe0f", "👨\u200d👩\u200d👧\u200d👦", "👍🏽", "e\u0301"]


def _text(field: LineInput | Prompt) -> str:
    return field.value if isinstance(field, LineInput) else field.text


@pytest.mark.parametrize("grapheme", GRAPHEMES)
@pytest.mark.parametrize("kind", [LineInput, Prompt])
def test_keys_move_over_and_delete_whole_emoji(
    kind: type[LineInput] | type[Prompt], grapheme: str
) -> None:
    """Detects half an emoji that is left, and a cursor inside one."""

    async def act(field: LineInput | Prompt, pilot: Pilot[None]) -> None:
        async def type_anew(*keys: str) -> str:
            field.clear()
            field.insert(f"a{grapheme}b", 0) if isinstance(field, LineInput) else field.insert(
                f"a{grapheme}b"
            )
            await pilot.press("end", *keys)
            return _text(field)

        field.focus()
        assert await type_anew("left", "backspace") == "ab"
        assert await type_anew("left", "left", "delete") == "ab"
        assert await type_anew("left", "left", "x") == f"ax{grapheme}b"
        assert await type_anew("left", "left", "right", "x") == f"a{grapheme}xb"
        assert await type_anew("home", "right", "right", "right", "x") == f"a{grapheme}bx"
        assert await type_anew("left", "shift+left", "delete") == "ab"
        assert await type_anew("left", "left", "shift+right", "delete") == "ab"
        assert await type_anew(*["left"] * 5, "backspace", "delete") == f"{grapheme}b"
        assert await type_anew(*["backspace"] * 4) == ""
        assert await type_anew("shift+home", "delete") == ""
        assert await type_anew("shift+home", "left", "x") == f"xa{grapheme}b"
        assert await type_anew("shift+home", "right", "x") == f"a{grapheme}bx"

    play_widget(kind(), act)


def test_the_cursor_of_a_long_line_is_moved_at_once() -> None:
    """Detects work that grows with the length of the line."""

    async def act(field: LineInput, pilot: Pilot[None]) -> None:
        field.focus()
        field.value = "☀\ufe0f" * 50_000
        await pilot.press("end", "left", "backspace", "x")
        assert field.value == "☀\ufe0f" * 49_998 + "x" + "☀\ufe0f"

    play_widget(LineInput(), act)


def test_every_one_line_input_of_the_app_is_edited_by_graphemes() -> None:
    """Detects an input of Textual's own, whose keys take half an emoji."""
    for owner in (LineDialog, ModelsScreen, NewCorpusScreen):
        composing = vars(owner).get("compose") or vars(owner).get("body") or owner.input
        names = composing.__code__.co_names
        assert "LineInput" in names
        assert Input.__name__ not in names
