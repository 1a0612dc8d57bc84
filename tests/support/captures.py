"""For tests of screens: what is shown as plain lines, compared with committed files.

`CAPTURE=1 python -m pytest tests/test_app.py …` writes the files anew; look at them before
committing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.app import App

CUT = 20
FOLDER = Path(__file__).parent / "captures"


def plain(app: App[Any]) -> str:
    """The screen as lines of text."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def _hidden(line: str, hide: Sequence[str]) -> str:
    """The line without what is to be hidden, also where it was cut off at the edge."""
    for text in hide:
        line = " …" if len(line) > CUT and text.startswith(line.strip()) else line
        head, found, _ = line.partition(text)
        line = f"{head}…" if found else line
    return line


def same_as_captured(app: App[Any], name: str, *, hide: Sequence[str] = ()) -> None:
    """Compares the screen with a committed file.

    Args:
        hide: texts that differ from one run of the tests to another.
    """
    found = "\n".join(_hidden(line, hide) for line in plain(app).split("\n"))
    path = FOLDER / f"{name}.txt"
    if os.environ.get("CAPTURE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found + "\n")
    assert found + "\n" == path.read_text(), f"{name} looks otherwise; CAPTURE=1 takes it as it is"
