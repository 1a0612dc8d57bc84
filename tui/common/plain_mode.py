"""Plain mode for screen readers (`--plain`, ACCESSIBLE=1): append-only lines, numbered choices."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

VARIABLE = "ACCESSIBLE"
OFF_VALUES = ("", "0", "no", "off", "false")

Command = TypeVar("Command", bound=Callable[..., Any])


def is_plain_mode(environ: Mapping[str, str]) -> bool:
    """Whether plain mode was requested."""
    return environ.get(VARIABLE, "").casefold() not in OFF_VALUES


def plain_option(command: Command) -> Command:
    """Add the option --plain; it sets ACCESSIBLE for this process and its children."""

    def set_variable(_: click.Context, __: click.Parameter, value: bool) -> None:
        if value:
            os.environ[VARIABLE] = "1"

    return click.option(
        "--plain",
        is_flag=True,
        expose_value=False,
        callback=set_variable,
        help="append-only lines and numbered choices for screen readers; also ACCESSIBLE=1",
    )(command)


def spoken_percent(share: float) -> str:
    """A share as a screen reader should pronounce it: "62 percent"."""
    if 0.0 < share < 0.0001:
        return "less than 0.01 percent"
    return f"{share * 100:.2g} percent" if share < 0.1 else f"{share * 100:.0f} percent"
