"""The trainer process: `python -m core.train ARGUMENTS`, see `core.run.launch.TrainerArguments`.

It adopts the run's lock, works at low priority, and turns SIGTERM and SIGINT into a stop that
saves. SIGHUP is ignored. The stop signals are blocked when it starts; they are remembered while
torch is imported, so torch is imported late.

On several devices it becomes torchrun's agent (`core.train.launchers`); the workers are this
module again, without a lock.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from core.errors import MiniGPTError, find_resource_error
from core.run.directory import Run
from core.run.launch import TrainerArguments
from core.run.record import read_record, read_requested_config
from core.system.locks import Lock, adopt
from core.system.process import (
    BACKGROUND_NICENESS,
    PARENT_PID_VARIABLE,
    end_process,
    end_with_parent,
    keep_files_private,
    lower_priority,
)
from core.system.rank_env import RankInfo, read_rank_info
from core.system.signals import STOP_SIGNALS, StopSignals


def main(arguments: TrainerArguments) -> str | None:
    """Train a run; return what its events could not report, for the log."""
    keep_files_private()
    if PARENT_PID_VARIABLE in os.environ:
        end_with_parent(int(os.environ[PARENT_PID_VARIABLE]))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):  # handled even if ignored by the launcher
        signal.signal(number, signal.SIG_DFL)
    with StopSignals() as signals:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        run = Run(arguments.home.runs / arguments.run)
        try:
            if arguments.lock_fd is None:
                info = read_rank_info(os.environ)
                assert info, "workers are started by torchrun"
                return _train_as_worker(arguments, run, info, signals)
            lock = adopt(arguments.lock_fd)
            if lock is None:
                return f"Another trainer has the run {arguments.run}."
            lower_priority(BACKGROUND_NICENESS)
            _train(arguments, run, lock, signals)
        except MiniGPTError as error:
            return f"{error.title}: {error}"
        except (MemoryError, ImportError, OSError, RuntimeError) as error:
            shortage = find_resource_error(error)
            if shortage is None:
                raise
            return f"{shortage.title}: {shortage}"
    return None


def _train(arguments: TrainerArguments, run: Run, lock: Lock, signals: StopSignals) -> None:
    """Train the run in this process or, on several devices, in worker processes."""
    refusal: MiniGPTError | None = None
    devices = arguments.devices
    if devices is None:
        devices = _recorded_setting(run, "devices", 1)
    if devices != 1:
        from core.train.launchers import count_devices, train_in_workers

        try:
            count = count_devices(devices, _recorded_setting(run, "device", "auto"))
        except MiniGPTError as error:
            count, refusal = 1, error
        if count > 1:
            train_in_workers(arguments, run, lock, count, signals.on_stop)
            return
    from core.train.job import train

    train(
        arguments.home,
        run,
        lock,
        on_stop=signals.on_stop,
        extension=arguments.extension,
        refusal=refusal,
    )


def _recorded_setting(run: Run, name: str, default: Any) -> Any:
    """A requested setting; the default if the record is damaged, which `train` reports later."""
    try:
        return getattr(read_requested_config(run, read_record(run)), name)
    except MiniGPTError:
        return default


def _train_as_worker(
    arguments: TrainerArguments, run: Run, info: RankInfo, signals: StopSignals
) -> str | None:
    """Train as one of several processes; return the message of a failure."""
    from core.train.distributed import join_process_group, leave_process_group
    from core.train.job import train, train_as_other_rank
    from core.train.launchers import note_failure

    group = join_process_group(info)
    if group.is_rank_0:
        failure = train(
            arguments.home,
            run,
            None,
            on_stop=signals.on_stop,
            extension=arguments.extension,
            group=group,
            pid=os.getppid(),
        )
    else:
        failure = train_as_other_rank(run, group)
        if failure is not None:
            note_failure(group.rank, failure)
    if failure is not None:  # torchrun's agent ends the other workers; a collective would wait
        return str(failure["message"])
    leave_process_group()
    return None


if __name__ == "__main__":
    end_process(main(TrainerArguments.from_json(sys.argv[1])))
