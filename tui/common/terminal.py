"""What this terminal can show: characters, colours, and how often it should be redrawn. Pure.

The plain mode, for screen readers: lines that are only added to, choices that have numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

BRAILLE, BLOCK, ASCII = "braille", "block", "ascii"
THEME, PLAIN_THEME = "textual-dark", "ansi-dark"
POOR_TERMINALS = ("linux", "dumb", "vt100", "vt220")
NO_BRAILLE = ("xterm-old", "screen", "screen.linux", "rxvt")


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """How things are drawn.

    Attributes:
        charset: "braille", "block" or "ascii": what curves and bars are made of.
        theme: the name of a theme of Textual's.
        colour: whether colours may carry a meaning beside a sign that does.
        calm: whether redraws are to be rare, as over a slow line.
    """

    charset: str = BRAILLE
    theme: str = THEME
    colour: bool = True
    calm: bool = False


def detect_terminal(environ: Mapping[str, str], encoding: str, *, ascii: bool = False) -> Terminal:
    """The look that suits a terminal.

    Args:
        environ: the environment: TERM, NO_COLOR, SSH_CONNECTION, SSH_TTY, TEXTUAL_THEME.
        encoding: of standard output.
        ascii: whether plain characters were asked for.
    """
    terminal = environ.get("TERM", "")
    unicode = encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig")
    charset = BRAILLE
    if ascii or not unicode or terminal in POOR_TERMINALS:
        charset = ASCII
    elif terminal in NO_BRAILLE:
        charset = BLOCK
    colour = "NO_COLOR" not in environ  # Textual obeys it where it is empty, too
    return Terminal(
        charset=charset,
        theme=environ.get("TEXTUAL_THEME") or (THEME if colour else PLAIN_THEME),
        colour=colour,
        calm=any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")),
    )


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
