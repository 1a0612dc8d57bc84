"""Panels: a border with a title from 110 columns, one rule with the title below that."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from tui.common.sanitize import one_line
from tui.common.terminal import WIDE_COLUMNS


def is_wide(widget: Widget) -> bool:
    """Whether the screen of a widget is wide enough for whole borders."""
    return widget.app.size.width >= WIDE_COLUMNS


class Panel(Vertical):
    """A part of a screen with a title, and a hint in its bottom border.

    Screens narrower than 110 columns show one rule with the title and no hint, see `app.tcss`. The
    panel with the focus has a border in the primary colour and `›` before its title.

    Args:
        children: what it contains.
        title: plain text, or styled content.
        hint: a few words for the bottom border.
    """

    def __init__(
        self,
        *children: Widget,
        title: str | Content = "",
        hint: str | Content = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(*children, id=id, classes=classes)
        self._title: str | Content = title
        self._hint: str | Content = hint
        self._shown_title = self._shown_hint = Content("")

    def on_mount(self) -> None:
        """Show title and hint."""
        self.set_title(self._title)
        self.set_hint(self._hint)

    def set_title(self, title: str | Content) -> None:
        """Replace the title."""
        self._title = title
        content = title if isinstance(title, Content) else Content(one_line(title))
        mark = "> " if self.app.has_class("-ascii") else "› "
        if self.has_focus_within and content:
            content = Content.assemble(mark, content)
        if content and not is_wide(self):  # a rule has no corner that keeps the title off it
            content = Content.assemble(" ", content, " ")
        if not content.is_same(self._shown_title):  # all of the panel is drawn again
            self.border_title = self._shown_title = content

    def set_hint(self, hint: str | Content) -> None:
        """Replace the words in the bottom border."""
        self._hint = hint
        content = hint if isinstance(hint, Content) else Content(one_line(hint))
        if not content.is_same(self._shown_hint):
            self.border_subtitle = self._shown_hint = content

    def on_resize(self) -> None:
        """Fit the title to the border or the rule."""
        self.set_title(self._title)

    def on_descendant_focus(self) -> None:
        """Mark the panel with the focus."""
        self._mark_focus()

    def on_descendant_blur(self) -> None:
        """Remove the mark."""
        self._mark_focus()

    def _mark_focus(self) -> None:
        self.set_class(self.has_focus_within, "-focused")
        self.set_title(self._title)
