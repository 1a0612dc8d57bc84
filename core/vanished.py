"""Why a trainer may have vanished without a word, from what it said before. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from core.events import STARTED, STEP, Event
from core.machine import out_of_memory_kills

LITTLE = 256 * 2**20


def why_vanished(last: Mapping[str, Event], kills: int | None = None) -> str:
    """A few words, or none where nothing hints at a reason.

    Args:
        last: the last event of each type.
        kills: processes the kernel has killed for lack of memory by now; looked up if None.
    """
    if kills is None:
        kills = out_of_memory_kills()
    started, step = last.get(STARTED), last.get(STEP)
    before = started.whole("out_of_memory_kills") if started else None
    left = step.whole("free_memory") if step else None
    killed = before is not None and kills > before
    if killed or (left is not None and left < LITTLE):
        return "probably killed for lack of memory"
    return ""
