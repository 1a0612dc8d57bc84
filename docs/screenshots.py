"""Pictures of the screens for README.md and the tutorial, drawn by the application itself.

Most are of recorded runs; those that look into a model train it first, on `lang`.

python docs/screenshots.py          # writes docs/screenshots/*.svg
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from journeys import until  # noqa: E402
from samplers import FakeSampler  # noqa: E402
from textual.pilot import Pilot  # noqa: E402
from train_stage import Story  # noqa: E402

from core.paths import Home, find_home  # noqa: E402
from tui.app import MiniGPTApp  # noqa: E402
from tui.common.messages import OpenStep, OpenTalk  # noqa: E402
from tui.common.terminal import Terminal  # noqa: E402

FOLDER = Path(__file__).parent / "screenshots"
FONTS = re.compile(r"(?s)@font-face \{.*?\}\s*")  # they would be fetched from elsewhere
SIZES = ((80, 24), (200, 50))


def library(home: Home) -> None:
    """Two runs: one that learns, one that is trained."""
    done = Story(home.root, "lang")
    done.begin(val_tokens=0)
    done.learn(1, 200)
    done.say("finished", 200, reason="all steps done", elapsed=20.0)
    done.lock.release()
    done.run.weights.touch()
    live = Story(home.root, "poem")
    live.begin()
    for step in (0, 1, 4, 16, 64):
        live.snapshot(step, " was a man who had a ship" if step > 16 else " the the the the")
    live.learn(1, 130)
    live.run.weights.touch()


def keep(app: MiniGPTApp, name: str) -> None:
    """The screen as a picture that fetches nothing."""
    svg = FONTS.sub("", app.export_screenshot(title="minigpt-tui"))
    (FOLDER / f"{name}_{app.size.width}x{app.size.height}.svg").write_text(svg)


async def draw(size: tuple[int, int]) -> None:
    """Walks through the screens and keeps each."""
    with tempfile.TemporaryDirectory() as folder:
        home = find_home(Path(folder))
        library(home)
        app = MiniGPTApp(home, Terminal(), FakeSampler())
        async with app.run_test(size=size) as pilot:
            await walk(app, pilot)


async def walk(app: MiniGPTApp, pilot: Pilot[None]) -> None:
    """Models, a run that learns, a talk, the texts, the settings."""
    await until(pilot, lambda: app.screen.HELP is not None)
    await pilot.pause(1.5)
    keep(app, "models")
    await pilot.press("enter")
    await pilot.pause(2.0)
    keep(app, "train")
    await pilot.press("t")
    await pilot.pause(0.5)
    await pilot.press(*"Python", "enter")
    await pilot.pause(1.5)
    keep(app, "talk")
    await pilot.press("escape", "escape", "escape")
    await pilot.pause(0.5)
    await pilot.press("n")
    await pilot.pause(1.5)
    keep(app, "new_text")
    await pilot.press("enter")
    await pilot.pause(2.0)
    keep(app, "new_settings")


async def look_into(home: Home, size: tuple[int, int]) -> None:
    """What can be seen of a trained model, token by token."""
    app = MiniGPTApp(home, Terminal(), first=OpenStep("lang", "last", "I"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "love" in shown(app))
        await press(pilot, "i", *"ttttt", "2")
        keep(app, "step")
        await press(pilot, "1", "w", "l", "l")
        keep(app, "inside")
        await press(
            pilot, "escape", "backspace", "backspace", "v", "b", "c", "right_square_bracket"
        )
        keep(app, "cursor")
    app = MiniGPTApp(home, Terminal(), first=OpenTalk("lang"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "lang" in shown(app))
        await press(pilot, *"Machine", "enter", "escape", "c")
        keep(app, "source")


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Presses keys, each once the one before was answered."""
    for key in keys:
        await pilot.press(key)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.3 if len(key) > 1 else 0.1)


def shown(app: MiniGPTApp) -> str:
    """The screen as plain text."""
    strips: Iterable[Iterable[object]] = app.screen._compositor.render_strips(app.size)
    return "".join(getattr(part, "text", "") for strip in strips for part in strip)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for size in SIZES:
        asyncio.run(draw(size))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tui", "--home", folder, "train", "lang", "--foreground"]
        subprocess.run(command, check=True, cwd=ROOT)
        for size in SIZES:
            asyncio.run(look_into(find_home(Path(folder)), size))
