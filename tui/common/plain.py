"""The plain mode, for screen readers: lines that are only added to, choices that have numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

VARIABLE = "ACCESSIBLE"
OFF = ("", "0", "no", "off", "false")

Command = TypeVar("Command", bound=Callable[..., Any])


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether it was asked for, on the command line or by ACCESSIBLE=1."""
    return environ.get(VARIABLE, "").casefold() not in OFF


def option(command: Command) -> Command:
    """The option --plain, which holds for this process and what it starts."""

    def take(_: click.Context, __: click.Parameter, asked: bool) -> None:
        if asked:
            os.environ[VARIABLE] = "1"

    return click.option(
        "--plain",
        is_flag=True,
        expose_value=False,
        callback=take,
        help="append-only lines and numbered choices, for screen readers; also ACCESSIBLE=1",
    )(command)


def percent(share: float) -> str:
    """As it is read out: "62 percent"."""
    if 0.0 < share < 0.0001:
        return "less than 0.01 percent"
    return f"{share * 100:.2g} percent" if share < 0.1 else f"{share * 100:.0f} percent"
