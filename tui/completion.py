"""What the shell's Tab key proposes: names of runs, texts and presets. Never fails, never talks."""

from __future__ import annotations

from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from core.paths import find_home
from core.run import Run
from core.which import BEST, LAST


def complete_run(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs."""
    return [run.name for run in _runs(ctx) if run.name.startswith(incomplete)]


def complete_weights(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs; behind an @, which of the run's weights."""
    name, at, which = incomplete.partition("@")
    if not at:
        return [run.name for run in _runs(ctx) if run.name.startswith(name)]
    found = [run for run in _runs(ctx) if run.name == name]
    return [f"{name}@{kept}" for run in found for kept in _kept(run) if kept.startswith(which)]


def complete_corpus(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Bundled texts; the shell adds files, or proposes them where no bundled name fits."""
    from core.corpus import bundled

    names = [corpus.name for corpus in bundled() if corpus.name.startswith(incomplete)]
    # What the shell does for files comes first: click's script for bash begins its list anew there.
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


def complete_preset(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Sizes by name."""
    from core.presets import AUTO, PRESETS

    return [name for name in (AUTO, *PRESETS) if name.startswith(incomplete)]


def _runs(ctx: click.Context) -> list[Run]:
    from core.runs import list_runs

    # A folder that cannot be read has nothing to propose; a message would land in the typed line.
    with suppress(OSError):
        return list_runs(find_home(ctx.find_root().params.get("home")))
    return []


def _kept(run: Run) -> list[str]:
    """Which weights there are, as they are written behind an @."""
    kept = [LAST] if run.weights.is_file() else []
    kept += [BEST] if run.best_weights.is_file() else []
    return kept + [str(step) for step in run.snapshot_steps()]
