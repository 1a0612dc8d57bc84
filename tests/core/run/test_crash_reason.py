"""Why a run crashed, as far as its events tell."""

from __future__ import annotations

import pytest

from core.run.events import Event
from core.run.follow import LOW_MEMORY_BYTES, crash_reason
from core.run.history import History

LOW_MEMORY = Event("step", 0.0, 5, {"free_memory": LOW_MEMORY_BYTES - 1})
ENOUGH_MEMORY = Event("step", 0.0, 5, {"free_memory": LOW_MEMORY_BYTES})
STARTED = Event("started", 0.0, 0, {"out_of_memory_kills": 3, "boot": "another"})


@pytest.mark.parametrize(
    ("events", "kills", "killed"),
    [
        ([], None, False),
        ([STARTED, ENOUGH_MEMORY], 3, False),
        ([STARTED, ENOUGH_MEMORY], 4, True),
        ([STARTED, LOW_MEMORY], 3, True),
        ([LOW_MEMORY], 0, True),
        ([STARTED], 4, True),
        ([STARTED], None, False),  # the kernel of another machine counts its own
        ([Event("started", 0.0, 0, {"out_of_memory_kills": "x"})], 4, False),
        ([STARTED, Event("step", 0.0, 5, {"free_memory": None})], 2, False),
    ],
)
def test_a_crash_for_lack_of_memory_is_recognised(
    events: list[Event], kills: int | None, killed: bool
) -> None:
    history = History()
    history.apply_all(events)
    reason = crash_reason(history, kills)
    assert reason == ("probably killed for lack of memory" if killed else None)
