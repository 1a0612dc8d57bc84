"""Start-up time: first frame and imports, compared with a minimal Textual application.

    python tests/benchmarks/first_frame.py            # 15 starts of each, a minute
    python tests/benchmarks/first_frame.py --quick    # 5

With a library of many runs: `large_library.py`.

Each start is a new process in a pseudo-terminal of 80x24, alternating between both; the time runs
from before the process is created until its first word is on the screen. Imports are timed inside
a process. Targets on an idle machine: first frame below 0.5 s, imports below 0.35 s. Prints both,
their ratios and the CPU time.
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

from tests.support.terminals import APP, TerminalSession, environment

TARGETS_S = {"first frame": 0.5, "imports": 0.35}
MINIMAL_APP = """
from textual.app import App
from textual.widgets import Static
class Word(App):
    def compose(self):
        yield Static("a word")
Word().run()
"""
TIMED_IMPORT = "import time; a, b = time.perf_counter(), time.process_time(); import {0}; " + (
    "print(time.perf_counter() - a, time.process_time() - b)"
)
FRAMES = {
    "minigpt-tui": (APP, "arithmetic"),
    "minimal app": ([sys.executable, "-c", MINIMAL_APP], "a word"),
}
IMPORTS = {"minigpt-tui": "tui.app", "minimal app": "textual.app, textual.widgets._static"}

Times = list[tuple[float, float]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 starts of each instead of 15")
    parser.add_argument("--starts", type=int, default=0)
    options = parser.parse_args()
    starts = options.starts or (5 if options.quick else 15)
    frames: dict[str, Times] = {name: [] for name in FRAMES}
    imports: dict[str, Times] = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory() as folder:
        for round in range(starts + 1):
            for name in FRAMES:
                first_frame = frame_times(name, Path(folder, f"{round}"))
                first_import = import_times(name)
                if round:  # the first round writes the bytecode caches
                    frames[name].append(first_frame)
                    imports[name].append(first_import)
    print(f"{starts} starts; load before {os.getloadavg()[0]:.1f}")
    print_table("first frame", frames)
    print_table("imports", imports)
    print_machine()


def frame_times(name: str, home: Path) -> tuple[float, float]:
    """Elapsed and CPU seconds until the word is on the screen."""
    command, word = FRAMES[name]
    start = time.perf_counter()
    with TerminalSession(command, environment(home)) as terminal:
        while word not in terminal.text:
            terminal.pump(1.0)
            assert not terminal.closed, terminal.text
        elapsed = time.perf_counter() - start
        stat = Path(f"/proc/{terminal.process.pid}/stat")
        ticks = stat.read_text().rpartition(")")[2].split()[11:13] if stat.exists() else ["0"]
    return elapsed, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def import_times(name: str) -> tuple[float, float]:
    """Elapsed and CPU seconds of the imports."""
    process = subprocess.run(
        [sys.executable, "-c", TIMED_IMPORT.format(IMPORTS[name])],
        check=True,
        capture_output=True,
        text=True,
        env=environment(Path("unused")),
    )
    seconds, cpu = map(float, process.stdout.split())
    return seconds, cpu


def print_table(what: str, times_by_name: dict[str, Times]) -> None:
    """Print a table."""
    print(f"\n{what:18}{'median s':>10}{'min':>8}{'max':>8}{'CPU s':>13}")
    for name, times in times_by_name.items():
        seconds, cpu = zip(*times, strict=True)
        print(
            f"  {name:16}{statistics.median(seconds):10.3f}{min(seconds):8.3f}{max(seconds):8.3f}"
            f"{statistics.median(cpu):13.3f}"
        )
    ours, base = (
        [statistics.median(column) for column in zip(*times_by_name[name], strict=True)]
        for name in times_by_name
    )
    met = "met" if ours[0] < TARGETS_S[what] else "missed"
    print(
        f"  ratio {ours[0] / base[0]:.2f}, of CPU time {ours[1] / max(base[1], 0.01):.2f};",
        end="",
    )
    print(f" target {TARGETS_S[what]} s: {met}")


if __name__ == "__main__":
    main()
