"""For tests of the application: going through it headless, by keys, with recorded runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from core.paths import Home
from tests.support.captures import screen_text
from tests.support.runs import ScriptedRun
from tests.support.samplers import FakeSampler
from tui.app import MiniGPTApp
from tui.common.terminal import Terminal
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen

Journey = Callable[[MiniGPTApp, "Pilot[None]"], Awaitable[None]]
SIZES = [(60, 20), (80, 24), (200, 50)]


def travel(
    home: Home, journey: Journey, *, size: tuple[int, int] = (80, 24), look: Terminal | None = None
) -> MiniGPTApp:
    """Goes through the app headless."""
    app = MiniGPTApp(home, look or Terminal(), FakeSampler())

    async def run() -> None:
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            await until(pilot, lambda: isinstance(app.screen, ModelsScreen | NewCorpusScreen))
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(run())
    return app


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Lets the app go on until something holds."""
    for _ in range(500):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"it never came:\n{screen_text(pilot.app)}")


async def calm(app: MiniGPTApp, pilot: Pilot[None]) -> None:
    """Lets the app go on until nothing changes any more."""
    seen: list[str] = []
    while len(seen) < 3 or len(set(seen[-3:])) > 1:
        await pilot.pause(0.05)
        seen.append(screen_text(app))


def library(home: Home) -> None:
    """Three runs: trained, failed, and one that seems to be trained on another machine."""
    done = ScriptedRun(home.root, "lang")
    done.start(val_tokens=0)
    done.train(1, 200)
    done.emit("finished", 200, reason="all steps done", elapsed=20.0)
    done.lock.release()
    failed = ScriptedRun(home.root, "tales")
    failed.start()
    failed.train(1, 40)
    failed.emit("failed", 40, title="The run failed", message="no", hint="so", code=1)
    failed.lock.release()
    live = ScriptedRun(home.root, "poem")
    live.start()
    live.train(1, 60)
