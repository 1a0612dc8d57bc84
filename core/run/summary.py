"""Summaries of runs for lists, from the first and last lines of their event logs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import DamagedError, MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.event_log import events_backwards
from core.run.events import CHANGED, IMPORTED, PREPARED, STARTED, STEP, Event, decode, restart_step
from core.run.notes import RunNote, read_note
from core.run.record import read_record, task_of_record
from core.run.status import CRASHED, LIVE_STATUSES, status_of
from core.run.store import list_runs
from core.system.files import JsonObject, open_regular_file
from core.system.line_files import LineTail, read_lines_backwards
from core.text.messages import CONTINUE

HEAD_BYTES = 1 << 18  # within which `prepared` is expected
HEAD_CHUNK_BYTES = 1 << 13
TAIL_BYTES = 1 << 17  # within which the last `step` is expected
VAL_TAIL_BYTES = 1 << 22  # within which the last validation loss is expected
LOSS_CHUNK_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A row in a list of runs; None where a value is not known (yet).

    Attributes:
        status: one of `status.STATUSES`.
        epoch: epochs so far, fractional.
        train_loss, val_loss: the last, nats per token.
        task_accuracy: the last share of right replies, of pairs and conversations.
        parameters: of the model.
        corpus: name of the corpus.
        created: date and time, ISO 8601.
        size: bytes on disk.
        problem: what cannot be read, and why; empty if everything can.
        steps: planned in total.
        epochs: planned in total, fractional.
        reading: one of `core.text.corpus.READINGS`.
        task: what it does, one of `core.text.messages.TASKS`.
        labels: of a task "classify".
        parent: name of the run whose weights it started from.
        note, tags: the user's.
    """

    name: str
    status: str
    step: int = 0
    epoch: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    task_accuracy: float | None = None
    parameters: int | None = None
    corpus: str | None = None
    created: str | None = None
    size: int
    problem: str = ""
    steps: int | None = None
    epochs: float | None = None
    reading: str | None = None
    task: str = CONTINUE
    labels: tuple[str, ...] = ()
    parent: str | None = None
    note: str = ""
    tags: tuple[str, ...] = ()


def summarize_runs(home: Home) -> list[RunSummary]:
    """All runs, sorted by name, except those deleted meanwhile."""
    summaries = []
    for run in list_runs(home):
        summary = summarize_any_run(run)
        if run.folder.is_dir():
            summaries.append(summary)
    return summaries


def summarize_any_run(run: Run, *, size: int | None = None) -> RunSummary:
    """A run, even if its events or its lock cannot be read: it must not hide the others.

    Args:
        size: bytes on disk, if known; otherwise all files of the run are counted.
    """
    try:
        return summarize_run(run, size=size)
    except DamagedError as error:
        size = folder_size(run.folder) if size is None else size
        return RunSummary(name=run.name, status=CRASHED, size=size, problem=str(error))


def summarize_run(run: Run, now: float | None = None, *, size: int | None = None) -> RunSummary:
    """A run; a record or a note that cannot be read is its `problem`.

    Args:
        now: Unix seconds; None reads the clock.
        size: as for `summarize_any_run`.

    Raises:
        DamagedError: its events or its lock cannot be read.
    """
    record: JsonObject = {}
    problem = ""
    note = RunNote()
    try:
        record = read_record(run)
        note = read_note(run)
    except MiniGPTError as error:
        problem = str(error)
    step, last_step = _last_step(run.events)
    prepared = _find_prepared(run.events)
    has_validation = prepared is None or prepared.whole("val_tokens") != 0
    evaluation = _last_evaluation(run.events) if has_validation else None
    status = status_of(run, now)
    steps = _planned_steps(run.events, prepared, step, is_live=status in LIVE_STATUSES)
    per_epoch = prepared.number("steps_per_epoch") if prepared else None
    parent = record.get("parent") or {}
    task, labels = task_of_record(record.get("corpus") or {})
    return RunSummary(
        name=run.name,
        status=status,
        size=folder_size(run.folder) if size is None else size,
        problem=problem,
        step=step,
        epoch=last_step.number("epoch") if last_step else None,
        train_loss=last_step.number("train_loss") if last_step else None,
        val_loss=evaluation.number("val_loss") if evaluation else None,
        task_accuracy=evaluation.number("task_accuracy") if evaluation else None,
        parameters=prepared.whole("parameters") if prepared else None,
        corpus=record["corpus"]["name"] if record else None,
        created=str(record["created"]) if "created" in record else None,
        steps=steps,
        epochs=steps / per_epoch if steps and per_epoch else None,
        reading=record["corpus"]["reading"] if record else None,
        task=task,
        labels=labels,
        parent=str(parent["run"]) if "run" in parent else None,
        note=note.text,
        tags=note.tags,
    )


def count_trained_tokens(events: Path) -> int:
    """The tokens a run has learnt from, each as often as it was read; 0 if that is not known.

    Raises:
        DamagedError: the events cannot be read.
    """
    prepared, last = _find_prepared(events), _last_step(events)[1]
    tokens = prepared.whole("train_tokens") if prepared else None
    epoch = last.number("epoch") if last else None
    return round(tokens * epoch) if tokens and epoch else 0


def _planned_steps(events: Path, prepared: Event | None, step: int, *, is_live: bool) -> int | None:
    """The steps planned in total.

    A change or a resume may have raised them, which matters while a run trains; of others, the
    steps done tell.
    """
    if is_live:
        for line in read_lines_backwards(events, TAIL_BYTES):
            event = decode(line) if b'"steps":' in line else None
            if event is not None and event.type in (PREPARED, CHANGED):
                steps = event.whole("steps")
                if steps is not None:
                    return steps
    steps = prepared.whole("steps") if prepared else None
    return None if steps is None else max(steps, step)


def _last_step(events: Path) -> tuple[int, Event | None]:
    """The step of the last event, and the last `step` event that was not undone by a resume."""
    last: int | None = None
    max_step = 0
    for event in events_backwards(events, TAIL_BYTES):
        if last is None:
            last = max_step = event.step
        if event.type == STEP and event.step <= max_step:
            return last, event
        if event.type == STARTED:
            max_step = min(max_step, restart_step(event))
    return last or 0, None


def _find_prepared(events: Path) -> Event | None:
    """The first `prepared`, which is near the start; of an imported model its only event."""
    tail = LineTail(events)
    while tail.offset < HEAD_BYTES and (lines := tail.read(HEAD_CHUNK_BYTES)):
        for line in lines:
            is_candidate = b'"prepared"' in line or b'"imported"' in line
            event = decode(line) if is_candidate else None
            if event is not None and event.type in (PREPARED, IMPORTED):
                return event
    return None


def _last_evaluation(events: Path) -> Event | None:
    """The last event with a validation loss; only lines that contain one are parsed."""
    for line in read_lines_backwards(events, VAL_TAIL_BYTES):
        event = decode(line) if b'"val_loss":' in line else None
        if event is not None and event.number("val_loss") is not None:
            return event
    return None


def folder_size(folder: Path) -> int:
    """Bytes of all files below `folder`; hard links to one file count once.

    Files created or deleted meanwhile, as by a trainer, may or may not count.
    """
    sizes: dict[int, int] = {}
    folders = [os.fspath(folder)]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                stat = entry.stat(follow_symlinks=False)
                sizes[stat.st_ino] = stat.st_size
    return sum(sizes.values())


def sample_losses(events: Path, count: int) -> list[float]:
    """At most `count` training losses (nats per token), evenly spread over the log, oldest first.

    Reads `count` chunks of 4 KiB, not the whole file.
    """
    try:
        with os.fdopen(open_regular_file(events), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            losses = []
            for number in range(count):
                offset = size * number // count
                file.seek(offset)
                # Unless it starts at 0, the chunk begins within a line.
                lines = file.read(LOSS_CHUNK_BYTES).split(b"\n")[0 if offset == 0 else 1 : -1]
                loss = _first_train_loss(lines)
                losses += [] if loss is None else [loss]
            return losses
    except (OSError, DamagedError):
        return []


def _first_train_loss(lines: Iterable[bytes]) -> float | None:
    for line in lines:
        event = decode(line) if b'"train_loss"' in line else None
        if event is not None and event.type == STEP:
            loss = event.number("train_loss")
            if loss is not None:
                return loss
    return None
