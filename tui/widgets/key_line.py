"""The line of keys at the foot of a screen."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

LAST_KEYS = ("escape", "question_mark")  # the way out, and to all other keys


class KeyLine(Footer):
    """Textual's footer, composed anew only when other keys can be used.

    A screen refreshes its bindings at nearly every key, and mostly finds the same ones. Textual
    would mount new widgets each time, and keep the old ones for as long as its screen lives: they
    watch `compact`, and closed watchers are dropped only when that is said to have changed.

    Where not all keys have room the way out stays, and the way to those that are left out.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._shown: list[tuple[str, str, bool, str]] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Shows the keys that can be used now."""
        shown = [
            (binding.key, binding.description, enabled, tooltip)
            for _, binding, enabled, tooltip in screen.active_bindings.values()
            if binding.show
        ]
        if shown == self._shown:
            return
        if screen.app.app_focus:
            self._shown = shown
        self.mutate_reactive(Footer.compact)
        super().bindings_changed(screen)

    def compose(self) -> ComposeResult:
        """As many keys as have room."""
        keys = list(super().compose())
        self._fit(keys)
        yield from keys

    def on_resize(self) -> None:
        """Others have room now."""
        self._fit(self.query(FooterKey))

    def _fit(self, widgets: Iterable[Widget]) -> None:
        keys = [widget for widget in widgets if isinstance(widget, FooterKey)]
        room = self.size.width - sum(_cells(key) for key in keys if key.key in LAST_KEYS)
        for key in keys:
            if key.key not in LAST_KEYS:
                room -= _cells(key)
                key.display = room >= 0


def _cells(key: FooterKey) -> int:
    """Of a key, what it does, and the gap behind them."""
    return cell_len(f"{key.key_display} {key.description} ")
