"""How a model continues one prompt, from its first steps to the newest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from core.run.history import SampleRow
from tui.runs.sample_text import fit_blocks, join_blocks, sample_blocks


class SampleList(ScrollView, can_focus=True):
    """A choice of samples that fits; all of them, to scroll through, while it has the focus.

    Args:
        is_compact: one line for each, without the prompt.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "Up", show=False),
        Binding("down", "scroll_down", "Down", show=False),
    ]
    DEFAULT_CSS = """
    SampleList { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    def __init__(self, *, is_compact: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: list[SampleRow] = []
        self._lines: list[Content] = []
        self._is_compact = is_compact
        self._shows_all = False

    def show(self, samples: Sequence[SampleRow], *, is_compact: bool | None = None) -> None:
        """Show these samples, oldest first."""
        is_compact = self._is_compact if is_compact is None else is_compact
        if (self._samples, self._is_compact) != (list(samples), is_compact):
            self._samples, self._is_compact = list(samples), is_compact
            self._arrange()

    def _arrange(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        blocks = sample_blocks(self._samples, width, is_compact=self._is_compact)
        if self._shows_all:
            self._lines = join_blocks(blocks, is_spaced=not self._is_compact)
        else:
            self._lines = fit_blocks(blocks, height)
        if len(self._lines) != self.virtual_size.height:
            self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Wrap the samples again."""
        self._arrange()

    def on_focus(self) -> None:
        """Show all samples, the newest in view."""
        self._show_all()

    def on_blur(self) -> None:
        """Show those that fit."""
        self._shows_all = False
        self._arrange()
        self.scroll_to(y=0, animate=False, immediate=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show all samples, to scroll through."""
        self._show_all()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show all samples, to scroll through."""
        self._show_all()

    def _show_all(self) -> None:
        if not self._shows_all:
            self._shows_all = True
            self._arrange()
            self.scroll_end(animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """A visible line."""
        width, index = self.size.width, y + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[index]
        return Visual.to_strips(self, line, width, 1, self.visual_style, pad=True)[0]
