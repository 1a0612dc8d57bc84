"""The end of a trainer's log, as lines that are safe to display."""

from __future__ import annotations

import os
from pathlib import Path

from core.system.files import open_regular_file
from tui.common.sanitize import clean

MAX_BYTES = 1 << 20
MAX_LINE_CHARACTERS = 2000
OMISSION_NOTICE = "… (earlier lines omitted)"


def read_log_lines(path: Path, count: int | None = None, max_bytes: int = MAX_BYTES) -> list[str]:
    """The last lines, from at most the last `max_bytes` bytes; none if there is no log.

    Control codes are made visible and long lines are cut. If the beginning is left out, the first
    line says so, unless only `count` lines were requested.

    Raises:
        DamagedError: the log cannot be read.
    """
    try:
        with os.fdopen(open_regular_file(path), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max_bytes))
            text = file.read(max_bytes).decode(errors="replace")
    except FileNotFoundError:
        return []
    lines = [_sanitized(line) for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    if size > max_bytes:
        lines[:1] = [OMISSION_NOTICE] if count is None else []
    return lines if count is None else lines[max(0, len(lines) - count) :]


def _sanitized(line: str) -> str:
    """A line, without the states that carriage returns overwrote."""
    last = line.removesuffix("\r").rpartition("\r")[2]
    shown = clean(last[: MAX_LINE_CHARACTERS + 1]).expandtabs(4)
    return shown if len(last) <= MAX_LINE_CHARACTERS else shown[:MAX_LINE_CHARACTERS] + "…"
