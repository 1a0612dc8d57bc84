"""Captures of screens: the screen as text, compared with committed files.

Run the tests with the environment variable CAPTURE=1 to write the files, and look at the diff.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.app import App

MIN_CUT_CELLS = 20  # a hidden text is recognised without its end if so much of it is shown
FOLDER = Path(__file__).parent / "captures"


def screen_text(app: App[Any]) -> str:
    """The screen as lines of text."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def assert_same_as_capture(app: App[Any], name: str, *, hide: Sequence[str] = ()) -> None:
    """Compare the screen with a committed file.

    Args:
        hide: texts that differ between runs of the tests; shown as "…".
    """
    text = "\n".join(_hide(line, hide) for line in screen_text(app).split("\n")) + "\n"
    path = FOLDER / f"{name}.txt"
    if os.environ.get("CAPTURE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), f"{name} differs; CAPTURE=1 accepts it"


def _hide(line: str, hide: Sequence[str]) -> str:
    """Replace the texts to hide, also where the edge of the screen cuts them off."""
    for text in hide:
        if len(line) > MIN_CUT_CELLS and text.startswith(line.strip()):
            line = " …"
        head, match, _ = line.partition(text)
        line = f"{head}…" if match else line
    return line
