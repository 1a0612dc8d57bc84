"""Scroll bars without Unicode block characters, for ASCII terminals."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender

GLYPHS_PER_CELL = 8


class AsciiScrollBarRender(ScrollBarRender):
    """Textual's scroll bar with ends at whole cells."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * GLYPHS_PER_CELL
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * GLYPHS_PER_CELL


def use_ascii_scrollbars() -> None:
    """Replace the renderer of all scroll bars of this process."""
    ScrollBar.renderer = AsciiScrollBarRender
