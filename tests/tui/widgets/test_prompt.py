"""The prompt by keys: sending, new lines, recalling, pasting."""

from __future__ import annotations

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from tests.support.apps import SIZES, StageApp, play_widget
from tui.common.terminal import Terminal
from tui.widgets.prompt import Prompt


def submitted(app: StageApp) -> list[str]:
    return [message.text for message in app.messages if isinstance(message, Prompt.Submitted)]


def test_enter_sends_and_ctrl_j_begins_a_line() -> None:
    """Detects a newline in the text instead of a reply; two lines that are sent as two prompts."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        await pilot.press("a", "ctrl+j", "b", "enter")

    assert submitted(play_widget(Prompt(), act)) == ["a\nb"]


@pytest.mark.parametrize("size", SIZES)
def test_it_grows_to_five_rows_and_no_further(size: tuple[int, int]) -> None:
    """Detects a prompt that hides the conversation, or its own second line."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        heights = [prompt.size.height]
        for _ in range(6):
            await pilot.press("ctrl+j")
            await pilot.pause()
            heights.append(prompt.size.height)
        assert heights == [1, 2, 3, 4, 5, 5, 5]

    play_widget(Prompt(), act, size=size)


def test_a_long_line_wraps_into_rows() -> None:
    """Detects the end of a long prompt scrolled out of sight."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        prompt.insert("word " * 30)
        await pilot.pause()
        assert prompt.size.height == 3

    play_widget(Prompt(), act, size=(60, 20))


def test_up_and_down_walk_what_was_sent_and_come_back() -> None:
    """Detects a half-typed prompt that is lost when an earlier one is recalled."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        for letter in "ab":
            await pilot.press(letter, "enter")
            prompt.text = ""
        await pilot.press("x", "up")
        assert prompt.text == "b"
        await pilot.press("up", "up")
        assert prompt.text == "a"
        await pilot.press("down")
        assert prompt.text == "b"
        await pilot.press("down")
        assert prompt.text == "x"
        await pilot.press("down")
        assert prompt.text == "x"

    play_widget(Prompt(), act)


def test_within_rows_the_arrows_move_the_cursor() -> None:
    """Detects an Up in the second row of a long line that discards the line."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        prompt.text = long = "word " * 20
        await pilot.pause()
        prompt.move_cursor(prompt.document.end)
        await pilot.press("up")
        assert prompt.text == long
        await pilot.press("up")
        assert prompt.text == "a"
        prompt.text = "one\ntwo"
        prompt.move_cursor((0, 0))
        await pilot.press("down")
        assert (prompt.text, prompt.cursor_location[0]) == ("one\ntwo", 1)

    play_widget(Prompt(), act, size=(60, 20))


def test_with_nothing_sent_the_arrows_do_nothing() -> None:
    """Detects an empty history that empties the line."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        await pilot.press("a", "up", "down")
        assert prompt.text == "a"

    play_widget(Prompt(), act)


def test_a_paste_keeps_its_lines_replaces_what_is_selected_and_is_cleaned() -> None:
    """Detects a paste that sends its first line or keeps the selection; escape codes; a BOM."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        await pilot.press("x", "y", "shift+left")
        prompt.post_message(Paste("\ufeffone\r\ntwo\rthree\x1b[0m"))
        await pilot.pause()
        assert prompt.text == "xone\ntwo\nthree␛[0m"
        await pilot.press("!")
        assert prompt.text.endswith("[0m!")
        await pilot.press("enter")

    assert submitted(play_widget(Prompt(), act)) == ["xone\ntwo\nthree␛[0m!"]


@pytest.mark.parametrize("remote", [True, False])
def test_its_cursor_does_not_blink_over_a_slow_line(remote: bool) -> None:
    """Detects an idle prompt that keeps sending bytes."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        assert prompt.cursor_blink is not remote

    play_widget(Prompt(), act, terminal=Terminal(remote=remote))


def test_every_key_says_what_it_does() -> None:
    """Detects a binding that the help cannot explain."""
    own = Prompt._merged_bindings
    assert own is not None
    assert all(b.tooltip for b in Prompt.BINDINGS if not isinstance(b, tuple))


@pytest.mark.parametrize("emoji", ["☀\ufe0f", "👨\u200d👩\u200d👧\u200d👦", "e\u0301"])
def test_backspace_deletes_a_whole_emoji(emoji: str) -> None:
    """It took the variation selector and left another sign."""

    async def act(prompt: Prompt, pilot: Pilot[None]) -> None:
        prompt.focus()
        prompt.insert(f"a{emoji}")
        await pilot.press("backspace")
        assert prompt.text == "a"
        await pilot.press("backspace", "backspace")
        assert prompt.text == ""
        prompt.insert("one\ntwo")
        await pilot.press(*["backspace"] * 4)
        assert prompt.text == "one"

    play_widget(Prompt(), act)
