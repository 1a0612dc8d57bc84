"""Waiting for a condition, with a deadline instead of a guess."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import App
from textual.pilot import Pilot

from tests.support.captures import screen_text

WAIT_TIMEOUT_S = 90.0
POLL_S = 0.02


def wait_until(
    condition: Callable[[], object],
    what: str | Callable[[], str],
    timeout: float = WAIT_TIMEOUT_S,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until a condition holds.

    Args:
        what: the condition in words.
        pause: called between polls with a number of seconds.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"never: {what if isinstance(what, str) else what()}"
        pause(POLL_S)


async def wait_until_shown(
    pilot: Pilot[None], condition: Callable[[], object], timeout: float = 20.0
) -> None:
    """Let an app run until a condition holds.

    Raises:
        AssertionError: it did not hold in time; shows the screen.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        app: App[object] = pilot.app
        assert time.monotonic() < deadline, f"never:\n{screen_text(app)}"
        await pilot.pause(0.01)
