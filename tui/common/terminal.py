"""Detection of what the terminal can display: characters, colours, and whether it is remote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BRAILLE, BLOCK, ASCII = "braille", "block", "ascii"
DEFAULT_THEME, NO_COLOUR_THEME = "textual-dark", "ansi-dark"
ASCII_TERMINALS = ("linux", "dumb", "vt100", "vt220")  # values of TERM without Unicode glyphs
BLOCK_TERMINALS = ("xterm-old", "screen", "screen.linux", "rxvt")  # Unicode, but no braille


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """How to draw on this terminal.

    Attributes:
        charset: "braille", "block" or "ascii": the characters for curves and bars.
        theme: the name of a Textual theme.
        colour: whether colours may be used in addition to signs.
        remote: whether this is an SSH session, where redraws should be rare.
    """

    charset: str = BRAILLE
    theme: str = DEFAULT_THEME
    colour: bool = True
    remote: bool = False

    @property
    def is_ascii(self) -> bool:
        """Whether only ASCII characters may be drawn."""
        return self.charset == ASCII


def detect_terminal(environ: Mapping[str, str], encoding: str, *, ascii: bool = False) -> Terminal:
    """Derive the terminal's abilities from the environment.

    Args:
        environ: reads TERM, NO_COLOR, SSH_CONNECTION, SSH_TTY and TEXTUAL_THEME.
        encoding: of standard output.
        ascii: whether the user requested ASCII characters.
    """
    term = environ.get("TERM", "")
    is_utf8 = encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig")
    charset = BRAILLE
    if ascii or not is_utf8 or term in ASCII_TERMINALS:
        charset = ASCII
    elif term in BLOCK_TERMINALS:
        charset = BLOCK
    colour = "NO_COLOR" not in environ  # Textual also obeys an empty value
    return Terminal(
        charset=charset,
        theme=environ.get("TEXTUAL_THEME") or (DEFAULT_THEME if colour else NO_COLOUR_THEME),
        colour=colour,
        remote=any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")),
    )
