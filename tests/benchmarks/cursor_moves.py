"""Latency of cursor moves and changed settings on the Cursor screen, with a 10 M parameter model.

    python tests/benchmarks/cursor_moves.py            # 200 moves each
    python tests/benchmarks/cursor_moves.py --quick    # 40

The Cursor screen runs in a headless terminal of 80x24 with a real model server, on a text of 300
tokens with a context of 512. A key's time ends with the last output it causes. After a move the
next place is requested ahead; a changed setting and the first move are requested when the key
arrives. The baseline is a move to places that were seen before. The weights are random, which does
not affect the time. Target: the 99th percentile is at most 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path

from machine import print_machine

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import RenderableType
from textual.screen import Screen

from core.config.budget import count_parameters
from core.config.configs import ModelConfig
from core.paths import Home
from core.run.directory import Run
from core.run.model_files import hf_config
from core.system.files import write_json
from core.tokenizer.tokenizer import Tokenizer
from tests.support.apps import StageApp
from tests.support.runs import tiny_run, write_tiny_weights
from tui.common.client import ServerClient
from tui.screens.cursor import CursorScreen
from tui.widgets.sampling_panel import SamplingRows

TARGET_S = 0.050
TEXT_TOKENS, VOCABULARY_WORDS = 300, 4000
QUIET_S = 0.25  # without output for so long, everything was drawn
SHAPE = {"layers": 6, "heads": 6, "kv_heads": 6, "d_model": 336, "head_dim": 56, "d_ff": 960}


class TimedApp(StageApp):
    """Record when output was last written."""

    shown = 0.0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        self.shown = time.perf_counter()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="40 moves instead of 200")
    moves = 40 if parser.parse_args().quick else 200
    with tempfile.TemporaryDirectory() as folder:
        times = asyncio.run(measure(Path(folder), moves))
    seen_p99 = print_row("seen before", times["right"])
    p99 = max(print_row("to the left", times["left"]), print_row("a setting", times["setting"]))
    met = "met" if p99 <= TARGET_S else "missed"
    print(
        f"ratio of p99 to places seen before {p99 / seen_p99:.1f}; "
        f"target {TARGET_S * 1e3:.0f} ms: {met}"
    )
    print_machine()


async def measure(folder: Path, moves: int) -> dict[str, list[float]]:
    """Seconds from key to output, by kind of key."""
    home = Home(root=folder, cache=folder / "cache")
    home.cache.mkdir()
    create_run_files(home)
    text = " ".join(f"w{17 * number % VOCABULARY_WORDS}" for number in range(TEXT_TOKENS))
    screen, client = CursorScreen("big", "last", text), ServerClient(home)
    app = TimedApp(screen, home, client)
    times: dict[str, list[float]] = {}
    async with app.run_test(size=(80, 24), message_hook=app.record):
        while not screen.cursor.branch or screen.conversation.model is None:
            await asyncio.sleep(0.05)
        await app.workers.wait_for_complete()
        gc.collect()
        gc.freeze()  # as the application does
        for name, key in (("left", "left"), ("right", "right"), ("setting", "right")):
            if name == "setting":
                screen.query_one(SamplingRows).focus()  # there the key raises the temperature
                await asyncio.sleep(QUIET_S)
            count = 15 if name == "setting" else moves
            times[name] = [await key_time(app, key) for _ in range(count)]
        assert not app.errors, app.errors
        await client.close()
    return times


def create_run_files(home: Home) -> None:
    """Create a run with a model of this size and a word vocabulary."""
    run: Run = tiny_run(home, "big")
    tokenizer = Tokenizer.train(
        "word", [" ".join(f"w{number}" for number in range(VOCABULARY_WORDS))]
    )
    tokenizer.save(run.folder, "lines")
    config = ModelConfig(vocab_size=tokenizer.vocab_size, context=512, **SHAPE)
    write_json(run.config, hf_config(config))
    write_tiny_weights(run.weights, config, 0)
    print(f"{count_parameters(config) / 1e6:.1f} M parameters, {TEXT_TOKENS} tokens")


async def key_time(app: TimedApp, key: str) -> float:
    """Press a key; return the seconds until its last output was written."""
    start = time.perf_counter()
    app.simulate_key(key)
    while time.perf_counter() < max(start, app.shown) + QUIET_S:
        await asyncio.sleep(0.002)
    return app.shown - start


def print_row(name: str, times: list[float]) -> float:
    """Print one row; return the 99th percentile."""
    median = statistics.median(times)
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    print(
        f"{name:14} p50 {median * 1e3:6.1f} ms  p99 {p99 * 1e3:6.1f} ms"
        f"  max {max(times) * 1e3:6.1f} ms"
    )
    return p99


if __name__ == "__main__":
    main()
