"""`minigpt-tui wait`: wait until a run ends or one of its numbers reaches a value, for scripts."""

from __future__ import annotations

import math
import operator
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from core.errors import InputError, MiniGPTError, did_you_mean
from core.paths import Home
from core.run import store
from core.run.compare import BITS_PER_NAT, count_predicted_tokens
from core.run.directory import Run
from core.run.events import FINISHED, IMPORTED, STOPPED
from core.run.follow import RunFollower
from core.run.history import History
from core.run.record import read_record
from core.run.status import LIVE_STATUSES
from core.text.corpus import CHAT_READINGS, CONVERSATIONS
from tui.cli.console import print_json, print_message
from tui.cli.options import complete_run
from tui.cli.watch import follow_events

EXIT_REACHED, EXIT_FAILED, EXIT_ENDED, EXIT_TIMEOUT = 0, 1, 3, 124
STEP, EPOCH, TRAIN_LOSS = "step", "epoch", "train_loss"
VAL_LOSS, BITS_PER_BYTE, TASK_ACCURACY = "val_loss", "bits_per_byte", "task_accuracy"
METRICS = (TRAIN_LOSS, VAL_LOSS, STEP, EPOCH, BITS_PER_BYTE, TASK_ACCURACY)
OF_VALIDATION = (VAL_LOSS, BITS_PER_BYTE, TASK_ACCURACY)
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EXAMPLE = "such as val_loss<1.5"
_CONDITION = re.compile(r"([^\s<>=!]+)\s*([<>=!]+)\s*(\S+)")


@dataclass(frozen=True)
class Condition:
    """A comparison of one of `METRICS` with a number."""

    metric: str
    comparison: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {self.comparison} {self.limit:g}"

    def is_met(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.limit)


def parse_condition(text: str) -> Condition:
    """Read a condition such as `val_loss<1.5`.

    Raises:
        InputError: it is not a valid condition.
    """
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text!r} is not a valid condition.", f"Write one {EXAMPLE}.")
    metric, comparison, number = match.groups()
    if metric not in METRICS:
        hint = did_you_mean(metric, METRICS) or f"There are {', '.join(METRICS)}."
        raise InputError(f"There is no metric {metric!r}.", hint)
    if comparison not in COMPARISONS:
        raise InputError(f"{comparison!r} is not a valid comparison.", "Use <, <=, > or >=.")
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise InputError(f"{number!r} is not a valid number.", f"Write a condition {EXAMPLE}.")
    return Condition(metric, comparison, limit)


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option(
    "--until",
    type=parse_condition,
    metavar="CONDITION",
    help=f"a condition {EXAMPLE}; one of {', '.join(METRICS)}, then <, <=, > or >=, and a number",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="wait no longer than this"
)
@click.option("--json", "as_json", is_flag=True, help="print the state at the end as a JSON object")
@click.pass_obj
def wait(
    home: Home, run: str, until: Condition | None, timeout: float | None, as_json: bool
) -> int:
    """Wait until the training of RUN ends, or until a condition has been met.

    For losses and the task's accuracy (the share of right replies, of pairs and conversations), a
    condition also counts if it was met before; step and epoch count as they are now. Bits per byte
    are derived from the validation loss, at the mean number of bytes per token of the run's text.

    \b
    Exit codes:
      0    the training finished; with --until, the condition was met
      1    the training failed or crashed
      2    unusable input
      3    the training was stopped, or ended without meeting the condition
      124  timeout
      130  interrupted by Ctrl+C
    """
    if timeout is not None and math.isnan(timeout):
        raise click.BadParameter("nan is no number of seconds.", param_hint="--timeout")
    target = store.find_run(home, run)
    return RunWait(target, until).run(timeout, as_json=as_json)


class RunWait:
    """Waiting for a run.

    Args:
        until: what to wait for besides the end.
    """

    def __init__(self, run: Run, until: Condition | None) -> None:
        self._run, self._until = run, until
        self._follower = RunFollower(run)

    @property
    def _history(self) -> History:
        return self._follower.history

    def run(self, timeout: float | None, *, as_json: bool) -> int:
        """Wait and report; the exit code.

        Args:
            timeout: seconds; None waits for ever.
        """
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        is_met = is_late = False
        for events in follow_events(self._follower):
            is_met = bool(events) and self._find_met()
            is_late = time.monotonic() >= deadline and self._follower.share_read == 1.0
            if is_met or is_late:
                break
        code = self._exit_code(is_met=is_met, is_late=is_late and not self._follower.is_over)
        if as_json:
            print_json(self._state(code, is_met=is_met))
        print_message(self._describe(code))
        return code

    def _find_met(self) -> bool:
        """Whether the condition is met, or was for a loss or an accuracy.

        Raises:
            InputError: it never will be, as the run has no validation data or no replies.
        """
        if self._until is None:
            return False
        reading = self._history.prepared.get("reading", CONVERSATIONS)
        if self._until.metric == TASK_ACCURACY and reading not in CHAT_READINGS:
            raise InputError(f"{self._run.name} continues texts.", f"Use {VAL_LOSS}.")
        if self._until.metric in OF_VALIDATION and self._history.prepared.get("val_tokens") == 0:
            hint = f"Use {TRAIN_LOSS}."
            raise InputError(f"{self._run.name} has no validation data.", hint)
        return any(map(self._until.is_met, self._values(self._until.metric)))

    def _values(self, metric: str) -> list[float]:
        """The values of a metric so far: all of a loss, and the last one of what only grows."""
        if metric == STEP:
            return [float(self._history.step)]
        if metric == EPOCH:
            return [] if self._history.epoch is None else [self._history.epoch]
        if metric == TRAIN_LOSS:
            return self._history.train_loss.values
        if metric == TASK_ACCURACY:
            return self._history.task_accuracy.values
        scale = 1.0 if metric == VAL_LOSS else self._bits_per_nat()
        return [] if scale is None else [value * scale for value in self._history.val_loss.values]

    def _bits_per_nat(self) -> float | None:
        """Bits per byte for one nat per token; None if unknown."""
        tokens = count_predicted_tokens(self._history.prepared)
        try:
            size = read_record(self._run)["corpus"]["size"]
        except MiniGPTError:
            return None
        return BITS_PER_NAT * tokens / size if tokens and size else None

    def _exit_code(self, *, is_met: bool, is_late: bool) -> int:
        if is_met:
            return EXIT_REACHED
        if is_late:
            return EXIT_TIMEOUT
        if self._follower.status == STOPPED:
            return EXIT_ENDED
        if self._follower.status in (FINISHED, IMPORTED):
            return EXIT_REACHED if self._until is None else EXIT_ENDED
        return EXIT_FAILED

    def _state(self, code: int, *, is_met: bool) -> dict[str, Any]:
        history, scale = self._history, self._bits_per_nat()
        val_loss = history.val_loss.last
        return {
            "run": self._run.name,
            "status": self._follower.status,
            "until": None if self._until is None else str(self._until),
            "met": None if self._until is None else is_met,
            "timeout": code == EXIT_TIMEOUT,
            STEP: history.step,
            "steps": history.steps,
            EPOCH: history.epoch,
            TRAIN_LOSS: history.train_loss.last,
            VAL_LOSS: val_loss,
            BITS_PER_BYTE: None if val_loss is None or scale is None else val_loss * scale,
            TASK_ACCURACY: history.task_accuracy.last,
            "reason": history.failure.message if history.failure else history.reason,
            "exit_code": code,
        }

    def _describe(self, code: int) -> str:
        name, status, step = self._run.name, self._follower.status, f"step {self._history.step:,}"
        if code == EXIT_TIMEOUT:
            return f"Timeout: {name} is at {step}, {status}."
        if self._until is not None and code == EXIT_REACHED:
            return f"{name}: {self._until} is met; it is at {step}, {status}."
        text = f"{name}: {status} at {step}"
        if history_reason := self._history.failure and self._history.failure.message:
            text += f": {history_reason}"
        if self._until is not None and status not in LIVE_STATUSES:
            text += f"; {self._until} was not met"
        return f"{text.rstrip('.')}."
