"""Opening the application on this terminal, or saying why not."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from core.paths import Home

WORD = """minigpt-tui trains a GPT on a text and lets it go on from what you write:

  minigpt-tui train lang
  minigpt-tui generate lang Python

On a terminal, `minigpt-tui` alone opens the application. `minigpt-tui corpora` lists the texts
that come along, `--help` all commands."""


def can_open(environ: Mapping[str, str]) -> bool:
    """Whether there is a terminal that can show screens."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return terminal and environ.get("TERM", "dumb") != "dumb"


def open_app(home: Home, *, ascii_only: bool) -> int:
    """Runs the application until it is left; its exit code."""
    # Read by Textual when it is imported.
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from tui.app import MiniGPTApp
    from tui.look import look_of

    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    app = MiniGPTApp(home, look_of(os.environ, encoding, ascii=ascii_only))
    app.run()
    return app.return_code or 0
