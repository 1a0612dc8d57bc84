"""Share of events, checkpoints and snapshots in training time, against the bare loop of updates.

python tests/benchmarks/overhead.py [--sizes tiny,medium,xl] [--rounds N] [--quick]

A run of `tiny` saves every five seconds instead of every sixty, and all runs take the many
snapshots of their first steps, so the share is an upper bound. Evaluations and samples are not
included. Both start from the same weights and alternate. The time outside of updates is what
delays training; slower updates show in the comparison with the bare loop if the machine is quiet.
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
BATCH_SIZES = {"xl": 4}  # the batch of the preset would take minutes
ROUNDS = 3
NEVER_STEPS = 10**9
CHECKPOINT_SECONDS = {"tiny": 5.0, "medium": 60.0, "xl": 60.0}  # 60 is the default of a run


def settings(preset: str, steps: int) -> TrainConfig:
    """Training settings without evaluations."""
    return TrainConfig(
        preset=preset,
        steps=steps,
        eval_steps=NEVER_STEPS,
        checkpoint_seconds=CHECKPOINT_SECONDS[preset],
        batch_size=BATCH_SIZES.get(preset),
        device="cpu",
    )


def time_run(home: Home, config: TrainConfig) -> tuple[float, float]:
    """Seconds of a run without evaluations and samples, and of its updates."""
    elapsed_by_event: dict[str, float] = {}
    run, lock = create_run(home, "stories", config, {})
    update, update_seconds = Updater.update, list[float]()

    def timed_update(self: Updater, *rest: Any) -> PendingUpdate:
        start = time.perf_counter()
        result = update(self, *rest)
        update_seconds.append(time.perf_counter() - start)
        return result

    Updater.update = timed_update  # type: ignore[method-assign]
    try:
        train(
            home,
            run,
            lock,
            listeners=[lambda event: elapsed_by_event.update({event.type: _elapsed(event)})],
        )
    finally:
        Updater.update = update  # type: ignore[method-assign]
    return elapsed_by_event[FINISHED], sum(update_seconds)


def _elapsed(event: object) -> float:
    fields: dict[str, float] = getattr(event, "fields", {})
    return float(fields.get("elapsed", 0.0))


def time_bare_loop(home: Home, config: TrainConfig) -> float:
    """Seconds of the same updates and nothing else."""
    run, lock = create_run(home, "stories", config, {})
    with lock:
        settings = resolve_settings(
            home, run, None, progress=no_progress, cancelled=never_cancelled, group=ProcessGroup()
        )
        job = build_job(run, settings, None, None)
    updater = Updater(job.model, job.model.device, optim.build_optimizer(job.model, job.config))
    assert job.config.steps is not None
    start = time.perf_counter()
    for step in range(job.config.steps):
        rate = optim.learning_rate(step, job.config.steps, job.config)
        updater.update(job.batches, step, rate, job.config)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default=",".join(STEPS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--quick", action="store_true", help="few steps, only to check that it works"
    )
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
                rows.append((time_bare_loop(home, config), *time_run(home, config)))
        bare_seconds, run = (median(row[column] for row in rows) for column in range(2))
        pairs = ", ".join(f"{row[1] / row[0] - 1:+.1%}" for row in rows)
        outside = median(1 - row[2] / row[1] for row in rows)
        print(
            f"{preset:<7} {steps} steps: a run {run:6.2f} s, {outside:.1%} outside of updates; "
            f"bare loop {bare_seconds:6.2f} s, the run takes {run / bare_seconds - 1:+.1%} "
            f"(pairs {pairs})",
            flush=True,
        )


if __name__ == "__main__":
    main()
