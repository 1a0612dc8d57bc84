"""Training progress on the command line: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from core.run import events
from core.run.events import Event
from core.run.history import History
from tui.cli.console import print_message
from tui.common.format import describe_change, format_count, format_duration, format_number
from tui.common.plain_mode import is_plain_mode, spoken_percent
from tui.common.sanitize import clean, one_line

PLAIN_LINE_SHARE = 0.1  # of all steps between two plain lines


class TrainingView:
    """Shows events on stderr: a bar on a terminal, elsewhere a line per tenth of the steps.

    Args:
        name: of the run.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[facts]}", markup=False),
            console=self._console,
            auto_refresh=False,
            transient=True,
            disable=not self._console.is_terminal or is_plain_mode(os.environ),
        )
        self._task: TaskID = self._bar.add_task("Starting", total=None, facts="")
        self._printed_share = 0.0
        self._is_quiet = False

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone by now
            self._bar.stop()

    def show(self, batch: Iterable[Event], history: History, *, quiet_before: float = 0.0) -> None:
        """Show new events and draw once.

        Args:
            history: with these events folded in.
            quiet_before: Unix seconds; earlier events move the bar but print no lines.
        """
        for event in batch:
            self._is_quiet = event.time < quiet_before
            if event.type == events.PREPARE:
                done, total = event.number("done"), event.number("total")
                phase = one_line(event.text("phase") or "preparing").capitalize()
                self._bar.update(self._task, description=phase, completed=done or 0, total=total)
            elif event.type == events.PREPARED:
                self._show_prepared(event)
            elif event.type == events.STEP:
                self._show_step(event, history)
            elif event.type == events.CHANGED:
                self._show_change(event)
        self._bar.refresh()

    def _show_prepared(self, event: Event) -> None:
        self._print(
            f"{self._name}: {format_count(event.number('parameters'))} parameters, training"
        )
        for reason in event.texts("reasons"):
            self._print(f"  {reason}")
        steps = event.whole("steps")
        self._bar.update(self._task, description="Training", total=steps, completed=0)

    def _show_change(self, event: Event) -> None:
        if action := event.text("action"):
            is_paused = action == "pause"
            self._bar.update(self._task, description="Paused" if is_paused else "Training")
            self._print(f"{'paused' if is_paused else 'continued'} at step {event.step}")
        reason = event.text("reason")
        why = f": {one_line(reason)}" if reason else ""
        for name, values in event.table("changes").items():
            if isinstance(values, list) and len(values) == 2:
                change = describe_change(name, values[0], values[1])
                self._print(f"{change} from step {event.step}{why}")

    def _show_step(self, event: Event, history: History) -> None:
        total = history.steps or 0
        facts = [f"loss {format_number(event.number('train_loss'))}"]
        if history.eta is not None:
            facts.append(f"{format_duration(history.eta)} left")
        if speed := event.number("tokens_per_second"):
            facts.append(f"{format_count(speed)} tokens/s")
        line = "  ".join(facts)
        self._bar.update(self._task, completed=event.step, total=total, facts=line)
        share = event.step / total if total else 0.0
        is_due = event.step == 1 or share >= self._printed_share + PLAIN_LINE_SHARE
        if self._bar.disable and is_due:
            self._printed_share = share if event.step > 1 else 0.0
            if is_plain_mode(os.environ):
                percent = spoken_percent(share)
                self._print(f"{percent}, step {event.step} of {total}, {', '.join(facts)}")
            else:
                self._print(f"step {event.step}/{total}  {line}")

    def _print(self, text: str) -> None:
        if self._is_quiet:
            return
        if self._bar.disable:
            print_message(text)
        else:
            self._bar.console.print(Text(clean(text)))
