"""The list of themes in the command palette."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.theme import ThemeProvider

if TYPE_CHECKING:
    from typing import Protocol

    class ThemeChooser(Protocol):
        """An app that remembers the theme."""

        def choose_theme(self, name: str) -> None: ...


class RememberedThemes(ThemeProvider):
    """All themes by name; the chosen one is also used by the next start."""

    @property
    def commands(self) -> list[tuple[str, Callable[[], None]]]:
        """The name of each theme, and what choosing it does."""
        app = cast("ThemeChooser", self.app)
        names = sorted(self.app.available_themes)
        return [(name, partial(app.choose_theme, name)) for name in names]
