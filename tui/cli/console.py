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


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> None:
    """Print columns under headings; the columns in `right` are right-aligned."""
    from rich.cells import cell_len, set_cell_size

    cells = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        padded = [
            " " * (width - cell_len(cell)) + cell if i in right else set_cell_size(cell, width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(padded).rstrip())
