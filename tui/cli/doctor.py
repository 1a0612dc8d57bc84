"""`minigpt-tui doctor`: what this machine and this terminal are like, and what to do about it."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping

import click

from core.doctor.finding import Finding
from core.paths import Home
from tui.cli.console import print_json, print_result
from tui.common.sanitize import one_line

MIN_TERMINAL_SIZE = (80, 24)
MULTIPLEXERS = {"TMUX": "tmux", "STY": "screen", "ZELLIJ": "zellij"}
SSH_VARIABLES = ("SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="a JSON object for each thing looked at")
@click.pass_obj
def doctor(home: Home, as_json: bool) -> int:
    """Look whether all is well for training here; 1 if something makes it impossible."""
    problems = fatal = 0
    for finding in _findings(home):
        problems += bool(finding.problem)
        fatal += finding.fatal
        if as_json:
            print_json(dataclasses.asdict(finding))
        else:
            _put(finding)
    if not as_json:
        print_result()
        print_result(_conclusion(problems, fatal))
    return 1 if fatal else 0


def _findings(home: Home) -> Iterator[Finding]:
    from core.doctor.checks import run_checks

    yield from check_terminal(os.environ, _size())
    yield from run_checks(home)


def _put(finding: Finding) -> None:
    print_result(f"{finding.name:<12} {one_line(finding.value)}")
    if finding.problem:
        print_result(f"  ! {one_line(finding.problem)}\n    {one_line(finding.advice)}")


def _conclusion(problems: int, fatal: int) -> str:
    if not problems:
        return "All is well."
    what = "1 problem" if problems == 1 else f"{problems} problems"
    return f"{what}; " + ("nothing can be trained here yet." if fatal else "training works.")


def _size() -> tuple[int, int] | None:
    """Columns and rows of the terminal; None where the output goes to none."""
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                found = os.get_terminal_size(stream.fileno())
                return found.columns, found.lines
        except (OSError, ValueError):
            # No terminal, or a stream that was closed.
            continue
    return None


def check_terminal(environ: Mapping[str, str], size: tuple[int, int] | None) -> Iterator[Finding]:
    """The terminal's kind and size, its colours, its letters.

    Args:
        environ: the variables of this process.
        size: columns and rows; None without a terminal.
    """
    yield _kind(environ, size)
    if size is not None:
        yield _colours(environ)
    yield _letters(sys.stdout.encoding)


def _kind(environ: Mapping[str, str], size: tuple[int, int] | None) -> Finding:
    inside = [MULTIPLEXERS[name] for name in MULTIPLEXERS if environ.get(name)]
    inside += ["ssh"] if any(environ.get(name) for name in SSH_VARIABLES) else []
    around = "".join(f", in {name}" for name in inside)
    if size is None:
        return Finding(name="terminal", value=f"none, the output goes elsewhere{around}")
    kind = environ.get("TERM", "")
    problem = advice = ""
    if kind in ("", "dumb", "unknown"):
        problem = f"TERM is {kind!r}: programs cannot draw here."
        advice = "export TERM=xterm-256color, if this is an ordinary terminal."
    elif min(size) > 0 and (size[0] < MIN_TERMINAL_SIZE[0] or size[1] < MIN_TERMINAL_SIZE[1]):
        problem = f"It is smaller than {MIN_TERMINAL_SIZE[0]}x{MIN_TERMINAL_SIZE[1]}."
        advice = "Make the window larger, or its letters smaller."
    return Finding(
        name="terminal",
        # A serial line tells no size.
        value=f"{kind or 'unknown'}" + (f", {size[0]}x{size[1]}" if min(size) else "") + around,
        problem=problem,
        advice=advice,
        numbers={"columns": size[0], "rows": size[1], "inside": inside},
    )


def _colours(environ: Mapping[str, str]) -> Finding:
    kind = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return Finding(name="colours", value="none, as NO_COLOR asks")
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in kind:
        return Finding(name="colours", value="16 million")
    if "256" in kind:
        return Finding(name="colours", value="256")
    if environ.get("TMUX"):
        return Finding(
            name="colours",
            value="few",
            problem=f"tmux promises programs no more than {kind or 'nothing'} has.",
            advice="In ~/.tmux.conf: set -g default-terminal tmux-256color",
        )
    return Finding(name="colours", value="few")


def _letters(encoding: str | None) -> Finding:
    codec = (encoding or "ascii").lower()
    if codec.replace("-", "").replace("_", "") == "utf8":
        return Finding(name="letters", value="UTF-8")
    return Finding(
        name="letters",
        value=codec,
        problem="Letters beyond this cannot be shown.",
        advice="export LANG=C.UTF-8 (or another one that ends in UTF-8: locale -a)",
    )
