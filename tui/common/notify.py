"""Control sequences that report the end of a training, or a request for attention.

OSC 2 sets the title of the window, CSI 22 and 23 t push and pop it, OSC 9
(iTerm2) and OSC 777 (rxvt) show a notification. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Mapping

from tui.common.sanitize import one_line
from tui.common.terminal import understands_osc
from tui.common.user_config import NotifyConfig

PROGRAM = "minigpt"
BELL, STRING_END = "\a", "\x1b\\"
MAX_CHARACTERS = 200
# Terminals for OSC 777, which has a headline; the others get OSC 9.
HEADLINE_PROGRAMS = ("ghostty", "WezTerm")  # values of TERM_PROGRAM
HEADLINE_VARIABLES = ("VTE_VERSION", "KONSOLE_VERSION")
HEADLINE_TERMS = ("rxvt", "foot")  # starts of TERM


def format_alert(text: str, config: NotifyConfig, environ: Mapping[str, str]) -> str:
    """The control sequences for a line of text, as far as they are configured."""
    bell = BELL if config.bell else ""
    if not config.desktop or not understands_osc(environ):
        return bell
    return bell + _through_multiplexer(_notification(_safe(text), environ), environ)


def _safe(text: str) -> str:
    """Without control characters, and not too long."""
    line = one_line(text)
    return line if len(line) <= MAX_CHARACTERS else f"{line[:MAX_CHARACTERS]}…"


def _notification(line: str, environ: Mapping[str, str]) -> str:
    # Ended by BEL, not by ST: multiplexers pass it on, and rxvt knows no other end.
    if _has_headlines(environ):
        return f"\x1b]777;notify;{PROGRAM};{line}{BELL}"
    return f"\x1b]9;{PROGRAM}: {line}{BELL}"


def describe_means(environ: Mapping[str, str]) -> str:
    """By which means this terminal is notified, in words."""
    if not understands_osc(environ):
        return "bell only"
    kind = "OSC 777" if _has_headlines(environ) else "OSC 9"
    through = ", in tmux with allow-passthrough on" if environ.get("TMUX") else ""
    return f"bell, window title, desktop notifications ({kind}{through})"


def _has_headlines(environ: Mapping[str, str]) -> bool:
    return (
        environ.get("TERM_PROGRAM") in HEADLINE_PROGRAMS
        or any(environ.get(name) for name in HEADLINE_VARIABLES)
        or environ.get("TERM", "").startswith(HEADLINE_TERMS)
    )


def _through_multiplexer(sequence: str, environ: Mapping[str, str]) -> str:
    """A sequence that tmux (with allow-passthrough on) gives to the terminal it runs in."""
    if not environ.get("TMUX"):
        return sequence
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}{STRING_END}"


def format_title(title: str) -> str:
    """The sequence that sets the title of the window."""
    return f"\x1b]2;{_safe(title)}{STRING_END}"


def format_title_push() -> str:
    """The sequence that makes the terminal remember its title."""
    return "\x1b[22;0t"


def format_title_pop() -> str:
    """The sequence that restores the title, or clears it on terminals that remember none."""
    return f"{format_title('')}\x1b[23;0t"
