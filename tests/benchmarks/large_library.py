"""Time to read long event logs and many runs.

python tests/benchmarks/large_library.py [--events N] [--runs N] [--starts N] [--quick]

`show` reads a log of a million steps, and the list of models reads 300 runs of two thousand steps
each; of these, the rows that are shown first are timed separately. Then, in new processes and
alternating: the first frame with these runs, with none, and of a minimal application; `ls`, and
`--version` as its baseline. Medians of elapsed and CPU time.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import first_frame
from machine import print_machine

from core.paths import Home
from core.run import store
from core.run.directory import Run
from core.run.event_log import read_sparse_events
from core.run.events import encode
from core.run.history import History
from core.run.summary import summarize_run
from tests.support.terminals import APP, environment
from tui.runs.library import Library

RUN_STEPS = 2_000
FIRST_ROWS = 50  # of a tall terminal


def make_run(home: Home, name: str, steps: int) -> Run:
    """A finished run with an event for every step."""
    corpus = {"name": "none", "size": 1, "sha256": "0" * 64, "reading": "lines"}
    corpus |= {"encoding": "utf-8", "errors": "strict"}
    record = {"corpus": corpus, "train": {}, "model": {}, "seed": 1, "parent": None}
    run, lock = store.create_locked_run(home, name, record)
    lock.release()
    fields = {"train_loss": 1.2345, "learning_rate": 0.001, "tokens_per_second": 12345.6}
    with run.events.open("w") as file:
        file.write(
            encode("started", 1.0, 0) + "\n" + encode("prepared", 1.0, 0, steps=steps) + "\n"
        )
        for step in range(1, steps + 1):
            row = encode("step", step, step, **fields, epoch=step / 100, elapsed=step / 10)
            file.write(row + "\n")
            if step % 500 == 0:
                file.write(encode("eval", step, step, val_loss=1.5) + "\n")
        file.write(encode("finished", steps, steps) + "\n")
    return run


def show(run: Run) -> None:
    """What `minigpt-tui show` reads."""
    summarize_run(run)
    History().apply_all(read_sparse_events(run.events))


def measure(name: str, work: Callable[[], object]) -> None:
    """Print the seconds that some work takes."""
    began = time.perf_counter()
    work()
    print(f"{name:32} {time.perf_counter() - began:.3f} s")


def command_times(command: str, home: Path) -> tuple[float, float]:
    """Elapsed and CPU seconds of a command."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*APP, command], check=True, capture_output=True, env=environment(home))
    elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return elapsed, cpu


def measure_processes(full: Path, empty: Path, starts: int) -> None:
    """Print the times of processes that start with a full or an empty home."""
    first_frame.FRAMES["full"] = (APP, "finished")
    work: dict[str, Callable[[], tuple[float, float]]] = {
        "first frame, with the runs": lambda: first_frame.frame_times("full", full),
        "first frame, without runs": lambda: first_frame.frame_times("minigpt-tui", empty),
        "first frame, minimal app": lambda: first_frame.frame_times("minimal app", empty),
        "ls": lambda: command_times("ls", full),
        "--version": lambda: command_times("--version", full),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for number in range(starts + 1):
        for name, measurement in work.items():
            seconds = measurement()
            if number:  # the first writes the bytecode caches
                times[name].append(seconds)
    for name, pairs in times.items():
        elapsed, cpu = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:32} {elapsed:.3f} s, CPU {cpu:.3f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="few events, runs and starts")
    options = parser.parse_args()
    if options.quick:
        options.events, options.runs, options.starts = 10_000, 10, 1
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        long = make_run(home, "long", options.events)
        measure(f"show of {options.events:,} events", lambda: show(long))
        for number in range(options.runs):
            make_run(home, f"run{number}", RUN_STEPS)
        library = Library(home)
        measure(f"first {FIRST_ROWS} of {options.runs} runs", lambda: library.rows(FIRST_ROWS))
        measure(f"all {options.runs} runs", library.rows)
        print(f"load {os.getloadavg()[0]:.1f}")
        measure_processes(home.root, Path(folder) / "none", options.starts)


if __name__ == "__main__":
    main()
