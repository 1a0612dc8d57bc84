"""The trainer's process: `python -m core.train ROOT CACHE RUN LOCK MORE DEVICES`, of
`core.run.launch`.

It takes the lock over, works at low priority, and turns SIGTERM and SIGINT into a stop that saves.
A hang-up is nothing to it. Signals that come before there is something to stop are obeyed then:
it is born with them blocked, and they are remembered while torch is being imported.

On several devices it becomes torchrun's agent (`core.train.launchers`), whose workers are this
module again,
without a lock.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from core.config.configs import Extension
from core.errors import MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.events import FAILED
from core.run.launch import HELD_BACK
from core.run.record import read_asked, read_record
from core.system.locks import Lock, adopt
from core.system.process import PARENT, end_with_parent
from core.system.rank_env import RankInfo, rank_info

NICE = 10


class Stops:
    """Signals that ask for a stop, remembered until there is something to be stopped."""

    def __init__(self) -> None:
        self._asked: list[str] = []
        self._stop: Callable[[str], None] | None = None
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._asked.append(signal.Signals(number).name)
        if self._stop:
            self._stop(self._asked[0])

    def tell(self, stop: Callable[[str], None]) -> None:
        """Whom to tell, from now on and of what came before."""
        self._stop = stop
        if self._asked:
            stop(self._asked[0])


def main(arguments: list[str]) -> str | None:
    """Trains a run; what its events could not say, for the log."""
    root, cache, name, descriptor, more, devices = arguments
    if PARENT in os.environ:
        end_with_parent(int(os.environ[PARENT]))
    stops = Stops()
    home = Home(root=Path(root), cache=Path(cache))
    run = Run(home.runs / name)
    place = rank_info(os.environ)
    try:
        if place and not descriptor:
            return _work(home, run, place, Extension(**json.loads(more)), stops)
        lock = adopt(int(descriptor))
        if lock is None:
            return f"Another trainer has the run {name}."
        os.nice(NICE)
        _begin(home, run, lock, more, devices, stops)
    except MiniGPTError as error:
        return f"{error.title}: {error}"
    return None


def _begin(home: Home, run: Run, lock: Lock, more: str, devices: str, stops: Stops) -> None:
    """Trains the run in this process or, on several devices, in workers of its own."""
    refusal: MiniGPTError | None = None
    wanted = int(devices) if devices else _recorded(run, "devices", 1)
    if wanted != 1:
        from core.train.launchers import count_devices, lead

        try:
            count = count_devices(wanted, _recorded(run, "device", "auto"))
        except MiniGPTError as error:
            count, refusal = 1, error
        if count > 1:
            return lead(home, run, lock, count, more, stops.tell)
    from core.train.job import train

    wish = Extension(**json.loads(more))
    return train(home, run, lock, on_control=stops.tell, more=wish, refusal=refusal)


def _recorded(run: Run, name: str, default: Any) -> Any:
    """A setting that was asked for; a damaged record is told of by the trainer itself."""
    try:
        return getattr(read_asked(run, read_record(run)), name)
    except MiniGPTError:
        return default


def _work(home: Home, run: Run, place: RankInfo, more: Extension, stops: Stops) -> str | None:
    """Trains the run as one of several processes; what was no success, in words."""
    from core.train.distributed import join, leave
    from core.train.job import assist, train
    from core.train.launchers import note_failure

    ranks = join(place)
    failures: list[Mapping[str, Any]] = []
    if ranks.first:
        hear = [lambda event: failures.append(event.fields) if event.type == FAILED else None]
        train(home, run, None, listeners=hear, on_control=stops.tell, more=more, ranks=ranks,
              pid=os.getppid())  # fmt: skip
    elif failure := assist(run, ranks):
        failures.append(failure)
        note_failure(ranks.rank, failure)
    if failures:  # the others are ended by the agent, not met again
        return str(failures[0]["message"])
    leave()
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
