"""The runs as a list shows them; what has not changed is not read again. No Textual here."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.errors import DamagedError
from core.paths import Home
from core.run import summary as glance
from core.run.directory import Run
from core.run.status import ALIVE
from core.run.store import list_runs
from core.run.summary import RunSummary, summarize_any_run
from core.system import locks

CURVE_POINTS = 24
_Key = tuple[object, ...]


@dataclass(frozen=True)
class LibraryRow:
    """One run of the list.

    Attributes:
        summary: its facts.
        curve: a few losses from first to last, for a sparkline.
        changed: Unix seconds of its last event, or of its making.
    """

    summary: RunSummary
    curve: tuple[float, ...]
    changed: float


class Library:
    """All runs of a home, looked at again and again.

    Args:
        home: where they are.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, tuple[_Key, LibraryRow]] = {}

    def rows(self) -> list[LibraryRow]:
        """Every run, the one that changed last first."""
        known: dict[str, tuple[_Key, LibraryRow]] = {}
        for run in list_runs(self._home):
            try:
                known[run.name] = self._row(run)
            except FileNotFoundError:
                continue  # removed while we looked
        self._known = known
        return sorted((row for _, row in known.values()), key=lambda row: -row.changed)

    def _row(self, run: Run) -> tuple[_Key, LibraryRow]:
        key = _key(run)
        before = self._known.get(run.name)
        if before and before[0] == key and not _may_go_silent(before[1], key):
            return before
        changed = run.events if run.events.exists() else run.record
        curve = tuple(glance.sample_losses(run.events, CURVE_POINTS))
        return key, LibraryRow(summarize_any_run(run), curve, changed.stat().st_mtime)


def _key(run: Run) -> _Key:
    """What a row is a function of, as long as time does not come into it."""
    facts: list[object]
    try:
        facts = [locks.is_held(run.lock), locks.acquired_at(run.lock)]
    except DamagedError as error:  # the row says it, too
        facts = [str(error)]
    for path in (run.record, run.events):
        try:
            found = path.stat()
            facts += [found.st_size, found.st_mtime_ns]
        except FileNotFoundError:
            facts.append(None)
    return tuple(facts)


def _may_go_silent(row: LibraryRow, key: _Key) -> bool:
    """Whether it seems alive on another machine: its silence is counted by the clock."""
    return row.summary.status in ALIVE and not key[0]


def age(seconds: float) -> str:
    """How long ago, in a few characters and whole units: now, 5m, 3h, 12d."""
    if seconds < 60:
        return "now"
    for unit, length, most in (("m", 60, 60), ("h", 3600, 24), ("d", 86400, 1000)):
        if seconds < length * most:
            return f"{int(seconds // length)}{unit}"
    return "long"


def age_of(row: LibraryRow) -> str:
    """How long ago it changed."""
    return age(max(0.0, time.time() - row.changed))
