"""Latency of keys on the Step and Inside screens, with a model of 11 M parameters.

python tests/benchmarks/step_latency.py [--keys N] [--quick]

The application runs in a headless terminal of 80x24 with a real model server. The run is the
preset `medium` on the bundled stories after one training step, since weights do not affect the
time. The baseline is what a program without key-value cache would compute at each key: a forward
pass over the whole text.
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
from tui.widgets.candidate_table import CandidateTable
from tui.widgets.sampling_panel import SamplingRows

PROMPT = (
    "Once upon a time there lived a quiet girl named Daisy in a valley full of apple trees. " * 6
)
WARMUP_KEYS = 4
Keys = tuple[str, ...]
STEP_KEYS: tuple[tuple[str, Keys], ...] = (
    ("a step", ("enter",)),
    ("undo a step", ("backspace",)),
)
SETTING_KEYS: tuple[tuple[str, Keys], ...] = (("change a setting", ("right", "left")),)
INSIDE_KEYS: tuple[tuple[str, Keys], ...] = (
    ("another token", ("left",)),
    ("another head", ("h",)),
    ("another layer", ("up", "down")),
    ("a head off or on", ("o",)),
)


def train_run(home: Home, preset: str) -> None:
    """Train a run of the preset with the command line."""
    settings = ["--preset", preset, "--steps", "1", "--set", "batch_size=1", "--foreground"]
    options = ["--home", str(home.root), "train", "stories", "--name", "one", *settings]
    subprocess.run([sys.executable, "-m", "tui", *options], check=True, capture_output=True)


async def key_time_ms(app: MiniGPTApp, key: str, state: Callable[[], object]) -> float:
    """Send a key; return the milliseconds until its effect was drawn."""
    event = events.Key(key, key if len(key) == 1 else None)
    event.set_sender(app)
    assert app._driver is not None
    before, start = state(), time.perf_counter()
    app._driver.send_message(event)  # `Pilot.press` waits for much more than the key
    while state() == before:
        await asyncio.sleep(0.0005)
    app.screen._compositor.render_strips(app.size)
    return 1000 * (time.perf_counter() - start)


async def measure(home: Home, count: int) -> list[tuple[str, list[float]]]:
    """Milliseconds by kind of key."""
    rows = []
    app = MiniGPTApp(home, Terminal(), first=OpenStep("one", "last", PROMPT))
    async with app.run_test(size=(80, 24)) as pilot:
        await _wait_until(lambda: isinstance(app.screen, StepScreen))
        step = app.screen
        assert isinstance(step, StepScreen)
        await _wait_until(lambda: step.session.view is not None)
        for focused, named_keys in ((CandidateTable, STEP_KEYS), (SamplingRows, SETTING_KEYS)):
            step.query_one(focused).focus()
            await pilot.pause()
            for name, keys in named_keys:
                rows.append(
                    (name, await _key_times(app, pilot, keys, lambda: step.session.view, count))
                )
        await pilot.press("i")
        await _wait_until(lambda: isinstance(app.screen, InsideScreen))
        inside = app.screen
        assert isinstance(inside, InsideScreen)
        await _wait_until(lambda: inside.view is not None)
        for name, keys in INSIDE_KEYS:
            rows.append((name, await _key_times(app, pilot, keys, lambda: inside.revision, count)))
    return rows


async def _key_times(
    app: MiniGPTApp, pilot: Pilot[None], keys: Keys, state: Callable[[], object], count: int
) -> list[float]:
    times = []
    for number in range(WARMUP_KEYS + count):
        times.append(await key_time_ms(app, keys[number % len(keys)], state))
        await pilot.pause()
    return times[WARMUP_KEYS:]


async def _wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@torch.inference_mode()
def forward_times_ms(home: Home, count: int) -> list[float]:
    """Milliseconds of forward passes over the whole text."""
    loaded, times = load_model(store.find_run(home, "one"), device="cpu"), []
    ids = torch.tensor([loaded.encode(PROMPT)[: loaded.model.config.context]])  # (1, T)
    for _ in range(count):
        start = time.perf_counter()
        loaded.model.head(loaded.model(ids)[:, -1])
        times.append(1000 * (time.perf_counter() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keys", type=int, default=60, help="of each kind")
    parser.add_argument(
        "--quick", action="store_true", help="few keys, only to check that it works"
    )
    options = parser.parse_args()
    count = 3 if options.quick else options.keys
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        train_run(home, "tiny" if options.quick else "medium")
        gc.disable()  # like `tui.launch`; the app enables it after its imports
        rows = asyncio.run(measure(home, count))
        pass_ms = median(forward_times_ms(home, count))
    print(f"{'':<22}{'median':>8}{'p99':>8}   relative to a forward pass ({pass_ms:.0f} ms)")
    for name, times in rows:
        p99 = sorted(times)[min(len(times) - 1, round(0.99 * len(times)))]
        print(f"{name:<22}{median(times):8.1f}{p99:8.1f}   {median(times) / pass_ms:.2f} x")


if __name__ == "__main__":
    main()
