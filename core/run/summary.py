"""A run in one row of a list, from the first and the last lines of its events alone.

A run's loss at a glance: a few values spread over its file of events, however long that is.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DamagedError, MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.event_log import events_backwards
from core.run.events import PREPARED, STARTED, STEP, Event, decode, restart_step
from core.run.record import read_record
from core.run.status import CRASHED, status_of
from core.run.store import list_runs
from core.system.line_files import LineTail, read_lines_backwards

HEAD_BYTES = 1 << 18
HEAD_PIECE = 1 << 13
TAIL_BYTES = 1 << 17
VAL_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a list of runs shows; None where it is not known (yet).

    Attributes:
        status: one of `status.WORDS`.
        epoch: passes over the training part, fractional.
        train_loss, val_loss: the last, nats a token.
        parameters: numbers in the model.
        corpus: name of the text.
        created: date and time, ISO 8601.
        size: bytes on the disk.
        problem: what of it cannot be read, and why; empty if all can.
    """

    name: str
    status: str
    step: int
    epoch: float | None
    train_loss: float | None
    val_loss: float | None
    parameters: int | None
    corpus: str | None
    created: str | None
    size: int
    problem: str


def summarize_runs(home: Home) -> list[RunSummary]:
    """Every run, by name; a run removed while we look is left out."""
    found = []
    for run in list_runs(home):
        row = summarize_any_run(run)
        if run.folder.is_dir():
            found.append(row)
    return found


def summarize_any_run(run: Run) -> RunSummary:
    """One run, also where its events or its lock cannot be read."""
    try:
        return summarize_run(run)
    except DamagedError as error:
        return _damaged(run, error)


def _damaged(run: Run, error: DamagedError) -> RunSummary:
    """The row of a run whose events or lock cannot be read: one must not hide the others."""
    return RunSummary(
        name=run.name,
        status=CRASHED,
        step=0,
        epoch=None,
        train_loss=None,
        val_loss=None,
        parameters=None,
        corpus=None,
        created=None,
        size=folder_size(run.folder),
        problem=str(error),
    )


def summarize_run(run: Run, now: float | None = None) -> RunSummary:
    """One run; a record that cannot be read is told in it.

    Args:
        now: Unix seconds; None asks the clock.

    Raises:
        DamagedError: its events or its lock cannot be read.
    """
    record, problem = _record(run)
    step, learning = _last_step(run.events)
    prepared = _prepared(run.events)
    corpus = record.get("corpus")
    name = corpus.get("name") if isinstance(corpus, dict) else None
    split = prepared is None or prepared.whole("val_tokens") != 0
    return RunSummary(
        name=run.name,
        status=status_of(run, now),
        step=step,
        epoch=learning.number("epoch") if learning else None,
        train_loss=learning.number("train_loss") if learning else None,
        val_loss=_last_val_loss(run.events) if split else None,
        parameters=prepared.whole("parameters") if prepared else None,
        corpus=name if isinstance(name, str) else None,
        created=str(record["created"]) if "created" in record else None,
        size=folder_size(run.folder),
        problem=problem,
    )


def _record(run: Run) -> tuple[dict[str, Any], str]:
    try:
        return read_record(run), ""
    except MiniGPTError as error:
        return {}, str(error)


def _last_step(events: Path) -> tuple[int, Event | None]:
    """The step of the last event, and the last report of training that still counts."""
    last: int | None = None
    limit = 0
    for event in events_backwards(events, TAIL_BYTES):
        if last is None:
            last = limit = event.step
        if event.type == STEP and event.step <= limit:
            return last, event
        if event.type == STARTED:
            # What an interrupted life did after its checkpoint was done again.
            limit = min(limit, restart_step(event))
    return last or 0, None


def _prepared(events: Path) -> Event | None:
    """The first `prepared`, which stands near the start."""
    tail = LineTail(events)
    while tail.offset < HEAD_BYTES and (lines := tail.read(HEAD_PIECE)):
        for line in lines:
            event = decode(line) if b'"prepared"' in line else None
            if event is not None and event.type == PREPARED:
                return event
    return None


def _last_val_loss(events: Path) -> float | None:
    """The last validation loss; only lines that have one are parsed."""
    for line in read_lines_backwards(events, VAL_BYTES):
        event = decode(line) if b'"val_loss":' in line else None
        loss = event.number("val_loss") if event else None
        if loss is not None:
            return loss
    return None


def folder_size(folder: Path) -> int:
    """Bytes of all files below `folder`; a file that has two names there counts once.

    Files that come and go while we look, as a trainer's do, count or not.
    """
    sizes: dict[int, int] = {}
    folders = [os.fspath(folder)]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                facts = entry.stat(follow_symlinks=False)
                sizes[facts.st_ino] = facts.st_size
    return sum(sizes.values())


PIECE = 4096


def sample_losses(events: Path, count: int) -> list[float]:
    """At most `count` training losses in nats a token, evenly spread over the file, oldest first.

    Reads `count` pieces of 4 KiB, not the file.
    """
    try:
        size = events.stat().st_size
        with events.open("rb") as file:
            found = []
            for number in range(count):
                offset = size * number // count
                file.seek(offset)
                loss = _first_loss(file.read(PIECE), whole=offset == 0)
                found += [] if loss is None else [loss]
            return found
    except OSError:
        return []


def _first_loss(piece: bytes, *, whole: bool) -> float | None:
    """The first loss of a piece; its first line is torn unless `whole`."""
    for line in piece.split(b"\n")[0 if whole else 1 : -1]:
        event = decode(line) if b'"train_loss"' in line else None
        if event is not None and event.type == STEP:
            loss = event.number("train_loss")
            if loss is not None:
                return loss
    return None
