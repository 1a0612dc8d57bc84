"""How soon the application shows its first frame, beside a Textual application of one word.

    python tests/benchmarks/first_frame.py            # 15 starts of each, a minute
    python tests/benchmarks/first_frame.py --quick    # 5

Each start is a new process in a pseudo-terminal of 80x24, alternately of both; the time is from
before the process is made until the word stands on its screen. Imports are timed inside a process.
The contract: the first frame below 0.5 s, the imports below 0.35 s, on a machine with nothing else
to do. Prints both, their ratios, and what the processes took of the processor.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import print_machine

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.terminals import APP, Terminal, environment

CONTRACT = {"first frame": 0.5, "imports": 0.35}
ONE_WORD = """
from textual.app import App
from textual.widgets import Static
class Word(App):
    def compose(self):
        yield Static("a word")
Word().run()
"""
TIMED = "import time; a, b = time.perf_counter(), time.process_time(); import {0}; " + (
    "print(time.perf_counter() - a, time.process_time() - b)"
)
FRAMES = {
    "the application": (APP, "arithmetic"),
    "one word": ([sys.executable, "-c", ONE_WORD], "a word"),
}
IMPORTS = {"the application": "tui.app", "one word": "textual.app, textual.widgets._static"}

Times = list[tuple[float, float]]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 starts of each instead of 15")
    parser.add_argument("--starts", type=int, default=0)
    options = parser.parse_args()
    starts = options.starts or (5 if options.quick else 15)
    frames: dict[str, Times] = {name: [] for name in FRAMES}
    imports: dict[str, Times] = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(starts + 1):
            for name in FRAMES:
                found = frame(name, Path(folder, f"{turn}")), imported(name)
                if turn:  # the first one of each writes what Python keeps of its modules
                    frames[name].append(found[0])
                    imports[name].append(found[1])
    print(f"{starts} starts; load before {os.getloadavg()[0]:.1f}")
    show("first frame", frames)
    show("imports", imports)
    print_machine()


def frame(name: str, home: Path) -> tuple[float, float]:
    """Seconds until the word is shown, and of the processor until then."""
    command, word = FRAMES[name]
    began = time.perf_counter()
    with Terminal(command, environment(home)) as terminal:
        while word not in terminal.text:
            terminal.pump(1.0)
            assert not terminal.closed, terminal.text
        taken = time.perf_counter() - began
        stat = Path(f"/proc/{terminal.process.pid}/stat")
        ticks = stat.read_text().rpartition(")")[2].split()[11:13] if stat.exists() else ["0"]
    return taken, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def imported(name: str) -> tuple[float, float]:
    """Seconds that importing takes, and of the processor."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(IMPORTS[name])],
        check=True,
        capture_output=True,
        text=True,
        env=environment(Path("unused")),
    )
    seconds, cpu = map(float, done.stdout.split())
    return seconds, cpu


def show(what: str, found: dict[str, Times]) -> None:
    """A table of what was found."""
    print(f"\n{what:18}{'median s':>10}{'least':>8}{'most':>8}{'processor s':>13}")
    for name, times in found.items():
        seconds, cpu = zip(*times, strict=True)
        print(
            f"  {name:16}{statistics.median(seconds):10.3f}{min(seconds):8.3f}{max(seconds):8.3f}"
            f"{statistics.median(cpu):13.3f}"
        )
    ours, base = (
        [statistics.median(column) for column in zip(*found[name], strict=True)] for name in found
    )
    kept = "kept" if ours[0] < CONTRACT[what] else "missed"
    print(
        f"  ratio {ours[0] / base[0]:.2f}, by processor time {ours[1] / max(base[1], 0.01):.2f};",
        end="",
    )
    print(f" contract {CONTRACT[what]} s: {kept}")


if __name__ == "__main__":
    main()
