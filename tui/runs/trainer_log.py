"""The end of a trainer's log as lines that are safe to show, however long it is. No Textual."""

from __future__ import annotations

import os
from pathlib import Path

from tui.common.sanitize import clean

MOST_BYTES = 1 << 20
LONGEST = 2000  # characters of a line
CUT = "… (the beginning is left out)"


def last_lines(path: Path, count: int | None = None, most: int = MOST_BYTES) -> list[str]:
    """The last lines, at most `count`, of at most the last `most` bytes.

    Control codes are made visible and long lines cut. Where the beginning is left out, the first
    line says so, unless only `count` were asked for.

    Raises:
        OSError: it cannot be read; a log that is not there has no lines.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read(most).decode(errors="replace")
    except FileNotFoundError:
        return []
    lines = [_line(line) for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    if size > most:
        lines[:1] = [CUT] if count is None else []
    return lines if count is None else lines[max(0, len(lines) - count) :]


def _line(raw: str) -> str:
    """One line; of one that was written over again and again the last state."""
    last = raw.removesuffix("\r").rpartition("\r")[2]
    shown = clean(last[: LONGEST + 1]).expandtabs(4)
    return shown if len(last) <= LONGEST else shown[:LONGEST] + "…"
