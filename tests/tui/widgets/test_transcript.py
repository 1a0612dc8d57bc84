"""The transcript: growing, scrolling, copying, and whatever a model may say."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import SELECT_ALL, Selection

from tests.support.apps import SIZES, play_widget, widget_lines, widget_rows
from tests.support.conversations import make_turn
from tui.common.terminal import Terminal
from tui.widgets.conversation_view import ConversationView, ShownTurn
from tui.widgets.transcript import Transcript

ODD = [
    ("escape \x1b[31mred\x1b]0;title\x07 \x9b2J\x7f", ""),
    ("\n[bold]markup[/] [/] [@click=app.quit]no[/]", "prompt"),
    ("\n中文字 日本語 한국어 ｆｕｌｌ", ""),
    ("\ne\u0301 a\u0308o\u0302 ", "muted"),
    ("\u0301marks", ""),
    ("\n👩\u200d🚀 ☀\ufe0f 👍🏽 🇩🇪", ""),
    ("\nשלום עולם مرحبا \u202etfel", ""),
    ("\n\tTab\r\nfeed\x0c\u2028\ud800", ""),
]


@pytest.mark.parametrize("size", SIZES)
def test_control_codes_and_wide_characters_are_shown_aligned(size: tuple[int, int]) -> None:
    """Detects escape codes that reach the terminal; a scrollbar pushed aside by wide characters."""

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.append(ODD)
        await pilot.pause()
        for row in widget_rows(shown):
            text = "".join(part.text for part in row)
            assert cell_len(text) == sum(part.cell_length for part in row) == shown.size.width
            assert text.isprintable() or all(
                c.isprintable() or c in "\u0301\u0308\u200d\ufe0f" for c in text
            )
        whole = "\n".join(widget_lines(shown))
        assert "[bold]markup[/] [/] [@click=app.quit]no[/]" in whole
        assert "中文字 日本語" in whole
        assert "👩\u200d🚀 ☀\ufe0f 👍🏽 🇩🇪" in whole
        for unsteady in "\x1b\x9b\x7f\u202e\u2028":
            assert unsteady not in whole

    play_widget(Transcript(), act, size=size)


def test_an_emoji_of_several_tokens_is_shown_as_one() -> None:
    """A family of four was shown as four people."""
    family = "👨\u200d👩\u200d👧\u200d👦"

    async def act(shown: ConversationView, pilot: Pilot[None]) -> None:
        shown.begin_turn("We are")
        for character in f" {family}":
            shown.add_tokens([(character, 0.9)])
        shown.end_turn(ShownTurn(make_turn("We are", f" {family}")))
        await pilot.pause()
        assert f"▌›We are\n▌ {family}" in "\n".join(widget_lines(shown))
        assert cell_len(family) == 2

    play_widget(ConversationView(), act)


def test_a_note_during_a_reply_is_shown_below_it() -> None:
    """Detects a note that takes the tokens, the turn or the removal of the reply before it."""

    async def act(shown: ConversationView, pilot: Pilot[None]) -> None:
        turn = make_turn("One", " two three")
        shown.begin_turn("One")
        shown.add_tokens([(" two", 0.9)])
        shown.add_note("Another run.")
        shown.add_tokens([(" three", 0.9)])
        shown.end_turn(ShownTurn(turn))
        shown.refuse_turn("It broke off.")
        lines = shown.text.split("\n")
        assert lines[:2] == ["One", "two three"]
        assert lines[3:] == ["It broke off.", "Another run."]
        await pilot.press("up")
        assert shown.chosen_turn is turn
        shown.begin_turn("Four")
        shown.add_note("A third run.")
        shown.drop_unanswered()
        assert shown.text.split("\n") == [*lines, "A third run."]
        shown.begin_turn("Five")
        shown.refuse_turn("Unknown word.")
        shown.add_note("A fourth run.")
        assert shown.last_is_unanswered
        shown.drop_unanswered()
        shown.drop_unanswered()
        assert shown.text.split("\n") == [*lines, "A third run.", "A fourth run."]

    play_widget(ConversationView(), act)


def test_text_in_pieces_is_wrapped_like_the_whole_text() -> None:
    """Detects words cut where tokens end."""
    text = "the quick brown fox jumps over the lazy dog " * 9

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        for letter in text:
            shown.append([(letter, "")])
        await pilot.pause()
        grown = widget_lines(shown)
        shown.clear()
        shown.append([(text, "")])
        await pilot.pause()
        assert widget_lines(shown) == grown
        assert shown.text == text

    play_widget(Transcript(), act)


def test_it_follows_its_end_until_the_reader_scrolls() -> None:
    """New text that pulls the reader away; a reply that grows out of sight."""

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.focus()
        shown.append([(f"{n}\n", "") for n in range(100)])
        await pilot.pause()
        assert "99" in widget_lines(shown)
        await pilot.press("pageup")
        before = widget_lines(shown)
        shown.append([("more\n", "")])
        await pilot.pause()
        assert widget_lines(shown) == before
        await pilot.press("end")
        shown.append([("last\n", "")])
        await pilot.pause()
        assert "last" in widget_lines(shown)

    play_widget(Transcript(), act)


@pytest.mark.parametrize("widths", [(80, 40, 80), (80, 200, 60)])
def test_the_visible_text_stays_in_view_when_the_width_changes(widths: tuple[int, ...]) -> None:
    """Detects a resize that loses the place in a long reply."""

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.focus()
        shown.append([(f"paragraph {n} " + "word " * 30 + "\n", "") for n in range(60)])
        await pilot.pause()
        await pilot.press(*["pageup"] * 3)
        top = next(line for line in widget_lines(shown) if line.startswith("paragraph"))
        for width in widths[1:]:
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
        assert any(line.startswith(top[:13]) for line in widget_lines(shown))

    play_widget(Transcript(), act, size=(widths[0], 24))


def test_at_the_end_it_stays_at_the_end_when_the_width_changes() -> None:
    """Detects a resize that ends the following."""

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.append([("word " * 2000, ""), ("end", "")])
        await pilot.pause()
        await pilot.resize_terminal(50, 24)
        await pilot.pause()
        assert widget_lines(shown)[-1].endswith("end")
        shown.append([(" word" * 100 + " new", "")])
        await pilot.pause()
        assert widget_lines(shown)[-1].endswith("new")

    play_widget(Transcript(), act)


def test_a_copy_has_only_the_line_breaks_of_the_text() -> None:
    """Detects pasted text broken where the window was narrow, or a character off beside wide
    ones.
    """
    text = "中文 " + "word " * 40 + "\nsecond\n"

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.append([("› ", "accent"), (text, "")])
        await pilot.pause()
        cases: list[tuple[Selection, str]] = [
            (SELECT_ALL, f"› {text}"),
            (Selection(Offset(2, 0), Offset(8, 0)), "中文 wor"),
            (Selection(Offset(100, 0), Offset(3, 1)), f"› {text}"[100:-4]),
            (Selection(Offset(0, 2), None), ""),
            (Selection(Offset(3, 7), Offset(1, 9)), ""),
        ]
        for selection, wanted in cases:
            assert shown.get_selection(selection)[0] == wanted

    play_widget(Transcript(), act, size=(60, 20))


def test_the_mouse_selects_what_is_under_it_and_that_is_marked() -> None:
    """Detects a mark on other cells than those copied, in lines that wrapped and beside wide
    characters.
    """

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.append([("中文字 one two three four five six seven", "")])
        await pilot.pause()
        await pilot.mouse_down(shown, offset=(5, 0))
        await pilot.hover(shown, offset=(5, 1))
        await pilot.mouse_up(shown, offset=(5, 1))
        await pilot.pause()
        chosen = pilot.app.screen.get_selected_text()
        assert chosen
        background = pilot.app.screen.get_component_rich_style("screen--selection").bgcolor
        marked = "".join(
            part.text
            for row in widget_rows(shown)
            for part in row
            if part.style and part.style.bgcolor == background
        )
        assert marked == chosen

    play_widget(Transcript(), act, size=(24, 10))


@pytest.mark.parametrize("terminal", [Terminal(), Terminal(theme="ansi-dark", colour=False)])
def test_typed_text_is_distinguished_without_colour(terminal: Terminal) -> None:
    """Detects prompt and continuation that look the same on a monochrome terminal."""

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.append([("typed ", "prompt"), ("said", "")])
        await pilot.pause()
        bold = {part.text: bool(part.style and part.style.bold) for part in widget_rows(shown)[0]}
        assert bold["typed "]
        assert not bold["said"]

    play_widget(Transcript(), act, terminal=terminal)


def test_appending_to_a_megabyte_is_as_fast_as_to_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detects an append that wraps or draws all that came before."""
    drawn: list[Any] = []

    async def act(shown: Transcript, pilot: Pilot[None]) -> None:
        shown.append([("lorem ipsum dolor\n" * 55_000, "")])
        await pilot.pause()
        whole = Transcript._strip
        monkeypatch.setattr(
            Transcript, "_strip", lambda self, line: drawn.append(line) or whole(self, line)
        )
        refreshed: list[tuple[int, int]] = []
        monkeypatch.setattr(shown, "refresh_lines", lambda a, n: refreshed.append((a, n)))
        shown.append([(" sit", "")])
        assert refreshed == [(55_000, 1)]
        await pilot.pause()
        assert len(drawn) <= 24

    play_widget(Transcript(), act)
