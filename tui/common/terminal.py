"""Detection of what the terminal can display: characters, colours, and whether it is remote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.config.configs import AUTO
from tui.common.user_config import ASCII as ASCII_ONLY
from tui.common.user_config import UNICODE, GeneralConfig

WIDE_COLUMNS = 110  # from here on panels have a whole border and stand side by side
BRAILLE, BLOCK, ASCII = "braille", "block", "ascii"
MIN_INTERVAL_SECONDS = 0.05
DEFAULT_THEME, LIGHT_THEME, NO_COLOUR_THEME = "minigpt-night", "minigpt-day", "ansi-dark"
ASCII_TERMINALS = ("linux", "dumb", "vt100", "vt220")  # values of TERM without Unicode glyphs
BLOCK_TERMINALS = ("xterm-old", "screen", "screen.linux", "rxvt")  # Unicode, but no braille
UNKNOWN_TERMINALS = ("", "unknown", "dumb")  # values of TERM with which nothing can be drawn
MUTE_TERMINALS = (*UNKNOWN_TERMINALS, "linux", "vt100", "vt220")  # values of TERM without OSC


def understands_osc(environ: Mapping[str, str]) -> bool:
    """Whether this kind of terminal knows titles, notifications and the question of its colour.

    Others would print them.
    """
    return environ.get("TERM", "") not in MUTE_TERMINALS


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """How to draw on this terminal.

    Attributes:
        charset: "braille", "block" or "ascii": the characters for curves and bars.
        theme: the name of a Textual theme.
        colour: whether colours may be used in addition to signs.
        remote: whether this is an SSH session, where redraws should be rare.
        refresh: the chosen seconds between updates of lists and charts; None follows `remote`.
    """

    charset: str = BRAILLE
    theme: str = DEFAULT_THEME
    colour: bool = True
    remote: bool = False
    refresh: float | None = None

    @property
    def is_ascii(self) -> bool:
        """Whether only ASCII characters may be drawn."""
        return self.charset == ASCII

    def interval(self, local: float, remote: float) -> float:
        """The seconds between two updates: `local`, `remote` over SSH, or in the chosen proportion.

        Args:
            local: where lists and charts are updated once per second.
        """
        if self.refresh is not None:
            return max(MIN_INTERVAL_SECONDS, local * self.refresh)
        return remote if self.remote else local


def detect_terminal(
    environ: Mapping[str, str],
    encoding: str,
    *,
    ascii: bool = False,
    general: GeneralConfig | None = None,
) -> Terminal:
    """Derive the terminal's abilities from the environment and the configuration.

    Args:
        environ: reads TERM, NO_COLOR, SSH_CONNECTION, SSH_TTY and TEXTUAL_THEME.
        encoding: of standard output.
        ascii: whether the user requested ASCII characters.
        general: from the configuration file; `ascii` and the environment take precedence.
    """
    general = general or GeneralConfig()
    term = environ.get("TERM", "")
    is_utf8 = encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig")
    charset = BRAILLE
    if ascii or not is_utf8 or general.charset == ASCII_ONLY:
        charset = ASCII
    elif general.charset == UNICODE:
        charset = BRAILLE
    elif term in ASCII_TERMINALS:
        charset = ASCII
    elif term in BLOCK_TERMINALS:
        charset = BLOCK
    colour = "NO_COLOR" not in environ  # Textual also obeys an empty value
    return Terminal(
        charset=charset,
        theme=environ.get("TEXTUAL_THEME") or _default_theme(general, colour=colour),
        colour=colour,
        remote=any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")),
        refresh=general.refresh,
    )


def _default_theme(general: GeneralConfig, *, colour: bool) -> str:
    if not colour:
        return NO_COLOUR_THEME
    return DEFAULT_THEME if general.theme == AUTO else general.theme
