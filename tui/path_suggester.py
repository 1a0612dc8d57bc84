"""Completion of paths while they are typed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester


class PathSuggester(Suggester):
    """Offers the first name in a folder that goes on as typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The path with its last name completed; None if nothing goes on so."""
        return await asyncio.to_thread(completed, value)


def completed(value: str) -> str | None:
    """See `PathSuggester`."""
    typed, _, beginning = value.rpartition("/")
    folder = Path(f"{typed}/" if "/" in value else ".").expanduser()
    if not value or not beginning:
        return None
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                e.name + "/" * e.is_dir() for e in entries if e.name.startswith(beginning)
            )
    except OSError:
        return None
    return f"{typed}/{names[0]}" if names and "/" in value else names[0] if names else None
