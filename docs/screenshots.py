"""Draw the pictures of README.md and the pages: the application, with models trained for them.

python docs/screenshots.py                      # trains eight runs, writes docs/screenshots/*.svg
python docs/screenshots.py --home DIR [NAME…]   # with the runs of an earlier call; these pictures
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from screen_svg import screen_svg
from textual.pilot import Pilot

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.paths import find_home
from tui.app import MiniGPTApp
from tui.common.messages import OpenStep
from tui.common.terminal import DEFAULT_THEME, LIGHT_THEME, NO_COLOUR_THEME, Terminal
from tui.widgets.run_table import RunTable

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "screenshots"
TIMEOUT_S = 120.0
STABLE_S = 1.5  # a screen that has not changed for so long shows all that it is going to
TYPE, WAIT, RUN = "type ", "wait ", "run "  # beginnings of steps that are not the name of a key

# Name of a run and how it is trained.
RUNS = {
    "lang": ("lang",),
    "stories": ("stories", "--minutes", "3"),
    "stories-again": ("stories", "--from", "stories", "--epochs", "1"),
    "stories-wide": ("stories", "--set", "d_model=192", "--steps", "300"),
    "stories-char": ("stories", "--tokenizer", "char", "--steps", "400"),
    "stories-encoder": ("stories", "--preset", "encoder-modern"),
    "dialogues": ("dialogues",),
    "sentiment": ("sentiment",),
}
PROMPT = "Once upon a time"
ASK = (f"{TYPE}{PROMPT}", "enter", f"{WAIT}50 tokens")
CHAT = ("t", f"{WAIT}Begin a text", *ASK, f"{TYPE}The old man said", "enter", f"{WAIT}turn 2")
BLANK = ("t", f"{WAIT}between “", f"{WAIT}decoder")
STEP = ("x", f"{WAIT}rank")
# Each text with what the reply shows: the state of the header, or words.
SAID = (
    ("Hello, my name is Anna.", "turn 1"),
    ("I live in Leeds.", "turn 2"),
    ("What is the weather like?", "turn 3"),
    ("What is my name?", "Your name is"),
    ("Where do I live?", "You live in"),
)
OPINIONS = (
    ("The film was not boring at all.", "turn 1"),
    ("The soup was cold, but the waiter was friendly.", "turn 2"),
    ("The museum opens at nine.", "turn 3"),
)


def send(texts: Sequence[tuple[str, str]]) -> list[str]:
    """The steps that open Chat and send texts, each with what to wait for."""
    steps = [(f"{TYPE}{text}", "enter", f"{WAIT}{reply}") for text, reply in texts]
    return ["t", f"{WAIT}›", *(step for group in steps for step in group)]


# Temperature 1 and top k 3, with the counts of the corpus.
SET_TOP_K = (f"{WAIT}rank", "k", f"{WAIT}3", "tab", "1", "enter", "down", "3", "enter")
INSIDE = (*CHAT, "escape", "i", f"{WAIT}token ")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One picture.

    Attributes:
        size: of the terminal, in columns and rows.
        steps: keys to press; `type …` types a text, `wait …` waits until a text is shown,
            `run …` puts the cursor of Models on a run.
        run: under the cursor of Models first; None opens an empty library.
        theme: DEFAULT_THEME, LIGHT_THEME or NO_COLOUR_THEME.
        first: opened at once, instead of Models.
    """

    size: tuple[int, int]
    steps: Sequence[str] = ()
    run: str | None = "stories"
    theme: str = DEFAULT_THEME
    first: OpenStep | None = None


def _in_three_lights(
    name: str, size: tuple[int, int], steps: Sequence[str], run: str = "stories"
) -> dict[str, Scene]:
    themes = {"": DEFAULT_THEME, "_day": LIGHT_THEME, "_grey": NO_COLOUR_THEME}
    return {
        f"{name}{light}": Scene(size=size, steps=steps, run=run, theme=theme)
        for light, theme in themes.items()
    }


SETTINGS = ("n", f"{WAIT}start here", "down", "enter", f"{WAIT}parameters")
MARK_THREE = ("space", f"{RUN}stories-wide", "space", f"{RUN}stories-char", "space")
SCENES: dict[str, Scene] = {
    "models_140": Scene(size=(140, 38)),
    "models_80": Scene(size=(80, 24)),
    "newtext_140": Scene(size=(140, 38), run=None, steps=(f"{WAIT}start here",)),
    "newtext_80": Scene(size=(80, 24), run=None, steps=(f"{WAIT}start here",)),
    "newset_140": Scene(size=(140, 38), steps=SETTINGS),
    "newset_80": Scene(size=(80, 24), steps=SETTINGS),
    **_in_three_lights("train_160", (160, 40), ("enter",)),
    "train_110": Scene(size=(110, 32), steps=("enter",)),
    "train_80": Scene(size=(80, 24), steps=("enter",)),
    **_in_three_lights("chat_140", (140, 40), CHAT),
    "chat_80": Scene(size=(80, 24), steps=CHAT),
    "conversation_140": Scene(size=(140, 38), run="dialogues", steps=send(SAID)),
    "task_140": Scene(
        size=(140, 38),
        run="sentiment",
        steps=(*send(OPINIONS), "escape", "up", "o", f"{WAIT}points"),
    ),
    "step_140": Scene(size=(140, 40), steps=STEP),
    "step_80": Scene(size=(80, 24), steps=SET_TOP_K, first=OpenStep("lang", prompt="I")),
    "cursor_140": Scene(size=(140, 40), steps=(*CHAT, "escape", "v", f"{WAIT}rank")),
    "blank_140": Scene(size=(140, 38), run="stories-encoder", steps=BLANK),
    "blank_80": Scene(size=(80, 24), run="stories-encoder", steps=BLANK),
    **_in_three_lights("inside_140", (140, 40), INSIDE),
    "inside_80": Scene(size=(80, 24), steps=INSIDE),
    "sources_140": Scene(size=(140, 38), steps=(*CHAT, "escape", "s", f"{WAIT}Around line")),
    "test_140": Scene(size=(140, 38), run="sentiment", steps=("T", f"{WAIT}this model")),
    "compare_140": Scene(size=(140, 40), steps=(*MARK_THREE, "c", f"{WAIT}parts at")),
    "help_140": Scene(size=(140, 38), steps=("question_mark",)),
    "help_80": Scene(size=(80, 24), steps=("question_mark",)),
}


def shown(app: MiniGPTApp) -> str:
    """The screen as plain text."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text for strip in strips)


async def settle(pilot: Pilot[None], text: str = "") -> None:
    """Wait until the screen shows a text and no longer changes."""
    deadline, before, since = time.monotonic() + TIMEOUT_S, "", time.monotonic()
    while time.monotonic() - since < STABLE_S or text not in before:
        assert time.monotonic() < deadline, f"no {text!r}, or the screen keeps changing:\n{before}"
        await pilot.pause(0.1)
        if (now := shown(pilot.app)) != before:
            before, since = now, time.monotonic()


async def put_cursor_on(pilot: Pilot[None], run: str) -> None:
    """Select a run on Models."""
    table = pilot.app.screen.query_one(RunTable)
    await settle(pilot, run)
    await pilot.press("home")
    for _ in table.names:
        if table.selected is not None and table.selected.summary.name == run:
            return
        await pilot.press("down")
    raise AssertionError(f"there is no run {run}")


async def draw(home: Path, name: str, scene: Scene) -> None:
    """Play a scene, with a model server of its own, and write its last screen as a picture."""
    for chat in home.glob("runs/*/talk.jsonl"):  # of the scene before
        chat.unlink()
    terminal = Terminal(theme=scene.theme, colour=scene.theme != NO_COLOUR_THEME)
    app = MiniGPTApp(find_home(home), terminal, first=scene.first)
    async with app.run_test(size=scene.size) as pilot:
        if scene.run is not None and scene.first is None:
            await put_cursor_on(pilot, scene.run)
        for step in scene.steps:
            if step.startswith(WAIT):
                await settle(pilot, step.removeprefix(WAIT))
            elif step.startswith(RUN):
                await put_cursor_on(pilot, step.removeprefix(RUN))
            elif step.startswith(TYPE):
                await pilot.press(*step.removeprefix(TYPE))
            else:
                await pilot.press(step)
                await pilot.pause()
        await settle(pilot)
        strips = app.screen._compositor.render_strips(app.size)
        (FOLDER / f"{name}.svg").write_text(screen_svg(strips, app.size.width, "minigpt-tui"))


def train(home: Path, name: str) -> None:
    """Train one of the runs."""
    command = [sys.executable, "-m", "tui", "--home", str(home), "train", *RUNS[name]]
    subprocess.run([*command, "--name", name, "--foreground"], check=True, cwd=ROOT)


async def draw_all(home: Path, names: Sequence[str]) -> None:
    """Draw pictures, training what is not trained yet."""
    for run in RUNS:
        if not (home / "runs" / run).exists():
            train(home, run)
    FOLDER.mkdir(exist_ok=True)
    for name in names or SCENES:
        with tempfile.TemporaryDirectory() as empty:
            await draw(home if SCENES[name].run else Path(empty), name, SCENES[name])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="folder with runs from an earlier call")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SCENES)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(draw_all(arguments.home or Path(temporary), arguments.names))
