"""Plain lines for commands: tables, numbers and sizes in words. No terminal control here."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from tui.common.sanitize import clean, json_line, one_line


def say(text: str) -> None:
    """A line for the person, on stderr; stdout is for results.

    A closed stderr or a terminal that is gone has nobody to tell, and stops nothing.
    """
    with contextlib.suppress(OSError):
        click.echo(clean(text), err=True)


def put(text: str = "") -> None:
    """A line of the result, on stdout."""
    click.echo(clean(text))


def put_json(values: Any) -> None:
    """One JSON object on a line of stdout, at once."""
    click.echo(json_line(values))


def discard_output() -> None:
    """Sends all further output nowhere: its reader is gone, also for what is flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> None:
    """Columns under their heads; those in `right` are aligned to the right."""
    from rich.cells import cell_len, set_cell_size

    cells = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        padded = [
            " " * (width - cell_len(cell)) + cell if i in right else set_cell_size(cell, width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(padded).rstrip())
