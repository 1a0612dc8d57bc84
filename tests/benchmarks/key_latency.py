"""How soon a key shows on the screen of Talk while a reply streams at 1,000 tokens a second.

    python tests/benchmarks/key_latency.py            # 400 keys for each row, two minutes
    python tests/benchmarks/key_latency.py --quick    # 100

The real application in a pseudo-terminal of 80x24, with a recorded sampler in it that says 20
tokens every 20 ms, and a process at nice 10 for each core that computes without end, as a trainer
does. A letter is typed into the prompt; the time ends when the bytes that show it have come to the
terminal: a thread takes them as they come, as terminals do, and what they show is found out later.
The baseline is the same application with nothing else to do. The contract: the 99th percentile is
at most 50 ms.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import print_machine

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.terminals import ENTER, ROOT, Terminal, environment

CONTRACT = 0.050
NICE = 10
AT_ONCE, EVERY = 20, 0.02  # tokens, seconds: 1,000 a second
REST = 0.03, 0.12  # seconds between two keys, as people type
ERASE = "\x15"  # Ctrl+U
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # no text of the screen itself begins like this
PLACES = 40
BUSY = f"import os; os.nice({NICE})\nwhile True: sum(range(100_000))"
STREAMING = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])
from tests.support.samplers import FakeSampler
from core.paths import find_home
from tui.launch import open_app

class Streaming(FakeSampler):
    async def stream(self, op, **fields):
        if op != "generate":
            async for said in super().stream(op, **fields):
                yield said
            return
        began, count = time.monotonic(), 0
        words = [" the", " cat", " sat", " on", " mats", ","]
        while True:
            part = [[7, words[n % 6], 0.5] for n in range(count, count + AT_ONCE)]
            count += AT_ONCE
            yield {"id": 1, "tokens": part, "window_start": 0, "count": count, "seconds": 0.0}
            await asyncio.sleep(max(0.0, began + count / AT_ONCE * EVERY - time.monotonic()))

open_app(find_home(), ascii_only=False, client=Streaming())
""".replace("AT_ONCE", str(AT_ONCE)).replace("EVERY", str(EVERY))


class Stamped(Terminal):
    """A terminal that notes when the bytes came that it shows.

    Attributes:
        came: when the last that were taken up did.
    """

    came = 0.0

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        super().__init__(command, environ)
        self._waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        part = b"."
        while part:
            part = self.read()
            self._waiting.put((time.perf_counter(), part))

    def pump(self, seconds: float) -> bytes:
        """Takes up what came until something did or the time is over."""
        try:
            self.came, part = self._waiting.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return b""
        self.take(part)
        return part


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 keys instead of 400")
    parser.add_argument("--keys", type=int, default=0)
    options = parser.parse_args()
    sys.setswitchinterval(0.0005)  # what came is stamped at once, also while it is shown
    keys = options.keys or (100 if options.quick else 400)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{keys} keys each; load before {os.getloadavg()[0]:.1f}")
    idle = row("idle", measure(keys, streams=False))
    row("1,000 tokens/s", measure(keys, streams=True))
    with busy(cores or 1):
        row(f"and {cores} busy cores", found := measure(keys, streams=True))
    last = percentile(found, 99)
    kept = "kept" if last <= CONTRACT else "missed"
    print(f"ratio of p99 to idle {last / idle:.1f}; contract {CONTRACT * 1e3:.0f} ms: {kept}")
    print_machine()


def measure(keys: int, *, streams: bool) -> list[float]:
    """Seconds from a key to the screen."""
    sys.path.insert(0, str(ROOT))
    from tests.support.runs import ScriptedRun

    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        story = ScriptedRun(home)
        story.train_fully()
        story.run.weights.touch()
        command = [sys.executable, "-c", STREAMING, str(Path(__file__).parents[2])]
        with Stamped(command, environment(home)) as terminal:
            terminal.wait("poem +.*finished")
            terminal.send("t")
            terminal.wait("Talk +poem")
            if streams:
                terminal.send("so" + ENTER)
                terminal.wait("cat sat on")
            times = [key_time(terminal, chance, number) for number in range(keys)]
            if streams:
                assert "Stop" in terminal.text, "it streams no more: nothing was measured"
    return times


def key_time(terminal: Stamped, chance: random.Random, number: int) -> float:
    """Types one letter and waits until it stands in the prompt."""
    place = number % PLACES
    if place == 0:
        terminal.send(ERASE)
        terminal.until(lambda: not prompt(terminal)[:1].isupper(), "an empty prompt")
    quiet = time.perf_counter() + chance.uniform(*REST)
    while (left := quiet - time.perf_counter()) > 0:
        terminal.pump(left)
    wanted = "".join(LETTERS[n % 26] for n in range(number - place, number + 1))
    began = time.perf_counter()
    terminal.send(wanted[-1])
    while not prompt(terminal).startswith(wanted):
        terminal.pump(1.0)
        assert time.perf_counter() < began + 10, terminal.text
    return terminal.came - began


def prompt(terminal: Terminal) -> str:
    """What stands in the prompt."""
    return terminal.text.split("\n")[22][3:]


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """Has every core at work as a trainer would."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(cores)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def percentile(times: list[float], part: int) -> float:
    """A percentile."""
    return statistics.quantiles(times, n=100, method="inclusive")[part - 1]


def row(name: str, times: list[float]) -> float:
    """Prints a row; the 99th percentile."""
    half, last = statistics.median(times), percentile(times, 99)
    print(
        f"{name:20} p50 {half * 1e3:6.1f} ms  p99 {last * 1e3:6.1f} ms"
        f"  most {max(times) * 1e3:6.1f} ms"
    )
    return last


if __name__ == "__main__":
    main()
