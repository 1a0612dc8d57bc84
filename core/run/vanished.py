"""Why a trainer may have vanished without a word, from what it said before."""

from __future__ import annotations

from collections.abc import Mapping

from core.run.events import STARTED, STEP, Event
from core.system.host import this_host
from core.system.machine import out_of_memory_kills

LITTLE = 256 * 2**20


def why_vanished(last: Mapping[str, Event], kills: int | None = None) -> str:
    """A few words, or none where nothing hints at a reason.

    Args:
        last: the last event of each type.
        kills: processes the kernel that it ran on has killed for lack of memory by now; looked
            up if None, where that kernel is ours.
    """
    started, step = last.get(STARTED), last.get(STEP)
    before = started.whole("out_of_memory_kills") if started else None
    if kills is None:
        ours = started is not None and started.text("boot") == this_host().boot
        kills = out_of_memory_kills() if ours else 0
    left = step.whole("free_memory") if step else None
    killed = before is not None and kills > before
    if killed or (left is not None and left < LITTLE):
        return "probably killed for lack of memory"
    return ""
