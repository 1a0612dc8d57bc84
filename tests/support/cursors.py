"""Cursor with a text of the fake server's vocabulary."""

from __future__ import annotations

from core.paths import Home
from tests.support.apps import StageApp
from tests.support.fake_server import FakeServer
from tui.common.sampling_settings import SamplingControls
from tui.common.terminal import Terminal
from tui.screens.cursor import CursorScreen

TEXT = "Python is a popular"
IDS = [1, 3, 4, 5, 6]


def cursor_app(
    home: Home,
    server: FakeServer,
    controls: SamplingControls | None = None,
    terminal: Terminal | None = None,
) -> StageApp:
    """Return an app that shows Cursor at the end of TEXT."""
    return StageApp(CursorScreen("lang", "last", TEXT, (), controls), home, server, terminal)


def cursor_screen(app: StageApp) -> CursorScreen:
    """Return the present screen."""
    assert isinstance(app.screen, CursorScreen)
    return app.screen


def path_text(app: StageApp) -> str:
    """Return the text of the present path."""
    return "".join(token.text for token in cursor_screen(app).cursor.path)
