"""One trainer on several devices of this machine: torchrun's agent, in the trainer's process.

It holds the run's lock and trains nothing itself: it starts a process for each device, and all of
them end when one does, or when it does. What they could not say it says in the end.

A training whose processes torchrun or Slurm began, on any number of machines.

Each runs the same command. The first has the run, and tells the others which; there is no agent
of ours: who ends the rest once one has failed is torchrun's, or `srun --kill-on-bad-exit`'s, task.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from core.config.configs import Extension
from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.run import control_file
from core.run.directory import Run
from core.run.event_log import EventLog, events_backwards
from core.run.events import FAILED, SAVED, TERMINAL, Event
from core.run.launch import TrainerArguments
from core.system.locks import Lock
from core.system.process import PARENT_PID_VARIABLE
from core.system.rank_env import RankInfo
from core.system.signals import RegisterStop
from core.train.distributed import join_process_group, leave_process_group
from core.train.job import train, train_as_other_rank

FAILURES_FOLDER_VARIABLE = "MINIGPT_FAILURES"  # a folder, in the environment of the workers
LOOPBACK_INTERFACES = {"linux": "lo", "darwin": "lo0"}
AGENT_LOGGER = "torch.distributed.elastic.multiprocessing.api"
SHUTDOWN_TIMEOUT_S = 60  # for the others to end once one has failed


def count_devices(wanted: int, device: str) -> int:
    """How many processes are to train, each on a device; 0 wants one for every device.

    Raises:
        InputError: there are fewer, or `device` names a single one.
    """
    on_gpus = torch.cuda.is_available() and device in ("auto", "cuda")
    if wanted == 0:
        return torch.cuda.device_count() if on_gpus else 1
    if wanted > 1 and on_gpus and wanted > torch.cuda.device_count():
        raise InputError(
            f"{wanted} devices were asked for; there are {torch.cuda.device_count()} GPUs here.",
            "Ask for fewer, or for all; CUDA_VISIBLE_DEVICES says which are seen.",
        )
    if wanted > 1 and not on_gpus and device not in ("auto", "cpu"):
        raise InputError(
            f"{device} is one device, not {wanted}.",
            "Leave --device out, or say cuda or cpu, to train on several.",
        )
    return wanted


def train_in_workers(
    arguments: TrainerArguments, run: Run, lock: Lock, count: int, on_stop: RegisterStop
) -> None:
    """Trains a run with `count` processes until all have ended.

    Args:
        arguments: of this process.
        lock: the run's, held; released at the end.
        on_stop: registers the function that requests a stop.
    """
    with lock, tempfile.TemporaryDirectory(prefix="minigpt-") as folder:
        on_stop(lambda reason: _ask_to_stop(run, reason))
        os.environ |= {PARENT_PID_VARIABLE: str(os.getpid()), FAILURES_FOLDER_VARIABLE: folder}
        if interface := LOOPBACK_INTERFACES.get(sys.platform):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
        worker = dataclasses.replace(arguments, lock_fd=None, devices=None)
        said = _launched(worker.command()[1:], count, Path(folder))
        _say_what_was_not_said(run, lock.acquired_at, said, Path(folder))


def _ask_to_stop(run: Run, reason: str) -> None:
    """Asks through the file, which the first worker reads: signals are the agent's alone."""
    control_file.append_request(run.requests, control_file.STOP, reason=reason)


def _launched(arguments: list[str], count: int, folder: Path) -> str:
    """Runs the workers to their end; what torchrun says of one that failed, or nothing.

    In a thread, as the agent's main one keeps its own handlers of signals.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=folder.name,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
    )
    said: list[str] = []

    def work() -> None:
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            said.append(f"Process {rank} of {count} ended with {_ended(failure.exitcode)}.")

    # It warns that workers may be orphaned; ours end with this process (`core.system.process`).
    logging.getLogger(AGENT_LOGGER).setLevel(logging.ERROR)
    thread = threading.Thread(target=work, name="agent")
    thread.start()
    while thread.is_alive():  # a signal is handled between two looks
        thread.join(0.2)
    return said[0] if said else ""


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _say_what_was_not_said(run: Run, since: float, torchrun: str, folder: Path) -> None:
    """Says `failed` where the first worker did not come to say how it ended."""
    last = next(events_backwards(run.events), None)
    if last and last.type in TERMINAL and last.time >= since:
        return
    with closing(EventLog(run.events)) as log:
        log.emit(FAILED, last.step if last else 0, **_failure(run, torchrun, folder))


def _failure(run: Run, torchrun: str, folder: Path) -> dict[str, Any]:
    told = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    fields: dict[str, Any] = {
        "title": "The run failed",
        "message": torchrun or "The processes of the training ended without a word.",
        "hint": f"minigpt-tui logs {run.name} shows what they printed; resume goes on from the "
        "last checkpoint.",
        "code": 1,
    }
    if told:
        fields |= json.loads(told[0].read_text())
    saved = (e.step for e in events_backwards(run.events) if e.type == SAVED)
    return fields | {"saved_step": next(saved, None)}


def note_failure(rank: int, failure: dict[str, Any]) -> None:
    """Leaves the fields of a `failed` for the agent, if there is one."""
    if FAILURES_FOLDER_VARIABLE in os.environ:
        (Path(os.environ[FAILURES_FOLDER_VARIABLE]) / f"{rank}.json").write_text(
            json.dumps(failure)
        )


class RankLostError(MiniGPTError):
    """Another process of the training has ended in its midst."""

    title = "The training came apart"


def train_as_rank_0(
    home: Home,
    run: Run,
    lock: Lock,
    place: RankInfo,
    *,
    listeners: Sequence[Callable[[Event], None]],
    on_control: Callable[[Callable[[str], None]], object],
    more: Extension | None,
) -> None:
    """Trains a run as the first of several processes; see `core.train.job.train`.

    Raises:
        PartedError: another one ended.
    """
    failed: list[Event] = []
    hear = [*listeners, lambda event: failed.append(event) if event.type == FAILED else None]
    with _among(run.name):
        ranks = join_process_group(place)
        ranks.tell({"run": run.name})
        train(home, run, lock, listeners=hear, on_control=on_control, more=more, ranks=ranks)
    if not failed:  # else the others are ended, not met again
        leave_process_group()


def train_as_joined_rank(home: Home, place: RankInfo) -> dict[str, Any] | None:
    """Trains along with the first of several processes; the fields of `failed` where this failed.

    Raises:
        Cancelled: the first one has nothing to train.
        PartedError: another one ended.
    """
    with _among("the run"):
        ranks = join_process_group(place)
        failure = train_as_other_rank(Run(home.runs / str(ranks.hear()["run"])), ranks)
    if failure is None:
        leave_process_group()
    return failure


@contextmanager
def _among(name: str) -> Iterator[None]:
    """What the library says of a connection that broke is said in words."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error).lower():
            raise
        raise RankLostError(
            "Another process of the training has ended; its own output says why.",
            f"Resume {name} in the same way: the last checkpoint is whole.",
        ) from error
