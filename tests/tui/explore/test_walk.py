"""A walk whose session was closed behind its back goes on where it stood."""

from __future__ import annotations

import asyncio

from tests.support.step_stage import StepSampler
from tui.explore.walk import Walk

GREEDY: dict[str, object] = {"temperature": 0, "top_k": 0}


def test_a_closed_session_is_opened_again_where_it_stood() -> None:
    """The sampler was started anew for another screen, or had too many sessions open."""

    async def journey() -> None:
        sampler = StepSampler()
        walk = Walk(sampler, "poem", "last", "a")
        await walk.pick(GREEDY, 3)
        await walk.pick(GREEDY, 4)
        sampler.sessions.clear()
        assert (await walk.undo(GREEDY)).picked is None
        assert walk.chosen == [3]
        for act in (
            walk.find("a", GREEDY),
            walk.onward(GREEDY, 2),
            walk.look(GREEDY),
            walk.pick(GREEDY, 4),
        ):
            sampler.sessions.clear()
            await act
        assert walk.chosen == [3, 4]
        (kept,) = sampler.sessions.values()
        assert kept[1][-2:] == [3, 4]

    asyncio.run(journey())
