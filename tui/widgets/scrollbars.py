"""Scroll bars of whole cells, for terminals without characters for parts of one."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender

PARTS = 8


class AsciiScrollBarRender(ScrollBarRender):
    """Textual's scroll bar without its finer ends."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * PARTS
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * PARTS


def use_ascii_scrollbars() -> None:
    """Has every scroll bar of this process drawn so."""
    ScrollBar.renderer = AsciiScrollBarRender
