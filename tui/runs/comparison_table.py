"""The table of compared runs: settings that differ, and what came of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from core.run.compare import (
    ComparedRun,
    differing_settings,
    have_same_text,
    have_same_tokenizer,
)
from core.run.events import FINISHED
from core.run.status import CRASHED, FAILED
from tui.common.format import format_count, format_duration, format_size
from tui.common.sanitize import one_line
from tui.runs.verdict import MIN_VAL_RISE

BEST, LOOK, DIFFERENT, PLAIN, SAME = "best", "look", "different", "", "same"
BEST_SIGN, LOOK_SIGN = "★", "!"
NOTHING = "–"
MIN_COPIED = 0.10  # of sampled replies, from which their share is worth a look


class Cell(NamedTuple):
    """A value as text, and what is special about it: `BEST`, `LOOK`, `DIFFERENT` or `SAME`."""

    text: str
    kind: str = PLAIN

    @property
    def sign(self) -> str:
        """The sign before the text."""
        return {BEST: BEST_SIGN + " ", LOOK: LOOK_SIGN + " "}.get(self.kind, "")


class Row(NamedTuple):
    """A label with a cell for each run."""

    label: str
    cells: tuple[Cell, ...]


def setting_rows(runs: Sequence[ComparedRun]) -> list[Row]:
    """The settings that differ, and how many do not; what differs from the first run is marked."""
    differing, same = differing_settings(runs)
    rows = [
        Row(
            row.label,
            tuple(
                Cell(setting_text(value), DIFFERENT if value != row.values[0] else PLAIN)
                for value in row.values
            ),
        )
        for row in differing
    ]
    label = f"{same} more" if rows else f"all {same}"
    return [*rows, Row(label, (Cell("same", SAME),) * len(runs))]


def setting_text(value: Any) -> str:
    """A setting as text."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else one_line(str(value))


def result_rows(runs: Sequence[ComparedRun]) -> list[Row]:
    """Sizes, losses, copied share, time and speed, where at least one run has them."""
    is_same_tokenizer = have_same_tokenizer(runs)
    losses = [run.best[1] if run.best else None for run in runs]
    may_compare_losses = have_same_text([run for run in runs if run.best])
    bits = [
        loss * run.bits_factor if loss is not None and run.bits_factor else None
        for loss, run in zip(losses, runs, strict=True)
    ]
    rows = [_row("parameters", [run.parameters for run in runs], format_count)]
    if not is_same_tokenizer:
        rows.append(_row("bits per byte", bits, _loss, may_compare_losses and min))
    rows += [
        _row("loss per token", losses, _loss, may_compare_losses and is_same_tokenizer and min),
        _row("best at step", [run.best[0] if run.best else None for run in runs], _whole),
        _rise_row(runs),
        _row("training loss", [_last(run) for run in runs], _loss),
        _copied_row(runs),
        _time_row(runs),
        _row("tokens/s", [run.speed for run in runs], _whole, is_same_tokenizer and max),
        _row("disk", [run.disk or None for run in runs], format_size),
        _status_row(runs),
    ]
    return [row for row in rows if any(cell.text != NOTHING for cell in row.cells)]


def _loss(value: float) -> str:
    return f"{value:.3f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _last(run: ComparedRun) -> float | None:
    return run.train_loss.last


def _row(
    label: str,
    values: Sequence[float | None],
    text: Callable[[float], str],
    best: Callable[[list[float]], float] | bool = False,
) -> Row:
    """A row of numbers; the best one is marked if there are others that are worse.

    Args:
        best: picks the best value; False if none is better than others.
    """
    texts = [NOTHING if value is None else text(value) for value in values]
    known = [value for value in values if value is not None]
    winner = ""
    if callable(best) and len(known) > 1:
        winner = text(best(known))
        if all(each in (winner, NOTHING) for each in texts):
            winner = ""
    return Row(label, tuple(Cell(each, BEST if each == winner else PLAIN) for each in texts))


def _rise_row(runs: Sequence[ComparedRun]) -> Row:
    """How far the validation loss has risen since its best, where that is one percent or more."""
    cells = []
    for run in runs:
        last = run.val_loss.last
        if run.best is None or last is None:
            cells.append(Cell(NOTHING))
            continue
        rise = last - run.best[1]
        is_rise = rise > MIN_VAL_RISE * run.best[1]
        cells.append(Cell(f"+{rise:.3f}", LOOK) if is_rise else Cell(NOTHING))
    return Row("risen since by", tuple(cells))


def _copied_row(runs: Sequence[ComparedRun]) -> Row:
    """The share of sampled replies that occurs in the text; a tenth and more is marked."""
    row = _row(
        "copied",
        [run.copied for run in runs],
        lambda share: f"{100 * share:.0f} %",
        have_same_text(runs) and min,
    )
    cells = [
        Cell(cell.text, LOOK) if run.copied is not None and run.copied >= MIN_COPIED else cell
        for cell, run in zip(row.cells, runs, strict=True)
    ]
    return Row(row.label, tuple(cells))


def _time_row(runs: Sequence[ComparedRun]) -> Row:
    """The time of training; the shortest is marked if all have finished."""
    is_over = all(run.status == FINISHED for run in runs)
    return _row("time", [run.seconds for run in runs], format_duration, is_over and min)


def _status_row(runs: Sequence[ComparedRun]) -> Row:
    """The status, unless all runs have finished and can be read."""
    if all(run.status == FINISHED and not run.problem for run in runs):
        return Row("status", (Cell(NOTHING),) * len(runs))
    cells = [
        Cell("damaged", LOOK)
        if run.problem
        else Cell(run.status, LOOK if run.status in (FAILED, CRASHED) else PLAIN)
        for run in runs
    ]
    return Row("status", tuple(cells))
