"""Detection of the terminal, and a visible screen without colours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

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
import asyncio, os, sys
from pathlib import Path
from tui.app import MiniGPTApp  # imports Textual before the terminal is detected
from tests.support.fake_server import FakeServer
from core.paths import find_home
from tui.common.terminal import detect_terminal

async def show():
    terminal = detect_terminal(os.environ, "utf-8")
    app = MiniGPTApp(find_home(Path(sys.argv[1])), terminal, FakeServer())
    async with app.run_test() as pilot:
        await pilot.pause()
        strips = app.screen._compositor.render_strips(app.size)
        strips = [strip.apply_filter(f, app.screen.styles.background)
                  for strip in strips for f in app._filters if f.enabled]
        styles = [part.style for strip in strips for part in strip if part.style]
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


@pytest.mark.parametrize("theme", [{}, {"TEXTUAL_THEME": "textual-light"}])
def test_without_colours_the_screen_uses_default_colours(
    theme: dict[str, str], tmp_path: Path
) -> None:
    """Whatever was imported first; black on black was painted if Textual was."""
    environment = {k: v for k, v in os.environ.items() if k != "TEXTUAL_THEME"} | {"NO_COLOR": "1"}
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=environment | theme,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (process.stdout, process.returncode) == ("{'default'}\n", 0), process.stderr
