"""Completion of paths while they are typed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester

from tui.common.sanitize import one_line


class PathSuggester(Suggester):
    """Offers the first name in a folder that goes on as typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The path with its last name completed; None if nothing goes on so."""
        return await asyncio.to_thread(completed, value)


def completed(value: str) -> str | None:
    """See `PathSuggester`; names that a line cannot show as they are are not offered."""
    folder, slash, beginning = value.rpartition("/")
    if not beginning:
        return None
    try:
        with os.scandir(Path(folder + slash or ".").expanduser()) as entries:
            names = [
                entry.name + "/" * entry.is_dir()
                for entry in entries
                if entry.name.startswith(beginning) and one_line(entry.name) == entry.name
            ]
    except (OSError, ValueError, RuntimeError):
        return None  # no such folder, no path at all (a zero byte), or nobody's home
    return folder + slash + min(names) if names else None
