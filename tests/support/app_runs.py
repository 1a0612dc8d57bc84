"""Journeys through the whole app, headless, with scripted runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from core.paths import Home
from tests.support.captures import screen_text
from tests.support.fake_server import FakeServer
from tests.support.runs import ScriptedRun
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.terminal import Terminal
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen

Journey = Callable[[MiniGPTApp, "Pilot[None]"], Awaitable[None]]


def run_app(
    home: Home,
    journey: Journey,
    *,
    size: tuple[int, int] = (80, 24),
    terminal: Terminal | None = None,
) -> MiniGPTApp:
    """Run the app along a journey, and return it."""
    app = MiniGPTApp(home, terminal or Terminal(), FakeServer())

    async def run() -> None:
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            await wait_until_shown(
                pilot, lambda: isinstance(app.screen, ModelsScreen | NewCorpusScreen)
            )
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(run())
    return app


async def wait_until_still(app: MiniGPTApp, pilot: Pilot[None]) -> None:
    """Let the app run until the screen stays the same."""
    texts: list[str] = []
    while len(texts) < 3 or len(set(texts[-3:])) > 1:
        await pilot.pause(0.05)
        texts.append(screen_text(app))


def make_three_runs(home: Home) -> None:
    """Make three runs: a finished one, a failed one, and one in training."""
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
