"""The line of keys at the foot of a screen."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer


class KeyLine(Footer):
    """Textual's footer, composed anew only when other keys can be used.

    A screen refreshes its bindings at nearly every key, and mostly finds the same ones. Textual
    would mount new widgets each time, and keep the old ones for as long as its screen lives: they
    watch `compact`, and closed watchers are dropped only when that is said to have changed.
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
