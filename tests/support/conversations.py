"""Runs with empty weights, and the turns and branches recorded with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from tests.support.apps import StageApp, settle
from tests.support.fake_server import FakeServer
from tests.support.runs import run_record
from tui.chat.record import Turn, read_last
from tui.explore.branches import Branch, read_branches
from tui.screens.chat import ChatScreen
from tui.screens.generation import GenerationScreen
from tui.widgets.prompt import Prompt


def home_with_lang(root: Path) -> Home:
    """Make the run lang, with newest weights and snapshots of the steps 0, 1, 256."""
    home = Home(root=root, cache=root / "cache")
    run_with_weights(home, "lang", (0, 1, 256))
    return home


def run_with_weights(home: Home, name: str, steps: tuple[int, ...] = ()) -> Run:
    """Make a run whose weights cannot be loaded, with snapshots of these steps."""
    run = Run(home.runs / name)
    run.folder.mkdir(parents=True)
    run.record.write_text("{}")
    for path in (run.weights, *map(run.snapshot_weights, steps)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    return run


def home_with_task(root: Path, reading: str, task: str, labels: Sequence[str] = ()) -> Home:
    """Make the run lang of `home_with_lang` for pairs or conversations."""
    home = home_with_lang(root)
    record = run_record(format=1)
    record["corpus"] |= {"reading": reading, "task": task, "labels": list(labels)}
    Run(home.runs / "lang").record.write_text(json.dumps(record))
    return home


def make_turn(prompt: str, text: str, **fields: Any) -> Turn:
    """Make a turn of the best weights."""
    values: dict[str, Any] = {
        "weights": "best",
        "step": 300,
        "tokens": 3,
        "seconds": 0.1,
        "ended": "length",
        "speed": 30.0,
    }
    return Turn(prompt=prompt, text=text, **(values | fields))


def recorded_turns(home: Home, run: str = "lang") -> list[Turn]:
    """Read the turns in a run's record."""
    return read_last(Run(home.runs / run).chat, 100)


def recorded_branches(home: Home, run: str = "lang") -> list[Branch]:
    """Read the branches in a run's record."""
    return list(read_branches(Run(home.runs / run).chat).branches)


def prompt_of(app: StageApp) -> Prompt:
    """Return the prompt input of the screen."""
    return app.screen.query_one(Prompt)


async def send(app: StageApp, pilot: Pilot[None], prompt: str) -> None:
    """Send a prompt and wait for the end of the reply."""
    prompt_of(app).insert(prompt)
    await pilot.press("enter")
    await settle(app, pilot)


def check_for_newer(app: StageApp) -> None:
    """Do what the screen does every two seconds."""
    assert isinstance(app.screen, GenerationScreen)
    app.screen.check_for_newer()


def chat_app(home: Home, server: FakeServer, weights: str = "last") -> StageApp:
    """Return an app that shows Chat with the run lang."""
    return StageApp(ChatScreen("lang", weights), home, server)


def save_newer_weights(home: Home, server: FakeServer, step: int = 600) -> None:
    """Do what a trainer does that saves a checkpoint of the run lang."""
    server.step = step
    weights = Run(home.runs / "lang").weights
    new = weights.with_name("new")
    new.write_bytes(f"weights of step {step}".encode())
    new.replace(weights)
