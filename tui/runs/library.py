"""The rows of the list of runs; unchanged runs are not read again."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace

from core.errors import DamagedError
from core.paths import Home
from core.run.directory import Run
from core.run.status import LIVE_STATUSES
from core.run.store import list_runs
from core.run.summary import RunSummary, folder_size, sample_losses, summarize_any_run
from core.system import locks

CURVE_POINTS = 24
MAX_SIZING_SECONDS = 0.2  # of one call, so that a refresh is not held up
_Stamp = tuple[object, ...]


@dataclass(frozen=True)
class LibraryRow:
    """One run in the list.

    Attributes:
        curve: a few losses from first to last, for a sparkline.
        changed: Unix seconds of its last event, or of its creation.
        size: bytes on disk; None until they are counted. The summary's is not used.
    """

    summary: RunSummary
    curve: tuple[float, ...]
    changed: float
    size: int | None = None


class Library:
    """All runs of a home, read repeatedly."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, tuple[_Stamp, LibraryRow]] = {}
        self._sizes: dict[str, tuple[_Stamp, int]] = {}

    def measure_sizes(self, seconds: float = MAX_SIZING_SECONDS) -> bool:
        """Count the bytes of runs whose folders have changed, for about so many seconds.

        Returns:
            Whether rows have changed by that.
        """
        has_changed, end = False, time.monotonic() + seconds
        for name in list(self._known):
            run = Run(self._home.runs / name)
            stamp = _folder_stamp(run)
            if name in self._sizes and self._sizes[name][0] == stamp:
                continue
            if time.monotonic() > end:
                break
            self._sizes[name] = stamp, folder_size(run.folder)
            has_changed = True
        return has_changed

    def rows(self, count: int | None = None) -> list[LibraryRow]:
        """All runs, or the `count` most recently changed; those first."""
        runs = list_runs(self._home)
        if count is not None:
            runs = sorted(runs, key=_changed, reverse=True)[:count]
        known: dict[str, tuple[_Stamp, LibraryRow]] = {}
        for run in runs:
            try:
                known[run.name] = self._row(run)
            except FileNotFoundError:
                continue  # deleted in the meantime
        self._known = known
        self._sizes = {name: size for name, size in self._sizes.items() if name in known}
        return sorted((row for _, row in known.values()), key=lambda row: -row.changed)

    def _row(self, run: Run) -> tuple[_Stamp, LibraryRow]:
        stamp = _stamp(run)
        before = self._known.get(run.name)
        size = self._sizes[run.name][1] if run.name in self._sizes else None
        if before and before[0] == stamp and not _depends_on_clock(before[1], stamp):
            return before if before[1].size == size else (stamp, replace(before[1], size=size))
        curve = tuple(sample_losses(run.events, CURVE_POINTS))
        row = LibraryRow(summarize_any_run(run, size=0), curve, _changed(run), size)
        if not run.folder.is_dir():
            raise FileNotFoundError(run.folder)
        return stamp, row


def _changed(run: Run) -> float:
    """Unix seconds of the last event, or of the creation; 0 if neither file exists."""
    for path in (run.events, run.record):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _stamp(run: Run) -> _Stamp:
    """What a row depends on, apart from the clock."""
    parts: list[object]
    try:
        parts = [locks.is_held(run.lock), locks.acquired_at(run.lock)]
    except DamagedError as error:  # the row shows it too
        parts = [str(error)]
    for path in (run.record, run.events, run.notes):
        try:
            stat = path.lstat()
            parts += [stat.st_size, stat.st_mtime_ns]
        except FileNotFoundError:
            parts.append(None)
    return tuple(parts)


def _folder_stamp(run: Run) -> _Stamp:
    """What changes when files are created, replaced or removed; growing logs do not."""
    times: list[object] = []
    for folder in (run.folder, *run.written_folders()):
        with suppress(OSError):
            times.append(folder.stat().st_mtime_ns)
    return tuple(times)


def _depends_on_clock(row: LibraryRow, stamp: _Stamp) -> bool:
    """Whether its status depends on the clock, as it seems alive on another machine."""
    return row.summary.status in LIVE_STATUSES and not stamp[0]


def format_age(seconds: float) -> str:
    """A time ago in a few characters: now, 5 m, 3 h, 12 d."""
    if seconds < 60:
        return "now"
    for unit, length, limit in (("m", 60, 60), ("h", 3600, 24), ("d", 86400, 1000)):
        if seconds < length * limit:
            return f"{int(seconds // length)} {unit}"
    return "long"


def row_age(row: LibraryRow) -> str:
    """How long ago a run changed."""
    return format_age(max(0.0, time.time() - row.changed))
