"""What events, checkpoints and snapshots take of a training, beside the bare loop of its updates.

python tests/benchmarks/overhead.py [--sizes tiny,medium,xl] [--rounds N] [--quick]

A run of `tiny` saves every five seconds instead of every sixty, and all have the many snapshots of
their first steps, so the share is an upper bound. Evaluations and samples are no part
of it: they are work of their own. Both train from the same beginning, by turns. What holds the
training up is the run's time outside of updates; what slows the updates themselves shows against
the bare loop, where the machine is quiet enough.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from machine import print_machine

from core.config.configs import TrainConfig
from core.paths import Home
from core.progress import never_cancelled, no_progress
from core.run.create import create_run
from core.run.events import FINISHED
from core.system.process import keep_freed_memory
from core.train import optim
from core.train.distributed import ProcessGroup
from core.train.job import train
from core.train.prepare import build_job, resolve_settings
from core.train.update import PendingUpdate, Updater

STEPS = {"tiny": 120, "medium": 30, "xl": 8}
BATCHES = {"xl": 4}  # windows, where the preset's would take minutes
ROUNDS = 3
NEVER = 10**9
SAVE_SECONDS = {"tiny": 5.0, "medium": 60.0, "xl": 60.0}  # 60 as a run has it


def settings(preset: str, steps: int) -> TrainConfig:
    """A training without evaluations."""
    return TrainConfig(
        preset=preset,
        steps=steps,
        eval_steps=NEVER,
        checkpoint_seconds=SAVE_SECONDS[preset],
        batch_size=BATCHES.get(preset),
        device="cpu",
    )


def whole(home: Home, config: TrainConfig) -> tuple[float, float]:
    """Seconds of training as a run counts them: all but evaluations and samples; of its updates."""
    said: dict[str, float] = {}
    run, lock = create_run(home, "stories", config, {})
    update, updates = Updater.update, list[float]()

    def timed(self: Updater, *rest: Any) -> PendingUpdate:
        began = time.perf_counter()
        made = update(self, *rest)
        updates.append(time.perf_counter() - began)
        return made

    Updater.update = timed  # type: ignore[method-assign]
    try:
        train(home, run, lock, listeners=[lambda event: said.update({event.type: _elapsed(event)})])
    finally:
        Updater.update = update  # type: ignore[method-assign]
    return said[FINISHED], sum(updates)


def _elapsed(event: object) -> float:
    fields: dict[str, float] = getattr(event, "fields", {})
    return float(fields.get("elapsed", 0.0))


def bare(home: Home, config: TrainConfig) -> float:
    """Seconds of the same updates with nothing around them."""
    run, lock = create_run(home, "stories", config, {})
    with lock:
        settings = resolve_settings(
            home, run, None, progress=no_progress, cancelled=never_cancelled, group=ProcessGroup()
        )
        job = build_job(run, settings, None, None)
    updater = Updater(job.model, job.model.device, optim.build_optimizer(job.model, job.config))
    assert job.config.steps is not None
    began = time.perf_counter()
    for step in range(job.config.steps):
        rate = optim.learning_rate(step, job.config.steps, job.config)
        updater.update(job.batches, step, rate, job.config)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default=",".join(STEPS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="few steps: no figures")
    options = parser.parse_args()
    keep_freed_memory()
    print_machine()
    for preset in ["tiny"] if options.quick else options.sizes.split(","):
        steps = 3 if options.quick else STEPS[preset]
        rows = []
        for _ in range(1 if options.quick else options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                home = Home(root=Path(folder), cache=Path(folder) / "cache")
                config = settings(preset, steps)
                rows.append((bare(home, config), *whole(home, config)))
        alone, run = (median(row[column] for row in rows) for column in range(2))
        pairs = ", ".join(f"{row[1] / row[0] - 1:+.1%}" for row in rows)
        outside = median(1 - row[2] / row[1] for row in rows)
        print(
            f"{preset:<7} {steps} steps: a run {run:6.2f} s, {outside:.1%} outside of updates; "
            f"bare {alone:6.2f} s, against that {run / alone - 1:+.1%} (pairs {pairs})",
            flush=True,
        )


if __name__ == "__main__":
    main()
