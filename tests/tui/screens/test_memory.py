"""Memory of the application: screens that were left are not kept."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.message import Message
from textual.pilot import Pilot

from core.config.configs import SamplingConfig
from core.paths import Home, find_home
from core.run import store
from tests.support.app_runs import make_three_runs, run_app
from tests.support.wait import wait_until_shown
from tui.app import BASE_SCREENS, MiniGPTApp
from tui.common.messages import (
    OpenStep,
    OpenTalk,
    OpenTrain,
)
from tui.common.sampling_settings import SamplingControls
from tui.widgets.prompt import Prompt

WARM_UP_VISITS, VISITS, MAX_GROWTH_BYTES = 30, 200, 5_000_000

Visit = Callable[[MiniGPTApp, "Pilot[None]"], Awaitable[None]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library whose run lang has weights."""
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    store.find_run(home, "lang").weights.write_bytes(b"weights")
    return home


def test_prompts_of_earlier_visits_to_talk_are_not_kept(home: Home) -> None:
    """Textual's list of those who watch the theme kept every prompt with its rendered lines."""
    visits = 5
    prompts: weakref.WeakSet[Prompt] = weakref.WeakSet()

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        for _ in range(visits):
            app.post_message(OpenTalk("lang"))
            await wait_until_shown(pilot, lambda: app.screen.query(Prompt))
            prompts.add(app.screen.query_one(Prompt))
            await app.pop_screen()
            await pilot.pause()

        def is_freed() -> bool:
            gc.collect()
            return len(prompts) < visits

        await wait_until_shown(pilot, is_freed)

    run_app(home, journey)


def test_background_styles_do_not_keep_the_lines_of_removed_widgets(home: Home) -> None:
    """Textual's cache of 1,024 background styles kept the lines of as many widgets."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        cache = StylesCache()
        cache.get_inner_outer(Color(1, 2, 3), Color(4, 5, 6))
        ref = weakref.ref(cache)
        del cache
        gc.collect()
        assert ref() is None

    run_app(home, journey)


def by_message(message: Message) -> Visit:
    async def visit(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(message)
        await wait_until_shown(pilot, lambda: len(app.screen_stack) > BASE_SCREENS)

    return visit


def by_keys(*keys: str, talk: bool = False) -> Visit:
    async def visit(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        if talk:
            app.post_message(OpenTalk("lang"))
            await wait_until_shown(pilot, lambda: app.screen.query(Prompt))
        before = app.screen
        await pilot.press(*keys)
        await wait_until_shown(pilot, lambda: app.screen is not before)

    return visit


async def talk(app: MiniGPTApp, pilot: Pilot[None]) -> None:
    """Open Talk and send a prompt."""
    await by_message(OpenTalk("lang"))(app, pilot)
    await pilot.press("P", "enter")


STEP = OpenStep("lang", "last", "Python", (), SamplingControls(SamplingConfig()))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "visit",
    [
        pytest.param(talk, id="Talk"),
        pytest.param(by_message(STEP), id="Step"),
        pytest.param(by_message(OpenTrain("lang")), id="Train"),
        pytest.param(by_keys("P", "enter", "escape", "v", talk=True), id="Cursor"),
    ],
)
def test_two_hundred_visits_to_a_screen_add_less_than_5_mb(home: Home, visit: Visit) -> None:
    """Each visit to Talk added half a megabyte or more."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        async def visit_and_return() -> None:
            await visit(app, pilot)
            await pilot.pause(0.02)
            while len(app.screen_stack) > BASE_SCREENS:
                await app.pop_screen()
            await pilot.pause()

        for _ in range(WARM_UP_VISITS):
            await visit_and_return()
        gc.collect()
        before = psutil.Process().memory_info().rss
        for _ in range(VISITS):
            await visit_and_return()
        gc.collect()
        assert psutil.Process().memory_info().rss - before < MAX_GROWTH_BYTES

    run_app(home, journey)
