"""How a run ended, in words and as an exit code."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import islice

from core.run import events
from core.run import store as runs
from core.run.event_log import events_backwards
from core.run.events import Event
from core.system.line_files import backwards
from core.paths import Home
from core.run.directory import Run
from core.run.vanished import why_vanished
from tui.cli.console import discard_output, put, put_json, say

EXIT_CODES = {events.FINISHED: 0, events.FAILED: 1, events.STOPPED: 130}
CRASHED = 1
USAGE = 2
LOG_LINES = 10


def put_event(event: Event) -> None:
    """One event on stdout as the file has it; training goes on when nobody reads it any more."""
    try:
        put_json({"type": event.type, "time": event.time, "step": event.step} | dict(event.fields))
    except BrokenPipeError:
        discard_output()


def forget_if_refused(home: Home, run: Run, code: int) -> None:
    """Removes a new run that could never begin for something asked that cannot be used."""
    if code == USAGE and not run.checkpoints.exists():
        runs.delete(home, run)
        say(f"Nothing was kept of {run.name}.")


def say_ending(run: Run, last: Mapping[str, Event], ending: Event, *, as_json: bool) -> int:
    """Says how it ended and what can be done; the exit code.

    Args:
        last: the last event of each type.
        ending: the one that ended it.
    """
    if ending.type == events.FAILED:
        say(f"{run.name} failed: {ending.text('message')}\n{ending.text('hint')}")
        return ending.whole("code") or EXIT_CODES[events.FAILED]
    if ending.type == events.STOPPED:
        kept = "saved" if run.last_checkpoint.is_file() else "nothing to save yet"
        say(
            f"{run.name} stopped at step {ending.step}, {kept} ({ending.text('reason')}).\n"
            f"To go on: minigpt-tui resume {run.name}"
        )
    elif not as_json:
        _show_sample(run, last)
    return EXIT_CODES[ending.type]


def say_crashed(run: Run, last: Mapping[str, Event]) -> int:
    """Says that the trainer is gone without a word; the exit code."""
    lines = [line.decode(errors="replace") for line in islice(backwards(run.log), LOG_LINES)]
    reason = why_vanished(last)
    told = [f"{run.name} crashed: its trainer is gone{f', {reason}' if reason else ''}."]
    if lines:
        told += [f"The end of its log ({run.log}):", *(f"  {line}" for line in reversed(lines))]
    told.append(f"Nothing before its last checkpoint is lost: minigpt-tui resume {run.name}")
    say("\n".join(told))
    return CRASHED


def _show_sample(run: Run, last: Mapping[str, Event]) -> None:
    prepared, row = last.get(events.PREPARED), last.get(events.EPOCH) or _last_row(run)
    prompt = str(prepared.table("train").get("sample_prompt") or "") if prepared else ""
    text = (row.text("text") if row else None) or ""
    say(f"{run.name} is trained. It goes on from {prompt!r} with:")
    put(text.strip())
    say(f"More: minigpt-tui generate {run.name} {shlex.quote(prompt)}")


def _last_row(run: Run) -> Event | None:
    """A trainer that was killed after its last row, but before its last word, leaves no other."""
    told = events_backwards(run.events)
    return next((event for event in told if event.type == events.EPOCH), None)
