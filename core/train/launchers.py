"""Training in several processes, started by this program or by torchrun or Slurm.

On several devices of one machine, the trainer becomes torchrun's agent: it holds the run's lock,
trains nothing itself, and starts a worker process for each device. All of them end when one does,
or when the agent does; the agent reports failures that the workers could not.

Started by torchrun or Slurm, on any number of machines, every process runs the same command. Rank 0
creates the run and broadcasts its name. There is no agent of ours: torchrun, or
`srun --kill-on-bad-exit`, ends the other processes once one has failed.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

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
from core.run.event_log import EventListener, EventLog, events_backwards
from core.run.events import END_EVENTS, FAILED, SAVED
from core.run.launch import TrainerArguments
from core.run.run_lock import LogLengths, read_lengths
from core.system.files import JsonObject
from core.system.locks import Lock
from core.system.process import PARENT_PID_VARIABLE
from core.system.rank_env import RankInfo
from core.system.signals import RegisterStop
from core.train.distributed import join_process_group, leave_process_group
from core.train.job import train, train_as_other_rank

FAILURES_FOLDER_VARIABLE = "MINIGPT_FAILURES"  # set for the workers
LOOPBACK_INTERFACES = {"linux": "lo", "darwin": "lo0"}
AGENT_LOGGER = "torch.distributed.elastic.multiprocessing.api"
AGENT_POLL_INTERVAL_S = 0.2
SHUTDOWN_TIMEOUT_S = 60  # for the other workers to end once one has failed


class RankLostError(MiniGPTError):
    """The connection to another rank broke."""

    title = "A training process exited"


def count_devices(requested: int, device: str) -> int:
    """The number of processes to train in, one per device.

    Args:
        requested: number of devices; 0 for all.

    Raises:
        InputError: there are fewer, or `device` names a single one.
    """
    on_gpus = torch.cuda.is_available() and device in ("auto", "cuda")
    if requested == 0:
        return torch.cuda.device_count() if on_gpus else 1
    if requested > 1 and on_gpus and requested > torch.cuda.device_count():
        raise InputError(
            f"{requested} devices were requested; this machine has {torch.cuda.device_count()} "
            "GPUs.",
            "Request fewer, or all; CUDA_VISIBLE_DEVICES limits which GPUs are visible.",
        )
    if requested > 1 and not on_gpus and device not in ("auto", "cpu"):
        raise InputError(
            f"{device} is one device, not {requested}.",
            "Use --device cuda or cpu, or leave it out, to train on several devices.",
        )
    return requested


def train_in_workers(
    arguments: TrainerArguments, run: Run, lock: Lock, count: int, on_stop: RegisterStop
) -> None:
    """Train a run in `count` worker processes until all have ended.

    Args:
        arguments: of this process.
        lock: the run's, held; released at the end.
        on_stop: registers the function that requests a stop.
    """

    def request_stop(reason: str) -> None:
        # Through the file that rank 0 reads: signals reach only the agent.
        control_file.append_request(run.requests, control_file.STOP, reason=reason)

    with lock, tempfile.TemporaryDirectory(prefix="minigpt-") as folder:
        on_stop(request_stop)
        os.environ |= {PARENT_PID_VARIABLE: str(os.getpid()), FAILURES_FOLDER_VARIABLE: folder}
        if interface := LOOPBACK_INTERFACES.get(sys.platform):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
        worker = dataclasses.replace(arguments, lock_fd=None, devices=None)
        problem = _run_agent(worker.command(), count, Path(folder))
        if lock.is_of(run.lock):  # else it was moved or deleted
            report_missing_failure(run, problem, Path(folder))


def _run_agent(command: list[str], count: int, folder: Path) -> str | None:
    """Run the workers to their end; how the first one failed, as torchrun describes it.

    The agent runs in a thread: in the main thread it would replace our signal handlers.
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
    problem: str | None = None

    def run_agent() -> None:
        nonlocal problem
        program, *arguments = command
        try:
            elastic_launch(config, program)(*arguments)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            code = failure.exitcode
            ending = f"signal {-code}" if code < 0 else f"exit code {code}"
            problem = f"Process {rank} of {count} ended with {ending}."

    # It warns that workers may outlive it; ours end with this process (`core.system.process`).
    logging.getLogger(AGENT_LOGGER).setLevel(logging.ERROR)
    thread = threading.Thread(target=run_agent, name="agent")
    thread.start()
    while thread.is_alive():  # Python handles a signal only between two joins
        thread.join(AGENT_POLL_INTERVAL_S)
    return problem


def report_missing_failure(run: Run, problem: str | None, folder: Path) -> None:
    """Emit `failed` if rank 0 could not report how training ended.

    Args:
        problem: how the first worker failed.
        folder: of the failures that other ranks noted, see `note_failure`.
    """
    last = next(events_backwards(run.events), None)
    lengths = read_lengths(run) or LogLengths()
    if last and last.type in END_EVENTS and run.events.stat().st_size > lengths.events:
        return
    fields: JsonObject = {
        "title": "The run failed",
        "message": problem or "The training processes ended without an error message.",
        "hint": f"minigpt-tui logs {run.name} shows their output; minigpt-tui resume {run.name} "
        "continues from the last checkpoint.",
        "code": 1,
    }
    fields |= next(_noted_failures(folder), {})
    saved = (event.step for event in events_backwards(run.events) if event.type == SAVED)
    fields["saved_step"] = next(saved, None)
    with closing(EventLog(run.events)) as log:
        log.emit(FAILED, last.step if last else 0, **fields)


def _noted_failures(folder: Path) -> Iterator[JsonObject]:
    """The failures that ranks noted, first one first; a rank may have been killed while writing."""
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
        with suppress(ValueError):
            yield json.loads(path.read_text())


def note_failure(rank: int, failure: JsonObject) -> None:
    """Write the fields of a `failed` event to a file for the agent, if there is one."""
    if FAILURES_FOLDER_VARIABLE in os.environ:
        folder = Path(os.environ[FAILURES_FOLDER_VARIABLE])
        (folder / f"{rank}.json").write_text(json.dumps(failure))


def train_as_rank_0(
    home: Home,
    run: Run,
    lock: Lock,
    info: RankInfo,
    *,
    listeners: Sequence[EventListener],
    on_stop: RegisterStop,
    extension: Extension | None,
) -> None:
    """Train a run as rank 0 of processes that torchrun or Slurm started; see `job.train`.

    Raises:
        RankLostError: another process exited.
    """
    with _translate_lost_rank(run.name):
        group = join_process_group(info)
        group.broadcast({"run": run.name})
        failure = train(
            home,
            run,
            lock,
            listeners=listeners,
            on_stop=on_stop,
            extension=extension,
            group=group,
        )
    if failure is None:  # the other ranks of a failed training cannot join a collective
        leave_process_group()


def train_as_joined_rank(home: Home, info: RankInfo) -> JsonObject | None:
    """Train as another rank of such processes; returns the fields of `failed` if this rank failed.

    Raises:
        Cancelled: rank 0 has nothing to train.
        RankLostError: another process exited.
    """
    with _translate_lost_rank("the run"):
        group = join_process_group(info)
        run = Run(home.runs / str(group.broadcast_required()["run"]))
        failure = train_as_other_rank(run, group)
    if failure is None:
        leave_process_group()
    return failure


@contextmanager
def _translate_lost_rank(run_name: str) -> Iterator[None]:
    """Turn PyTorch's errors about a broken connection into a `RankLostError`."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error).lower():
            raise
        raise RankLostError(
            "Another process of the training has ended; its own output says why.",
            f"Resume {run_name} in the same way: the last checkpoint is whole.",
        ) from error
