"""A step session whose server session was closed continues at the same position."""

from __future__ import annotations

import asyncio

from core.config.configs import SamplingConfig
from tests.support.fake_server import FakeServer
from tui.explore.step_session import StepSession

GREEDY = SamplingConfig()


def test_a_closed_session_is_opened_again_at_the_same_position() -> None:
    """Detects a lost text after the server was restarted or has closed the session."""

    async def journey() -> None:
        server = FakeServer()
        session = StepSession(server, "poem", "last", "a")
        await session.append(GREEDY, 3)
        await session.append(GREEDY, 4)
        server.sessions.clear()
        assert (await session.undo(GREEDY)).picked is None
        assert session.chosen == [3]
        for action in (
            session.find("a", GREEDY),
            session.continuation(GREEDY, 2),
            session.refresh(GREEDY),
            session.append(GREEDY, 4),
        ):
            server.sessions.clear()
            await action
        assert session.chosen == [3, 4]
        ((_, ids),) = server.sessions.values()
        assert ids[-2:] == [3, 4]

    asyncio.run(journey())
