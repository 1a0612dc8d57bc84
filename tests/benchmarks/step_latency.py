"""From a key to the new screen in Step and Inside, with a model of 11 M parameters.

python tests/benchmarks/step_latency.py [--keys N] [--quick]

The application runs on a terminal of 80x24 cells in memory, with a real sampler's process. The
run is the preset `medium` on the bundled stories after one step of training: what weights are
changes no time. Beside it what a program without kept keys and logits would do at each key: the
whole text through the model.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from machine import print_machine
from textual import events
from textual.pilot import Pilot

from core.inference.load import load_model
from core.paths import Home
from core.run import store
from tui.app import MiniGPTApp
from tui.common.messages import OpenStep
from tui.common.terminal import Terminal
from tui.screens.inside import InsideScreen
from tui.screens.step import StepScreen

TEXT = "Once upon a time there lived a quiet girl named Daisy in a valley full of apple trees. " * 6
WARM = 4
Keys = tuple[str, ...]
IN_STEP: tuple[tuple[str, Keys], ...] = (
    ("a step", ("enter",)),
    ("a step taken back", ("backspace",)),
    ("a changed setting", ("t", "T")),
)
IN_INSIDE: tuple[tuple[str, Keys], ...] = (
    ("a place, inside", ("left",)),
    ("another head", ("l",)),
    ("another layer", ("k", "j")),
)


def trained(home: Home, preset: str) -> None:
    """A run of the preset, as the command makes it."""
    more = ["--preset", preset, "--steps", "1", "--set", "batch_size=1", "--foreground"]
    options = ["--home", str(home.root), "train", "stories", "--name", "one", *more]
    subprocess.run([sys.executable, "-m", "tui", *options], check=True, capture_output=True)


async def pressed(app: MiniGPTApp, key: str, state: Callable[[], object]) -> float:
    """Milliseconds from a key, as a terminal sends it, until what it changes was drawn."""
    event = events.Key(key, key if len(key) == 1 else None)
    event.set_sender(app)
    assert app._driver is not None
    before, began = state(), time.perf_counter()
    app._driver.send_message(event)  # a pilot waits for much more than the key
    while state() is before:
        await asyncio.sleep(0.0005)
    app.screen._compositor.render_strips(app.size)
    return 1000 * (time.perf_counter() - began)


async def measure(home: Home, count: int) -> list[tuple[str, list[float]]]:
    """Milliseconds of each kind of key."""
    found = []
    app = MiniGPTApp(home, Terminal(), first=OpenStep("one", "last", TEXT))
    async with app.run_test(size=(80, 24)) as pilot:
        await _until(lambda: isinstance(app.screen, StepScreen))
        step = app.screen
        assert isinstance(step, StepScreen)
        await _until(lambda: step.walk.view is not None)
        for name, keys in IN_STEP:
            found.append((name, await _row(app, pilot, keys, lambda: step.walk.view, count)))
        await pilot.press("w")
        await _until(lambda: isinstance(app.screen, InsideScreen))
        inside = app.screen
        assert isinstance(inside, InsideScreen)
        await _until(lambda: inside.drawn is not None)
        for name, keys in IN_INSIDE:
            found.append((name, await _row(app, pilot, keys, lambda: inside.drawn, count)))
    return found


async def _row(
    app: MiniGPTApp, pilot: Pilot[None], keys: Keys, state: Callable[[], object], count: int
) -> list[float]:
    times = []
    for number in range(WARM + count):
        times.append(await pressed(app, keys[number % len(keys)], state))
        await pilot.pause()
    return times[WARM:]


async def _until(ready: Callable[[], bool]) -> None:
    while not ready():
        await asyncio.sleep(0.01)


@torch.inference_mode()
def forward(home: Home, count: int) -> list[float]:
    """Milliseconds of the whole text through the model."""
    loaded, times = load_model(store.find_run(home, "one"), device="cpu"), []
    ids = torch.tensor([loaded.encode(TEXT)[: loaded.model.config.context]])  # (1, T)
    for _ in range(count):
        began = time.perf_counter()
        loaded.model.head(loaded.model(ids)[:, -1])
        times.append(1000 * (time.perf_counter() - began))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keys", type=int, default=60, help="of each kind")
    parser.add_argument("--quick", action="store_true", help="a small model, few keys: no figures")
    options = parser.parse_args()
    count = 3 if options.quick else options.keys
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        trained(home, "tiny" if options.quick else "medium")
        gc.disable()  # as `tui.launch` has it; the app begins to collect when all is imported
        rows = asyncio.run(measure(home, count))
        whole = median(forward(home, count))
    print(f"{'':<22}{'median':>8}{'99 %':>8}   of a pass over the text ({whole:.0f} ms)")
    for name, times in rows:
        late = sorted(times)[min(len(times) - 1, round(0.99 * len(times)))]
        print(f"{name:<22}{median(times):8.1f}{late:8.1f}   {median(times) / whole:.2f} x")


if __name__ == "__main__":
    main()
