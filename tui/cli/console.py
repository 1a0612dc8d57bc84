"""Plain output of commands: messages, results, JSON lines and tables."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from core.run.events import Event
from tui.common.sanitize import clean, json_line, one_line


def print_message(text: str) -> None:
    """Print a message for the person to stderr; stdout is for results.

    A closed stderr or terminal is ignored.
    """
    with contextlib.suppress(OSError):
        click.echo(clean(text), err=True)


def print_result(text: str = "") -> None:
    """Print a line of the result to stdout."""
    click.echo(clean(text))


def print_json(values: Any) -> None:
    """Print a JSON object as one line to stdout and flush it."""
    click.echo(json_line(values))


def print_event(event: Event) -> None:
    """Print an event as in the log; if the reader is gone, discard it and let training continue."""
    try:
        print_json(
            {"type": event.type, "time": event.time, "step": event.step} | dict(event.fields)
        )
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Send all further output, including that flushed at exit, to the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def terminal_columns() -> int | None:
    """Return the columns of the terminal that stdout is; None if it is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    optional: Sequence[int] = (),
) -> None:
    """Print columns under headings.

    Args:
        right: columns to align to the right.
        optional: columns to leave out on a terminal that is too narrow, the first of them first.
    """
    from rich.cells import cell_len, set_cell_size

    cells = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = {i: max(cell_len(row[i]) for row in cells) for i in range(len(head))}
    available, left_out = terminal_columns(), iter(optional)
    while available is not None and sum(widths.values()) + 2 * (len(widths) - 1) > available:
        column = next(left_out, None)
        if column is None:
            break
        del widths[column]
    for row in cells:
        padded = [
            " " * (width - cell_len(row[i])) + row[i]
            if i in right
            else set_cell_size(row[i], width)
            for i, width in widths.items()
        ]
        click.echo("  ".join(padded).rstrip())
