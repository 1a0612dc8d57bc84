"""For tests of the folder of runs: a record, and what lies there."""

from __future__ import annotations

from core.paths import Home
from core.run.store import list_runs

TEXT = {"name": "lang", "size": 1, "sha256": "0", "reading": "lines", "encoding": "utf-8"}
RECORD = {"corpus": {**TEXT, "errors": "strict"}, "train": {}, "model": {}, "seed": 1}


def names(home: Home) -> list[str]:
    """The runs that are listed."""
    return [run.name for run in list_runs(home)]


def entries(home: Home) -> list[str]:
    """All that lies in the folder, hidden or not."""
    return sorted(entry.name for entry in home.runs.iterdir())
