"""Memory of the application: screens that were left are not kept."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.pilot import Pilot

from core.paths import Home, find_home
from core.run import store
from tests.support.app_runs import make_three_runs, run_app
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.messages import OpenChat
from tui.widgets.prompt import Prompt


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library whose run lang has weights."""
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    store.find_run(home, "lang").weights.write_bytes(b"weights")
    return home


def test_prompts_of_earlier_visits_to_chat_are_not_kept(home: Home) -> None:
    """Textual's list of those who watch the theme kept every prompt with its rendered lines."""
    visits = 5
    prompts: weakref.WeakSet[Prompt] = weakref.WeakSet()

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        for _ in range(visits):
            app.post_message(OpenChat("lang"))
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
