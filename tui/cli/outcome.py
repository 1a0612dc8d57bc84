"""How a run ended: the exit code, and messages with what to do next."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from itertools import islice

import click

from core.paths import Home
from core.run import store
from core.run.directory import Run
from core.run.events import END_EVENTS, FAILED, FINISHED, IMPORTED, STOPPED
from core.run.follow import crash_reason
from core.run.history import History
from core.run.status import CRASHED
from core.system.line_files import read_lines_backwards
from tui.cli.console import print_message, print_result
from tui.cli.options import CONFIG
from tui.common.notify import format_alert
from tui.common.run_end import describe_end
from tui.common.user_config import NotifyConfig

EXIT_CODES = {FINISHED: 0, FAILED: 1, STOPPED: 130, IMPORTED: 0}
EXIT_CRASHED = 1
EXIT_UNUSABLE_INPUT = 2
LOG_LINES = 10
TEXT_WITH_BLANK = "A text with a [] in it"
MAX_LOG_BYTES = 1 << 20  # in which they are looked for


def alert_terminal(run: Run, history: History) -> None:
    """Ring the bell and send a notification, if messages go to a terminal, as configured.

    Args:
        history: of a training that this command watched; without an event of its end, it crashed.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        return
    context = click.get_current_context(silent=True)
    config = context.meta[CONFIG].notify if context and CONFIG in context.meta else NotifyConfig()
    status = history.status if history.status in END_EVENTS else CRASHED
    if line := describe_end(run.name, status, history):
        with suppress(OSError):  # the terminal is gone
            sys.stderr.write(format_alert(line, config, os.environ))
            sys.stderr.flush()


def report_outcome(run: Run, history: History, *, as_json: bool) -> int:
    """Report how a run ended whose last event is terminal; the exit code."""
    failure = history.failure
    if history.status == FAILED and failure is not None:
        print_message(f"{run.name} failed: {failure.message}\n{failure.hint}")
        return failure.code
    if history.status == STOPPED:
        saved = "saved" if run.last_checkpoint.is_file() else "nothing to save yet"
        print_message(
            f"{run.name} stopped at step {history.step}, {saved} ({history.reason}).\n"
            f"To resume: minigpt-tui resume {run.name}"
        )
    elif history.status == IMPORTED:
        print_message(f"{run.name} was imported; nothing is known of its training.")
    elif not as_json:
        _print_sample(run, history)
    return EXIT_CODES[history.status]


def _print_sample(run: Run, history: History) -> None:
    from tui.chat.run_task import task_of_run  # only at the end

    prompt = str(history.train.get("sample_prompt") or "")
    text = (history.epochs[-1].text if history.epochs else None) or ""
    task = task_of_run(run)
    command = "blank" if task.fills_blanks else "generate"
    if task.fills_blanks:
        prompt = prompt or TEXT_WITH_BLANK
        intro = "It fills in the blank:"
    elif task.is_classifier and prompt:
        intro = f'It labels "{prompt}":'
    else:
        verb = "replies to" if task.is_chat else "continues"
        intro = f'It {verb} "{prompt}" with:' if prompt else "It writes:"
    print_message(f"{run.name} is trained. {intro}")
    print_result(text.strip() or "(no text)")
    if history.model.get("labels"):
        print_message(f"More: minigpt-tui chat {run.name}")
    else:
        print_message(f"More: minigpt-tui {command} {run.name} {shlex.quote(prompt)}")


def report_crash(run: Run, history: History) -> int:
    """Report that the trainer is gone without a terminal event; the exit code."""
    reason = crash_reason(history)
    message = [f"{run.name} crashed: its trainer has disappeared{f', {reason}' if reason else ''}."]
    log = [
        line.decode(errors="replace")
        for line in islice(read_lines_backwards(run.log, MAX_LOG_BYTES), LOG_LINES)
    ]
    if log:
        message += [f"End of its log ({run.log}):", *(f"  {line}" for line in reversed(log))]
    message.append(f"Resume from the last checkpoint: minigpt-tui resume {run.name}")
    print_message("\n".join(message))
    return EXIT_CRASHED


def delete_if_refused(home: Home, run: Run, code: int) -> None:
    """Delete a new run whose training could not begin because of unusable input."""
    if code == EXIT_UNUSABLE_INPUT and not run.checkpoints.exists():
        store.delete_run(home, run)
        print_message(f"{run.name} was not created.")
