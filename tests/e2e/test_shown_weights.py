"""Screens with a real model server while a run that is being trained saves newer weights."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from core.run.model_files import parse_model_config
from core.system.files import read_json
from tests.support.captures import screen_text
from tests.support.direct_client import DirectClient
from tests.support.runs import tiny_run, write_tiny_weights
from tests.support.wait import WAIT_TIMEOUT_S, wait_until_shown
from tui.app import MiniGPTApp
from tui.common.client import ServerClient
from tui.common.messages import OpenStep
from tui.common.terminal import Terminal
from tui.widgets.candidate_table import CandidateTable

ROOT = Path(__file__).parents[2]


def _save_checkpoint(run: Run, step: int) -> None:
    checkpoint = run.checkpoint(step).weights
    checkpoint.parent.mkdir(parents=True)
    write_tiny_weights(checkpoint, parse_model_config(read_json(run.config)), seed=step)
    run.last_checkpoint.write_text(f"{step}\n")
    new = run.folder / "new"
    new.hardlink_to(checkpoint)
    new.replace(run.weights)


def _predictions(home: Home, text: str) -> object:
    """What the weights that are on disk now predict after a text: probabilities by id."""
    from core.server.dispatch import Dispatcher

    view = DirectClient(Dispatcher(home))("look", run="words", prompt=text, top=50)
    return pytest.approx({row["id"]: row["probability"] for row in view["top"]}, rel=1e-4)


def _rows(app: MiniGPTApp) -> dict[int, float]:
    return {row.id: row.probability for row in app.screen.query_one(CandidateTable).rows}


async def _shows(app: MiniGPTApp, pilot: Pilot[None], screen: str, step: int) -> None:
    """Wait for a screen with these weights; nothing that is still to come changes its title."""

    def is_shown() -> bool:
        title = " ".join(screen_text(app).split("\n")[0].split())
        return f"words › {screen} newest, step {step} " in f"{title} "

    await wait_until_shown(pilot, is_shown, WAIT_TIMEOUT_S)
    await app.workers.wait_for_complete()
    await pilot.pause()
    assert is_shown()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A library with the run words, which has a checkpoint of step 40."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    _save_checkpoint(tiny_run(home, "words"), 40)
    return home


def test_numbers_and_title_stay_of_the_same_weights_while_inside_is_open(home: Home) -> None:
    """Inside loaded the newer weights; Cursor then showed their numbers under the old title."""
    texts = "the cat sat", "the cat", "the"
    old = {text: _predictions(home, text) for text in texts}
    app = MiniGPTApp(home, Terminal(), ServerClient(home), OpenStep("words", "last", texts[0]))

    async def open_inside(pilot: Pilot[None]) -> None:
        await _shows(app, pilot, "Step", 40)
        await app.run_action("cursor", app.screen)
        await _shows(app, pilot, "Cursor", 40)
        await pilot.press("i")
        await _shows(app, pilot, "Inside", 40)

    async def stay_with_the_old_weights(pilot: Pilot[None]) -> None:
        inside = screen_text(app)
        _save_checkpoint(Run(home.runs / "words"), 50)
        await pilot.press("h", "H")
        await _shows(app, pilot, "Inside", 40)
        assert screen_text(app) == inside
        await pilot.press("escape")
        assert "Newer weights available: . loads them." in screen_text(app)
        for text in texts:
            await _shows(app, pilot, "Cursor", 40)
            assert _rows(app) == old[text]
            await pilot.press("left")

    async def choose_the_new_weights(pilot: Pilot[None]) -> None:
        new = _predictions(home, texts[0])
        await pilot.press("end", "full_stop")
        await _shows(app, pilot, "Cursor", 50)
        assert _rows(app) == new
        assert _rows(app) != old[texts[0]]
        await pilot.press("escape")
        await _shows(app, pilot, "Step", 40)
        assert _rows(app) == old[texts[0]]
        await pilot.press("full_stop")
        await _shows(app, pilot, "Step", 50)
        assert _rows(app) == new

    async def play() -> None:
        async with app.run_test(size=(100, 30)) as pilot:
            await open_inside(pilot)
            await stay_with_the_old_weights(pilot)
            await choose_the_new_weights(pilot)

    asyncio.run(play())
