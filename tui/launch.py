"""Opening the application on this terminal, or saying why not."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.errors import InputError
from core.paths import Home
from tui.common import terminal as plain
from tui.common.terminal import ASCII, Terminal, detect_terminal

if TYPE_CHECKING:
    from tui.common.client import ModelClient
    from tui.common.messages import GoStep, GoTalk

WORD = """minigpt-tui trains a GPT on a text and lets it go on from what you write:

  minigpt-tui train lang
  minigpt-tui generate lang Python
  minigpt-tui talk lang

On a terminal, `minigpt-tui` alone opens the application. `minigpt-tui corpora` lists the texts
that come along, `--help` all commands."""


def can_open(environ: Mapping[str, str]) -> bool:
    """Whether there is a terminal that can show screens, and nobody asked for plain lines."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and not plain.wanted(environ)
    return terminal and environ.get("TERM", "dumb") != "dumb"


def prepare(*, ascii_only: bool) -> Terminal:
    """How this terminal is drawn on; Textual is told before it is imported, as it looks only then.

    Without colours this is what matters: a theme chosen later is painted black on black.
    """
    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    look = detect_terminal(os.environ, encoding, ascii=ascii_only)
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ["TEXTUAL_THEME"] = look.theme
    return look


def open_app(
    home: Home,
    *,
    ascii_only: bool,
    sampler: ModelClient | None = None,
    first: GoStep | GoTalk | None = None,
) -> int:
    """Runs the application until it is left; its exit code.

    Args:
        sampler: the way to the model; a process of its own unless given.
        first: where to go at once.

    Raises:
        InputError: TEXTUAL_THEME names no theme.
    """
    gc.disable()  # looking for garbage among modules takes a tenth of the way to the first frame
    look = prepare(ascii_only=ascii_only)
    from textual.app import InvalidThemeError

    from tui.app import MiniGPTApp

    if look.charset == ASCII:
        from tui.widgets.scrollbars import draw_plain_bars

        draw_plain_bars()
    try:
        app = MiniGPTApp(home, look, sampler, first)
    except InvalidThemeError as error:
        hint = "Set TEXTUAL_THEME to textual-dark, textual-light or ansi-dark, or unset it."
        raise InputError(f"There is no theme {look.theme!r}.", hint) from error
    app.run()
    return app.return_code or 0
