"""Detection of the terminal, and a visible screen without colours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tui.common.terminal import (
    ASCII,
    BLOCK,
    BRAILLE,
    DEFAULT_THEME,
    NO_COLOUR_THEME,
    Terminal,
    detect_terminal,
)

PROGRAM = """
import asyncio, sys
from tui.launch import configure_terminal
terminal = configure_terminal(ascii_only=False)
assert "textual" not in sys.modules
from textual.app import App
from textual.widgets import Static

class Words(App):
    def compose(self):
        yield Static("words")

async def show():
    app = Words()
    app.theme = terminal.theme
    async with app.run_test() as pilot:
        await pilot.pause()
        strips = app.screen._compositor.render_strips(app.size)
        styles = [part.style for strip in strips for part in strip]
        print({color.name for style in styles for color in (style.color, style.bgcolor) if color})

asyncio.run(show())
"""


@pytest.mark.parametrize(
    ("environ", "encoding", "ascii", "expected"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", False, Terminal()),
        ({"TERM": "tmux-256color"}, "UTF8", False, Terminal()),
        ({"TERM": "xterm-256color"}, "utf-8", True, Terminal(charset=ASCII)),
        ({"TERM": "xterm-256color"}, "ascii", False, Terminal(charset=ASCII)),
        ({"TERM": "xterm-256color"}, "iso8859-1", False, Terminal(charset=ASCII)),
        ({"TERM": "linux"}, "utf-8", False, Terminal(charset=ASCII)),
        ({"TERM": "dumb"}, "utf-8", False, Terminal(charset=ASCII)),
        ({"TERM": "screen"}, "utf-8", False, Terminal(charset=BLOCK)),
        ({"TERM": "screen"}, "utf-8", True, Terminal(charset=ASCII)),
        ({}, "utf-8", False, Terminal(charset=BRAILLE)),
        ({"NO_COLOR": "1"}, "utf-8", False, Terminal(theme=NO_COLOUR_THEME, colour=False)),
        ({"NO_COLOR": ""}, "utf-8", False, Terminal(theme=NO_COLOUR_THEME, colour=False)),
        ({"TEXTUAL_THEME": "nord"}, "utf-8", False, Terminal(theme="nord")),
        ({"TEXTUAL_THEME": ""}, "utf-8", False, Terminal(theme=DEFAULT_THEME)),
        ({"SSH_CONNECTION": "::1 1 ::1 22"}, "utf-8", False, Terminal(remote=True)),
        ({"SSH_TTY": "/dev/pts/1"}, "utf-8", False, Terminal(remote=True)),
    ],
)
def test_terminal_is_detected(
    environ: Mapping[str, str], encoding: str, ascii: bool, expected: Terminal
) -> None:
    assert detect_terminal(environ, encoding, ascii=ascii) == expected


def test_without_colours_the_screen_uses_default_colours() -> None:
    """Textual paints black on black if its theme is set after the import."""
    environment = {k: v for k, v in os.environ.items() if k != "TEXTUAL_THEME"} | {"NO_COLOR": "1"}
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (process.stdout, process.returncode) == ("{'default'}\n", 0), process.stderr
