"""How soon a move of the cursor, and a changed setting, show: a model of 10 M parameters.

    python tests/benchmarks/cursor_moves.py            # 200 moves each
    python tests/benchmarks/cursor_moves.py --quick    # 40

The screen of the cursor in a headless terminal of 80x24 with the real sampler's process behind it,
over a text of 300 tokens with a context of 512. The time ends when the last of what a key changed
was written. The place after a move is asked for ahead; a changed setting, and the first move, ask
when the key comes. The baseline are moves to places that were seen before. The weights are random,
which changes no time. The contract: the 99th percentile is at most 50 ms.
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
from tests.support.runs import tiny_run, write_tiny_weights
from tests.support.step_stage import StageApp
from tui.common.client import ServerClient
from tui.screens.cursor import CursorScreen

CONTRACT = 0.050
TOKENS, WORDS = 300, 4000
QUIET = 0.25  # seconds without a change: all was shown
SHAPE = {"layers": 6, "heads": 6, "kv_heads": 6, "d_model": 336, "head_dim": 56, "d_ff": 960}


class Timed(StageApp):
    """Notes when it wrote to the terminal last."""

    shown = 0.0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        self.shown = time.perf_counter()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="40 moves instead of 200")
    moves = 40 if parser.parse_args().quick else 200
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), moves))
    seen = row("seen before", found["right"])
    last = max(row("to the left", found["left"]), row("a setting", found["setting"]))
    kept = "kept" if last <= CONTRACT else "missed"
    print(f"ratio of p99 to seen {last / seen:.1f}; contract {CONTRACT * 1e3:.0f} ms: {kept}")
    print_machine()


async def measure(folder: Path, moves: int) -> dict[str, list[float]]:
    """Seconds from a key to its choices, for each kind of key."""
    home = Home(root=folder, cache=folder / "cache")
    home.cache.mkdir()
    make(home)
    text = " ".join(f"w{17 * number % WORDS}" for number in range(TOKENS))
    screen, sampler = CursorScreen("big", "last", text), ServerClient(home)
    app = Timed(home, sampler, screen)  # type: ignore[arg-type]
    found: dict[str, list[float]] = {}
    async with app.run_test(size=(80, 24)):
        while not screen.cursor.branch or screen.talk.model == {}:
            await asyncio.sleep(0.05)
        await app.workers.wait_for_complete()
        gc.collect()
        gc.freeze()  # as the application does
        for name, key in (("left", "left"), ("right", "right"), ("setting", "t")):
            count = 15 if name == "setting" else moves
            found[name] = [await key_time(app, key) for _ in range(count)]
        assert not app.troubles, app.troubles
        await sampler.close()
    return found


def make(home: Home) -> None:
    """A run with a model of the size, and a vocabulary of words."""
    run: Run = tiny_run(home, "big")
    tokenizer = Tokenizer.train("word", [" ".join(f"w{number}" for number in range(WORDS))])
    tokenizer.save(run.folder)
    config = ModelConfig(vocab_size=tokenizer.vocab_size, context=512, **SHAPE)
    write_json(run.config, hf_config(config))
    write_tiny_weights(run.weights, config, 0)
    print(f"{count_parameters(config) / 1e6:.1f} M parameters, {TOKENS} tokens")


async def key_time(app: Timed, key: str) -> float:
    """Presses a key; the seconds until the last bytes of what it changed were written."""
    began = time.perf_counter()
    app.simulate_key(key)
    while time.perf_counter() < max(began, app.shown) + QUIET:
        await asyncio.sleep(0.002)
    return app.shown - began


def row(name: str, times: list[float]) -> float:
    """Prints a row; the 99th percentile."""
    half = statistics.median(times)
    last = statistics.quantiles(times, n=100, method="inclusive")[98]
    print(
        f"{name:14} p50 {half * 1e3:6.1f} ms  p99 {last * 1e3:6.1f} ms"
        f"  most {max(times) * 1e3:6.1f} ms"
    )
    return last


if __name__ == "__main__":
    main()
