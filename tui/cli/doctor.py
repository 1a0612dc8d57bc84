"""`minigpt-tui doctor`: check this machine and this terminal."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping

import click

from core.doctor.finding import Finding
from core.paths import Home
from tui.cli.console import print_json, print_result
from tui.common.notify import describe_means
from tui.common.sanitize import one_line
from tui.common.terminal import UNKNOWN_TERMINALS

MIN_TERMINAL_SIZE = (80, 24)
MULTIPLEXERS = {"TMUX": "tmux", "STY": "screen", "ZELLIJ": "zellij"}
SSH_VARIABLES = ("SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION")
NAME_CELLS = 12


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object per check")
@click.pass_obj
def doctor(home: Home, as_json: bool) -> int:
    """Check this machine. Exit code 1 if training is impossible."""
    problems = fatal = 0
    for finding in _run_checks(home):
        problems += bool(finding.problem)
        fatal += finding.fatal
        if as_json:
            print_json(dataclasses.asdict(finding))
            continue
        print_result(f"{finding.name:<{NAME_CELLS}} {one_line(finding.value)}")
        if finding.problem:
            print_result(f"  ! {one_line(finding.problem)}\n    {one_line(finding.advice)}")
    if not as_json:
        print_result()
        print_result(_summarize(problems, fatal))
    return 1 if fatal else 0


def _run_checks(home: Home) -> Iterator[Finding]:
    from core.doctor.checks import run_checks

    yield from check_terminal(os.environ, _find_terminal_size())
    yield from run_checks(home)


def _summarize(problems: int, fatal: int) -> str:
    if not problems:
        return "No problems found."
    count = "1 problem" if problems == 1 else f"{problems} problems"
    return f"{count}; " + ("training is not possible yet." if fatal else "training is possible.")


def _find_terminal_size() -> tuple[int, int] | None:
    """Return columns and rows of the terminal; None if output goes to no terminal."""
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                size = os.get_terminal_size(stream.fileno())
                return size.columns, size.lines
        except (OSError, ValueError):
            # Not a terminal, or a closed stream.
            continue
    return None


def check_terminal(environ: Mapping[str, str], size: tuple[int, int] | None) -> Iterator[Finding]:
    """Check the terminal's type and size, its colours, how it is notified, and its encoding.

    Args:
        environ: the environment variables of this process.
        size: columns and rows; None without a terminal.
    """
    yield _check_type(environ, size)
    if size is not None:
        yield _check_colours(environ)
        yield Finding(name="notices", value=describe_means(environ))
    yield _check_encoding(sys.stdout.encoding)


def _check_type(environ: Mapping[str, str], size: tuple[int, int] | None) -> Finding:
    layers = [MULTIPLEXERS[name] for name in MULTIPLEXERS if environ.get(name)]
    layers += ["ssh"] if any(environ.get(name) for name in SSH_VARIABLES) else []
    inside = "".join(f", in {name}" for name in layers)
    if size is None:
        return Finding(name="terminal", value=f"none (output is redirected){inside}")
    term = environ.get("TERM", "")
    problem = advice = ""
    # A serial line reports no size: 0x0.
    has_size = min(size) > 0
    if term in UNKNOWN_TERMINALS:
        problem = f"TERM is {term!r}: the app cannot draw here."
        advice = "export TERM=xterm-256color, if this is an ordinary terminal."
    elif has_size and (size[0] < MIN_TERMINAL_SIZE[0] or size[1] < MIN_TERMINAL_SIZE[1]):
        problem = f"It is smaller than {MIN_TERMINAL_SIZE[0]}x{MIN_TERMINAL_SIZE[1]}."
        advice = "Enlarge the window, or use a smaller font."
    return Finding(
        name="terminal",
        value=(term or "unknown") + (f", {size[0]}x{size[1]}" if has_size else "") + inside,
        problem=problem,
        advice=advice,
        numbers={"columns": size[0], "rows": size[1], "inside": layers},
    )


def _check_colours(environ: Mapping[str, str]) -> Finding:
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return Finding(name="colours", value="none (NO_COLOR is set)")
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in term:
        return Finding(name="colours", value="16 million")
    if "256" in term:
        return Finding(name="colours", value="256")
    if environ.get("TMUX"):
        return Finding(
            name="colours",
            value="few",
            problem=f"tmux offers only the colours of TERM={term}.",
            advice="In ~/.tmux.conf: set -g default-terminal tmux-256color",
        )
    return Finding(name="colours", value="few")


def _check_encoding(encoding: str | None) -> Finding:
    codec = (encoding or "ascii").lower()
    if codec.replace("-", "").replace("_", "") == "utf8":
        return Finding(name="letters", value="UTF-8")
    return Finding(
        name="letters",
        value=codec,
        problem=f"Characters outside {codec} cannot be shown.",
        advice="export LANG=C.UTF-8 (or another locale that ends in UTF-8, see locale -a)",
    )
