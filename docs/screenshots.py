"""Draw the pictures in README.md and the tutorial: the application, with models trained for them.

python docs/screenshots.py          # trains `lang` and `stories`, writes docs/screenshots/*.svg
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from screen_svg import screen_svg
from textual.pilot import Pilot

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.paths import find_home
from tui.app import MiniGPTApp
from tui.common.messages import OpenInside
from tui.common.terminal import Terminal

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "screenshots"
NORMAL, WIDE, PANELS = (80, 24), (100, 34), (120, 34)
TIMEOUT_S = 120.0
STABLE_S = 1.5  # a screen that has not changed for so long shows all that it is going to


def shown(app: MiniGPTApp) -> str:
    """The screen as plain text."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text for strip in strips)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until the screen no longer changes."""
    deadline, text, since = time.monotonic() + TIMEOUT_S, "", time.monotonic()
    while time.monotonic() - since < STABLE_S:
        assert time.monotonic() < deadline, f"the screen keeps changing:\n{text}"
        await pilot.pause(0.1)
        if (now := shown(pilot.app)) != text:
            text, since = now, time.monotonic()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, waiting after each until its answer is on the screen."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


@asynccontextmanager
async def opened(home: Path, run: str, size: tuple[int, int]) -> AsyncIterator[Pilot[None]]:
    """The application with the cursor on a run in the list, and its own model server."""
    app = MiniGPTApp(find_home(home), Terminal())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("slash", *run, "enter")
        await settle(pilot)
        yield pilot


def draw(pilot: Pilot[None], name: str) -> None:
    """Write the screen as a picture."""
    app = pilot.app
    strips = app.screen._compositor.render_strips(app.size)
    picture = screen_svg(strips, app.size.width, "minigpt-tui")
    (FOLDER / f"{name}.svg").write_text(picture)


async def draw_stories(home: Path) -> None:
    """How a run went, a reply, and where its parts are in the corpus."""
    async with opened(home, "stories", WIDE) as pilot:
        await press(pilot, "enter")
        draw(pilot, "train")
    async with opened(home, "stories", NORMAL) as pilot:
        await press(pilot, "t")
        await pilot.press(*"Once upon a time", "enter")
        await settle(pilot)
        await press(pilot, "shift+tab", "shift+tab", *"0.8", "enter", "r")
        await press(pilot, "escape")
        draw(pilot, "chat")
        await press(pilot, "escape", "s")
        draw(pilot, "origin")


async def draw_lang(home: Path) -> None:
    """The next token, the layers behind it, and a text with branches."""
    async with opened(home, "lang", NORMAL) as pilot:
        await press(pilot, "t")
        await pilot.press(*"I")
        await press(pilot, "shift+tab", "x")
        await press(pilot, "k", "tab", *["right"] * 8, "down", *["right"] * 3, "shift+tab")
        draw(pilot, "step")
        await pilot.app.run_action("cursor", pilot.app.screen)
        await settle(pilot)
        await press(pilot, "space", "u")
        await press(pilot, "right_square_bracket")
        draw(pilot, "cursor")


async def draw_inside(home: Path) -> None:
    """What every layer predicts, and what a head and all others attend to."""
    async with opened(home, "lang", PANELS) as pilot:
        pilot.app.post_message(OpenInside("lang", "last", "I love to code"))
        await settle(pilot)
        await press(pilot, "up", "h")
        draw(pilot, "inside")


def train(home: Path, corpus: str) -> None:
    """Train a run with the settings the program chooses."""
    command = [sys.executable, "-m", "tui", "--home", str(home), "train", corpus, "--foreground"]
    subprocess.run(command, check=True, cwd=ROOT)


async def draw_all(home: Path) -> None:
    """Draw every picture, training what is not trained yet."""
    for corpus in ("lang", "stories"):
        if not (home / "runs" / corpus).exists():
            train(home, corpus)
    FOLDER.mkdir(exist_ok=True)
    await draw_stories(home)
    await draw_lang(home)
    await draw_inside(home)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="folder with runs from an earlier call")
    chosen: Path | None = parser.parse_args().home
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(draw_all(chosen or Path(temporary)))
