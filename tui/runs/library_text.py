"""The words of the list of runs: its state, and questions before something is lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from textual.content import Content

from core.run.directory import Run
from core.run.history import History
from core.run.status import LIVE_STATUSES, PAUSED
from tui.common.format import format_duration, format_size
from tui.runs.library import LibraryRow

MAX_UNSAVED_SECONDS = 60.0  # of training; where more could be lost, stopping asks first
MAX_NAMES = 6


def library_state(rows: Sequence[LibraryRow], *, has_size: bool = True) -> Content:
    """How many runs there are and train, and their size on disk once that is known."""
    live = sum(row.summary.status in LIVE_STATUSES for row in rows)
    parts: list[Content | tuple[str, str]] = []
    if live:
        parts += [("●", "$success"), (f" {live} training   ", "$ink")]
    total = f"{len(rows):,} model" + "s" * (len(rows) != 1)
    sizes = [row.size for row in rows if row.size is not None]
    if has_size and sizes and len(sizes) == len(rows):
        total += f" · {format_size(sum(sizes))}"
    return Content.assemble(*parts, (total, "$muted"))


def deletion_question(row: LibraryRow, run: Run, children: Sequence[str]) -> str:
    """What goes with a run, and what stays."""
    snapshots = 0
    with suppress(OSError):
        snapshots = len(run.snapshot_steps())
    parts = ["its weights"]
    parts += [f"{snapshots:,} snapshot" + "s" * (snapshots != 1)] if snapshots else []
    parts += ["its chats"] if run.chat.exists() else []
    parts += ["its note"] if row.summary.note or row.summary.tags else []
    contents = ", ".join(parts[:-1]) + (" and " if parts[1:] else "") + parts[-1]
    on_disk = f" ({format_size(row.size)})" if row.size is not None else ""
    steps = f", {row.summary.step:,} steps of training" if row.summary.step else ""
    question = f"Delete {run.name} permanently?\n\nThis deletes {contents}{on_disk}{steps}:"
    question += f"\n{run.folder}"
    if children:
        names = ", ".join(children[:MAX_NAMES])
        names += f" and {len(children) - MAX_NAMES} more" if len(children) > MAX_NAMES else ""
        question += f"\n\nTrained from it, and kept: {names}."
    return question


def stop_question(name: str, history: History, now: float) -> str | None:
    """The question before a stop; None if little could be lost."""
    seconds = unsaved_seconds(history, now)
    if seconds is None or seconds <= MAX_UNSAVED_SECONDS:
        return None
    return (
        f"Stop {name}?\n\nIt was last saved {format_duration(seconds)} ago. Stopping saves it "
        "first; if that fails, what it learned since then is lost."
    )


def unsaved_seconds(history: History, now: float) -> float | None:
    """Seconds of training since the last checkpoint, or since the start; None if none is known."""
    times = [row.time for row in history.saves if row.kind == "checkpoint"]
    since = max(
        [*times[-1:], *([] if history.started_at is None else [history.started_at])], default=None
    )
    if since is None:
        return None
    return max(0.0, (history.time if history.status == PAUSED else now) - since)
