"""What `minigpt-tui show` says of a run."""

from __future__ import annotations

import dataclasses
from typing import Any

from tui.common.sanitize import one_line
from core.run.event_log import EventTail
from core.run.history import History
from core.run.directory import Run
from core.run.store import read_record
from core.run.summary import Summary, summary
from tui.cli.console import count, duration, number, put, put_json, say, size

SAMPLES = 8


def show_run(run: Run, as_json: bool) -> None:
    """Everything worth knowing about a run."""
    row, history, record = summary(run), _history(run), read_record(run)
    if as_json:
        put_json(
            {
                **dataclasses.asdict(row),
                "folder": str(run.folder),
                "record": record,
                "model": history.model,
                "train": history.train,
                "reference": history.reference,
                "snapshots": run.snapshot_steps(),
                "samples": [dataclasses.asdict(sample) for sample in history.samples],
            }
        )
        return
    put(f"{run.name}: {row.status}")
    for label, value in _lines(row, history, record, run):
        if value:
            put(f"  {label:<11} {one_line(value)}")
    for reason in history.reasons:
        put(f"  {'why':<11} {one_line(reason)}")
    for sample in history.samples[-SAMPLES:]:
        put(f"  {f'step {sample.step}':<11} {one_line(f'{sample.prompt}|{sample.text}')}")
    if history.failure:
        say(f"{history.failure.message}\n{history.failure.hint}")


def _history(run: Run) -> History:
    history, tail = History(), EventTail(run.events)
    while batch := tail.read():
        history.apply_all(batch)
    return history


def _lines(
    row: Summary, history: History, record: dict[str, Any], run: Run
) -> list[tuple[str, str]]:
    corpus, model = record["corpus"], history.model
    shape = ", ".join(f"{name} {model[name]}" for name in model)
    losses = ", ".join(f"{name} {number(value)}" for name, value in history.reference.items())
    parent = record.get("parent") or {}
    return [
        ("text", f"{corpus['name']}, {size(corpus['size'])}, read as {corpus['reading']}"),
        ("from", str(parent.get("run", ""))),
        ("created", row.created or ""),
        ("progress", f"step {row.step} of {history.steps or '?'}, epoch {number(row.epoch)}"),
        ("took", duration(history.elapsed) if history.elapsed is not None else ""),
        ("loss", f"{number(row.train_loss)}, validation {number(row.val_loss) or 'none'}"),
        ("compare", f"{losses} (on the {history.reference_on} part)" if losses else ""),
        ("parameters", count(row.parameters)),
        ("model", shape),
        ("snapshots", " ".join(map(str, run.snapshot_steps()))),
        ("size", size(row.size)),
        ("folder", str(run.folder)),
    ]
