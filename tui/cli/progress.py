"""A run's events as a person watches them on the command line: a bar, or plain lines."""

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
from tui.cli.console import say
from tui.common import plain_mode
from tui.common.format import count, duration, number
from tui.common.sanitize import clean, one_line

PLAIN_SHARE = 0.1


class TrainingView:
    """Shows events on stderr; on a terminal as a bar, elsewhere a line at each tenth.

    Args:
        name: of the run.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.history = History()
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[facts]}", markup=False),
            console=self._console,
            auto_refresh=False,
            transient=True,
            disable=not self._console.is_terminal or plain_mode.is_plain_mode(os.environ),
        )
        self._task: TaskID = self._bar.add_task("Starting", total=None, facts="")
        self._said = 0.0
        self._silent = False

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

    def show(self, batch: Iterable[Event], *, silent_before: float = 0.0) -> None:
        """Takes these events in and draws once.

        Args:
            silent_before: Unix seconds; older events move the bar, but say nothing.
        """
        for event in batch:
            self.history.apply(event)
            self._silent = event.time < silent_before
            self._speak(event)
        self._bar.refresh()

    def _speak(self, event: Event) -> None:
        if event.type == events.PREPARE:
            done, total = event.number("done"), event.number("total")
            phase = one_line(event.text("phase") or "preparing").capitalize()
            self._bar.update(self._task, description=phase, completed=done or 0, total=total)
        elif event.type == events.PREPARED:
            self._introduce(event)
        elif event.type == events.STEP:
            self._advance(event)
        elif event.type == events.CHANGED:
            self._change(event)

    def _introduce(self, event: Event) -> None:
        self._say(f"{self.name}: {count(event.number('parameters'))} parameters, training")
        for reason in event.texts("reasons"):
            self._say(f"  {reason}")
        steps = event.whole("steps")
        self._bar.update(self._task, description="Training", total=steps, completed=0)

    def _change(self, event: Event) -> None:
        if action := event.text("action"):
            paused = action == "pause"
            self._bar.update(self._task, description="Paused" if paused else "Training")
            self._say(f"{'paused' if paused else 'goes on'} at step {event.step}")
        why = f": {one_line(said)}" if (said := event.text("reason")) else ""
        for name, values in event.table("changes").items():
            if isinstance(values, list) and len(values) == 2:
                self._say(f"{name} {values[0]} → {values[1]} from step {event.step} on{why}")

    def _advance(self, event: Event) -> None:
        history = self.history
        total = history.steps or 0
        facts = f"loss {number(event.number('train_loss'))}"
        if history.eta is not None:
            facts += f"  {duration(history.eta)} left"
        speed = event.number("tokens_per_second")
        facts += f"  {count(speed)} tokens/s" if speed else ""
        self._bar.update(self._task, completed=event.step, total=total, facts=facts)
        share = event.step / total if total else 0.0
        if self._bar.disable and (share >= self._said + PLAIN_SHARE or event.step == 1):
            self._said = share if event.step > 1 else 0.0
            if plain_mode.is_plain_mode(os.environ):
                done = plain_mode.spoken_percent(share)
                self._say(f"{done}, step {event.step} of {total}, {facts.replace('  ', ', ')}")
            else:
                self._say(f"step {event.step}/{total}  {facts}")

    def _say(self, text: str) -> None:
        if self._silent:
            return
        if self._bar.disable:
            say(text)
        else:
            self._bar.console.print(Text(clean(text)))
