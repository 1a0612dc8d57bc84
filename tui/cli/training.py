"""Training a run whose lock is held: detached and watched, detached only, or in this process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import click

from core.config.configs import Extension, TrainConfig
from core.paths import Home
from core.run import launch, store
from core.run.directory import Run
from core.run.events import END_EVENTS, Event
from core.run.follow import RunFollower
from core.run.history import History
from core.run.record import read_record, read_requested_config
from core.system.locks import Lock
from core.system.rank_env import RankInfo, read_rank_info
from core.system.signals import STOP_SIGNALS, StopSignals
from tui.cli.console import print_event, print_message
from tui.cli.outcome import alert_terminal, report_crash, report_outcome
from tui.cli.progress import TrainingView
from tui.cli.watch import (
    EXIT_DETACHED,
    WatchSignals,
    background_commands,
    is_interactive,
    wait_for_start,
    watch,
)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a run is to be trained and shown.

    Attributes:
        detach: return once the trainer has started.
        foreground: train in this process, or in some that end with it.
        as_json: print events instead of a progress bar.
        devices: how many to train on; None is what the run was created with.
        rank: of this process, if torchrun or Slurm started several.
    """

    detach: bool = False
    foreground: bool = False
    as_json: bool = False
    devices: int | None = None
    rank: RankInfo | None = None

    @property
    def worker(self) -> RankInfo | None:
        """The rank of this process if it is not 0, in which case rank 0 has the run."""
        return self.rank if self.rank and not self.rank.is_rank_0 else None


def train_options(
    *, detach: bool, foreground: bool, as_json: bool, devices: int | None
) -> TrainOptions:
    """Combine the options of the command with the rank that the environment gives.

    Raises:
        click.UsageError: options that exclude each other or the environment.
        InputError: the variables of torchrun or Slurm contradict each other.
    """
    if detach and foreground:
        raise click.UsageError("Choose one of --detach and --foreground.")
    rank = read_rank_info(os.environ)
    if rank is None or rank.world_size == 1:
        return TrainOptions(detach=detach, foreground=foreground, as_json=as_json, devices=devices)
    if detach or devices is not None:
        raise click.UsageError(
            f"This is rank {rank.rank} of {rank.world_size} processes, which train on one device "
            "each. Omit --detach and --devices."
        )
    return TrainOptions(foreground=True, as_json=as_json, devices=1, rank=rank)


def check_devices(requested: int | None, config: TrainConfig) -> None:
    """Check that there are as many devices as requested, before anything is changed on the disk.

    Args:
        requested: None for what `config` says.

    Raises:
        InputError: there are fewer, or they cannot be used together.
    """
    count = config.devices if requested is None else requested
    if count != 1:
        from core.train.launchers import count_devices  # imports torch

        count_devices(count, config.device)


def train_run(
    home: Home,
    run: Run,
    lock: Lock,
    options: TrainOptions,
    extension: Extension | None = None,
) -> int:
    """Train a run as `options` say; the exit code.

    Args:
        lock: the run's, held; afterwards it is released or the trainer's.
    """
    with ExitStack() as stack:
        stack.push(lock)  # released if the run cannot be read
        is_tied = options.foreground and _needs_several_processes(run, options)
        follower = RunFollower(run)
        follower.poll()
        stack.pop_all()
    if options.foreground and not is_tied:
        return train_here(
            home, run, lock, follower.history, as_json=options.as_json, extension=extension,
            rank=options.rank,
        )  # fmt: skip
    with WatchSignals(stops_trainer=is_tied or not is_interactive(), is_tied=is_tied) as signals:
        launch.start(home, run, lock, extension, devices=options.devices, tied=is_tied)
        if not options.detach:
            return watch(run, signals, follower, as_json=options.as_json)
        started = wait_for_start(run, signals, follower)
    if started is None:
        return EXIT_DETACHED
    if options.as_json:
        print_event(started)
    if follower.is_over and signals.requested:
        if follower.history.status not in END_EVENTS:
            return report_crash(run, follower.history)
        return report_outcome(run, follower.history, as_json=options.as_json)
    if not options.as_json:
        pid = started.whole("pid")
        print_message(
            f"Training {run.name} in the background (process {pid}).\n{background_commands(run)}"
        )
    return 0


def _needs_several_processes(run: Run, options: TrainOptions) -> bool:
    if options.devices is None:
        return read_requested_config(run, read_record(run)).devices != 1
    return options.devices != 1


def train_here(
    home: Home,
    run: Run,
    lock: Lock,
    history: History,
    *,
    as_json: bool,
    extension: Extension | None = None,
    rank: RankInfo | None = None,
) -> int:
    """Train in this process until the run ends or a signal stops it; the exit code.

    Args:
        history: of the run so far.
        rank: 0 of several processes that train together.
    """
    with TrainingView(run.name) as view:

        def on_event(event: Event) -> None:
            history.apply(event)
            if as_json:
                print_event(event)
            # If the terminal is gone, training continues without output.
            with contextlib.suppress(OSError):
                view.show([event], history)

        print_message(f"{run.name}: loading PyTorch")
        with StopSignals(_announce_stop, once=True) as signals:
            try:
                _train_function(rank)(
                    home, run, lock, listeners=[on_event], on_stop=signals.on_stop,
                    extension=extension,
                )  # fmt: skip
            except KeyboardInterrupt:
                if not run.events.exists():  # interrupted before training began
                    lock.release()
                    store.delete_run(home, run)
                raise
    alert_terminal(run, history)
    return report_outcome(run, history, as_json=as_json)


def _announce_stop(_: signal.Signals) -> None:
    print_message("\nStopping after this step; a second signal ends it at once.")


def _train_function(rank: RankInfo | None) -> Callable[..., object]:
    """Import PyTorch and return the function that trains."""
    if rank is None:
        from core.train.job import train

        return train
    from core.train.launchers import train_as_rank_0

    return partial(train_as_rank_0, info=rank)


def train_as_worker(home: Home, rank: RankInfo) -> int:
    """Train in this process along with rank 0; the exit code.

    Signals reach all processes of a job: only rank 0 obeys them, and the others follow it.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    from core.train.launchers import train_as_joined_rank

    failure = train_as_joined_rank(home, rank)
    if failure is not None:
        print_message(f"Rank {rank.rank}: {failure['message']}\n{failure['hint']}")
    return int(failure is not None)
