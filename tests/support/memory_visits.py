"""Visit a screen of the app many times and print how much memory that added.

    python -m tests.support.memory_visits HOME SCREEN [VISITS]

A process of its own that never loads torch: there the memory of a test run would hide a growth. The
home holds the three runs of `make_three_runs`.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psutil
from textual.message import Message
from textual.pilot import Pilot

from core.config.configs import SamplingConfig
from core.paths import find_home
from core.run.directory import Run
from tests.support.app_runs import run_app
from tests.support.captures import screen_text
from tests.support.fake_server import FakeServer
from tui.app import BASE_SCREENS, MiniGPTApp
from tui.common.messages import (
    OpenChat,
    OpenInside,
    OpenNewRun,
    OpenSetup,
    OpenStep,
    OpenTrain,
)
from tui.common.sampling_settings import SamplingControls

WARM_UP_VISITS, VISITS = 30, 200
VISIT_TIMEOUT_S = 60.0
RUN, PROMPT = "lang", "P"

Visit = Callable[[MiniGPTApp, "Pilot[None]"], Awaitable[None]]


def main() -> None:
    """Print the bytes that the visits added after the warm-up."""
    home, name = find_home(Path(sys.argv[1])), sys.argv[2]
    visits = int(sys.argv[3]) if len(sys.argv) > 3 else VISITS

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        for _ in range(WARM_UP_VISITS):
            await _visit_and_return(app, pilot, SCREENS[name])
        before = _own_memory()
        for _ in range(visits):
            await _visit_and_return(app, pilot, SCREENS[name])
        print(_own_memory() - before)

    run_app(home, journey)
    assert "torch" not in sys.modules


async def _visit_and_return(app: MiniGPTApp, pilot: Pilot[None], visit: Visit) -> None:
    """Visit a screen with a new conversation, so that all visits are alike.

    With the turns of all visits before, each visit that sends a prompt would need more memory.
    """
    Run(app.home.runs / RUN).chat.unlink(missing_ok=True)
    await visit(app, pilot)
    while len(app.screen_stack) > BASE_SCREENS:
        await app.pop_screen()
    assert isinstance(app.client, FakeServer)
    app.client.forget_requests()  # its list would be measured, not the app


def _own_memory() -> int:
    """Bytes that only this process uses, after everything unused was returned to the system."""
    for _ in range(3):
        gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_full_info().uss)


async def _open(message: Message, app: MiniGPTApp, pilot: Pilot[None]) -> None:
    app.post_message(message)
    await _wait_for_screen(app, pilot, BASE_SCREENS)


async def _press(keys: tuple[str, ...], app: MiniGPTApp, pilot: Pilot[None]) -> None:
    screens = len(app.screen_stack)
    await pilot.press(*keys)
    await _wait_for_screen(app, pilot, screens)


async def _open_and_press(
    message: Message, keys: tuple[str, ...], app: MiniGPTApp, pilot: Pilot[None]
) -> None:
    await _open(message, app, pilot)
    await _press(keys, app, pilot)


async def _chat(app: MiniGPTApp, pilot: Pilot[None]) -> None:
    await _open(OpenChat(RUN), app, pilot)
    await pilot.press(PROMPT, "enter")


async def _dialog(app: MiniGPTApp, pilot: Pilot[None]) -> None:
    """The question before a run is deleted; it is answered, as the list of runs waits for it.

    The run at the top is in training and cannot be deleted.
    """
    await _press(("end", "d"), app, pilot)
    await pilot.press("escape")


async def _wait_for_screen(app: MiniGPTApp, pilot: Pilot[None], above: int) -> None:
    """Wait until there are more than so many screens and all messages are handled."""
    deadline = time.monotonic() + VISIT_TIMEOUT_S
    while len(app.screen_stack) <= above:
        assert time.monotonic() < deadline, f"never opened:\n{screen_text(app)}"
        await asyncio.sleep(0)
    await pilot.pause(0)


STEP = OpenStep(RUN, "last", PROMPT, (), SamplingControls(SamplingConfig()))
LEAVE_PROMPT = (PROMPT, "enter", "escape")
SCREENS: dict[str, Visit] = {
    "Chat": _chat,
    "Step": partial(_open, STEP),
    "Inside": partial(_open, OpenInside(RUN, "last", PROMPT)),
    "Train": partial(_open, OpenTrain(RUN)),
    "New run: text": partial(_open, OpenNewRun()),
    "New run: settings": partial(_open, OpenSetup(RUN)),
    "Cursor": partial(_open_and_press, OpenChat(RUN), (*LEAVE_PROMPT, "v")),
    "Sources": partial(_open_and_press, OpenChat(RUN), (*LEAVE_PROMPT, "s")),
    "Keys": partial(_press, ("question_mark",)),
    "Command palette": partial(_press, ("ctrl+p",)),
    "Dialog": _dialog,
}

if __name__ == "__main__":
    main()
