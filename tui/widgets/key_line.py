"""The footer: as many keys of a screen as fit into one line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

HELP_KEYS = ("question_mark", "f1")  # at the right end
LAST_KEYS = ("escape", *HELP_KEYS)  # Back and Help are always shown


class KeyLine(Footer):
    """Textual's footer, but recomposed only when the active keys change.

    A screen refreshes its bindings at nearly every key press, mostly without a change. Textual
    would mount new widgets each time, and keep the old ones for as long as the screen lives: they
    watch `compact`, and watchers of closed widgets are dropped only when it is reported as changed.

    If not all keys fit, the last ones before Back and Help are hidden.
    """

    GAP = 2  # cells after each key

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._shown: list[tuple[str, str, bool, str]] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Recompose if the active keys differ from the shown ones."""
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
        """The keys that fit."""
        keys = list(super().compose())
        for key in keys:
            key.set_class(isinstance(key, FooterKey) and key.key in HELP_KEYS, "-help")
        self._fit(keys)
        yield from keys

    def on_resize(self) -> None:
        """Show the keys that fit into the new width."""
        self._fit(self.query(FooterKey))

    def _fit(self, widgets: Iterable[Widget]) -> None:
        keys = [widget for widget in widgets if isinstance(widget, FooterKey)]
        free = self.size.width - 1 - sum(_width(key) for key in keys if key.key in LAST_KEYS)
        for key in keys:
            if key.key not in LAST_KEYS:
                free -= _width(key)
                key.display = free >= 0


def _width(key: FooterKey) -> int:
    """The cells of a key, its description and the gaps after both."""
    return cell_len(f"{key.key_display} {key.description}") + KeyLine.GAP
