"""A run as its events tell it: curves, rows, speed, forecast. The interfaces' only idea of a run.

Pure: no file, no clock, no torch. Fields that are missing or of another kind are None here; a
foreign or newer file of events never raises.

What a history holds besides curves: rows for lists, each with the step it belongs to.

A quantity over the steps of a run, in order.

How fast a run goes and how long it will take, from what it did lately.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from core.run import events, status
from core.run.events import Event, restart_step


@dataclass(frozen=True)
class EpochRow:
    """The end of a pass over the training part; losses in nats a token, elapsed in seconds."""

    step: int
    epoch: float | None
    train_loss: float | None
    val_loss: float | None
    text: str | None
    elapsed: float | None


@dataclass(frozen=True)
class SampleRow:
    """What the model made of a prompt at a step; the share of some replies that was copied."""

    step: int
    prompt: str
    text: str
    copied: float | None = None


@dataclass(frozen=True)
class SavedRow:
    """Something that is on the disk; `kind` is checkpoint, snapshot, best or final."""

    step: int
    kind: str
    time: float
    bytes: int | None
    seconds: float | None


@dataclass(frozen=True)
class ChangeRow:
    """Settings changed while training, as name: (old, new), or why they were not, by name."""

    step: int
    time: float
    id: str | None
    values: dict[str, tuple[Any, Any]]
    problems: dict[str, Any]


@dataclass(frozen=True)
class PreparedFacts:
    """How far the text is prepared; `total` is None where nobody knows."""

    phase: str
    done: float | None
    total: float | None


@dataclass(frozen=True)
class FailureRow:
    """Why a run failed, and the step of the last good checkpoint."""

    title: str
    message: str
    hint: str
    saved_step: int | None


@dataclass
class Series:
    """Points in order of their steps.

    Attributes:
        steps: strictly rising.
        values: one a step.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None

    def add(self, step: int, value: float | None) -> None:
        """Takes a point in; None is no point, and a second value of a step replaces the first."""
        if value is None:
            return
        if self.steps and step <= self.steps[-1]:
            self.drop_after(step - 1)
        self.steps.append(step)
        self.values.append(value)

    def drop_after(self, step: int) -> None:
        """Forgets the points of later steps."""
        keep = bisect_right(self.steps, step)
        del self.steps[keep:], self.values[keep:]


WINDOW_SECONDS = 60.0  # of progress that the forecast looks back on
SMOOTH_SECONDS = 5.0  # within which the shown rate forgets


class Pace:
    """Speed and forecast, fed with `step` events.

    The forecast uses the time between two events, not that of training alone, because evaluating
    and saving go on until the end too. Pauses are left out by `interrupt`.
    """

    def __init__(self) -> None:
        self._rate: float | None = None
        self._before: tuple[int, float, float] | None = None
        self._pieces: deque[tuple[int, float]] = deque()
        self._steps = 0
        self._seconds = 0.0

    @property
    def rate(self) -> float | None:
        """Tokens a second, an exponential mean over the last seconds."""
        return self._rate

    def interrupt(self) -> None:
        """Leaves out the time until the next event: a pause, or another life of the run."""
        self._before = None

    def add(self, event: Event) -> None:
        """Takes a `step` event in."""
        elapsed = event.number("elapsed") or 0.0
        before, self._before = self._before, (event.step, event.time, elapsed)
        seconds = 0.0
        if before is not None and event.step > before[0]:
            # A clock that was put back must not make it look fast.
            seconds = max(event.time - before[1], elapsed - before[2], 0.0)
            self._remember(event.step - before[0], seconds)
        self._smooth(event.number("tokens_per_second"), seconds)

    def _remember(self, steps: int, seconds: float) -> None:
        self._pieces.append((steps, seconds))
        self._steps += steps
        self._seconds += seconds
        while len(self._pieces) > 1 and self._seconds - self._pieces[0][1] >= WINDOW_SECONDS:
            steps, seconds = self._pieces.popleft()
            self._steps -= steps
            self._seconds -= seconds

    def _smooth(self, rate: float | None, seconds: float) -> None:
        if rate is None:
            return
        if self._rate is None or seconds == 0.0:
            self._rate = rate
            return
        weight = -math.expm1(-seconds / SMOOTH_SECONDS)
        self._rate += weight * (rate - self._rate)

    def seconds_for(self, steps: int) -> float | None:
        """Seconds that so many steps will take; None before there is anything to go by."""
        if not self._steps:
            return None
        seconds = max(0, steps) * self._seconds / self._steps
        return seconds if math.isfinite(seconds) else None


@dataclass
class History:
    """Everything an interface shows of a run, folded from its events in order.

    Attributes:
        word: the status as the events alone tell it; whether the trainer lives is not known here.
        step: updates done, by the last event.
        time: of the last event, Unix seconds.
        began: when the present life of the run began, Unix seconds.
        started: fields of the last `started`: host, pid, device, seed, versions, threads …
        prepared: fields of the last `prepared`: parameters, vocab_size, reasons …
        model, train: the resolved settings; live changes are in `train`.
        steps, steps_per_epoch: updates in all, and of one pass.
        reference: losses to compare with, by name: random, unigram, bigram.
        reference_on: the part of the text these are of: train or validation.
        train_loss, val_loss, learning_rate, speed: curves over the steps.
        epochs, samples, saved, changes: rows in order.
        best: step and value of the lowest validation loss.
        epoch, elapsed, memory: passes, seconds of training, bytes, by the last report.
        answered: the step at which each request took effect, by its id.
        reason: why the run finished or stopped.
    """

    word: str = status.STARTING
    step: int = 0
    time: float = 0.0
    began: float | None = None
    started: dict[str, Any] = field(default_factory=dict)
    prepared: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    steps: int | None = None
    steps_per_epoch: float | None = None
    reference: dict[str, float] = field(default_factory=dict)
    reference_on: str | None = None
    preparation: PreparedFacts | None = None
    train_loss: Series = field(default_factory=Series)
    val_loss: Series = field(default_factory=Series)
    learning_rate: Series = field(default_factory=Series)
    speed: Series = field(default_factory=Series)
    epochs: list[EpochRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)
    saved: list[SavedRow] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    epoch: float | None = None
    elapsed: float | None = None
    memory: float | None = None
    answered: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    failure: FailureRow | None = None
    _pace: Pace = field(default_factory=Pace)
    _paused_at: int | None = None

    def apply_all(self, batch: Iterable[Event]) -> None:
        """Takes events in, oldest first."""
        for event in batch:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Takes one event in; types that are not known change only the step and the time."""
        before = self.word
        self.word = status.following(before, event, self._paused_at)
        if self.word != status.PAUSED:
            self._paused_at = None
        elif before != status.PAUSED or event.type == events.CHANGED:
            self._paused_at = event.step
        self.step, self.time = event.step, event.time
        self._answer(event)
        take = _TAKE.get(event.type)
        if take is not None:
            take(self, event)

    @property
    def reasons(self) -> list[str]:
        """Sentences saying why the settings are what they are."""
        return Event("", 0.0, 0, self.prepared).texts("reasons")

    @property
    def rate(self) -> float | None:
        """Tokens a second lately."""
        return self._pace.rate

    @property
    def eta(self) -> float | None:
        """Seconds to go at the pace of the last minute; None unless running."""
        if self.word != status.RUNNING or self.steps is None:
            return None
        return self._pace.seconds_for(self.steps - self.step)

    @property
    def progress(self) -> float | None:
        """Share of the steps done, 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps else None

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and value of the lowest validation loss."""
        pairs = zip(self.val_loss.values, self.val_loss.steps, strict=True)
        value, step = min(pairs, default=(0.0, -1))
        return None if step < 0 else (step, value)

    @property
    def saved_step(self) -> int | None:
        """The step a resume would go on from."""
        steps = [saved.step for saved in self.saved if saved.kind == "checkpoint"]
        return steps[-1] if steps else None

    def _answer(self, event: Event) -> None:
        for name in ("id", "request"):
            id = event.text(name)
            if id is not None:
                self.answered[id] = event.step

    def _start(self, event: Event) -> None:
        self.began, self.started = event.time, dict(event.fields)
        self.preparation = self.failure = self.reason = None
        self._pace.interrupt()
        step = restart_step(event)
        self.step = step
        for series in (self.train_loss, self.val_loss, self.learning_rate, self.speed):
            series.drop_after(step)
        self.epochs = [row for row in self.epochs if row.step <= step]
        self.samples = [sample for sample in self.samples if sample.step <= step]
        self.saved = [saved for saved in self.saved if saved.step <= step]
        self.changes = [change for change in self.changes if change.step <= step]

    def _prepare(self, event: Event) -> None:
        phase = event.text("phase") or ""
        self.preparation = PreparedFacts(phase, event.number("done"), event.number("total"))

    def _be_prepared(self, event: Event) -> None:
        self.preparation = None
        self.prepared = dict(event.fields)
        self.model, self.train = dict(event.table("model")), dict(event.table("train"))
        self.steps = event.whole("steps")
        self.steps_per_epoch = event.number("steps_per_epoch")
        reference = Event("", 0.0, 0, event.table("reference"))
        self.reference_on = reference.text("on")
        losses = {name: reference.number(name) for name in ("random", "unigram", "bigram")}
        self.reference = {name: loss for name, loss in losses.items() if loss is not None}

    def _take_step(self, event: Event) -> None:
        self.train_loss.add(event.step, event.number("train_loss"))
        self.learning_rate.add(event.step, event.number("learning_rate"))
        self.speed.add(event.step, event.number("tokens_per_second"))
        self.epoch = _newer(event.number("epoch"), self.epoch)
        self.elapsed = _newer(event.number("elapsed"), self.elapsed)
        self.memory = _newer(event.number("memory"), self.memory)
        self._pace.add(event)

    def _take_epoch(self, event: Event) -> None:
        epoch, elapsed = event.number("epoch"), event.number("elapsed")
        train_loss, val_loss = event.number("train_loss"), event.number("val_loss")
        row = EpochRow(event.step, epoch, train_loss, val_loss, event.text("text"), elapsed)
        while self.epochs and self.epochs[-1].step >= event.step:
            self.epochs.pop()  # said again by a run that went on from just before it
        self.epochs.append(row)
        self.epoch, self.elapsed = _newer(epoch, self.epoch), _newer(elapsed, self.elapsed)
        self.val_loss.add(event.step, val_loss)

    def _take_eval(self, event: Event) -> None:
        self.val_loss.add(event.step, event.number("val_loss"))

    def _take_sample(self, event: Event) -> None:
        prompt, text = event.text("prompt") or "", event.text("text") or ""
        while self.samples and self.samples[-1].step >= event.step:
            self.samples.pop()
        self.samples.append(SampleRow(event.step, prompt, text, event.number("copied")))

    def _take_saved(self, event: Event) -> None:
        kind, size = event.text("kind") or "checkpoint", event.whole("bytes")
        self.saved.append(SavedRow(event.step, kind, event.time, size, event.number("seconds")))

    def _take_changed(self, event: Event) -> None:
        if event.text("action"):
            self._pace.interrupt()
        pairs = {
            name: (pair[0], pair[1])
            for name, pair in event.table("changes").items()
            if isinstance(pair, list) and len(pair) == 2
        }
        problems = event.table("problems")
        if pairs or problems:
            change = ChangeRow(event.step, event.time, event.text("id"), pairs, problems)
            self.changes.append(change)
        new = Event("", 0.0, 0, {name: value for name, (_, value) in pairs.items()})
        self.train.update(new.fields)
        self.steps = event.whole("steps") or new.whole("steps") or self.steps

    def _end(self, event: Event) -> None:
        self.reason = event.text("reason")
        self.elapsed = _newer(event.number("elapsed"), self.elapsed)
        self.val_loss.add(event.step, event.number("val_loss"))

    def _fail(self, event: Event) -> None:
        title, message = event.text("title") or "", event.text("message") or ""
        self.failure = FailureRow(
            title, message, event.text("hint") or "", event.whole("saved_step")
        )


def _newer(value: float | None, before: float | None) -> float | None:
    return before if value is None else value


_TAKE: dict[str, Callable[[History, Event], None]] = {
    events.STARTED: History._start,
    events.PREPARE: History._prepare,
    events.PREPARED: History._be_prepared,
    events.STEP: History._take_step,
    events.EPOCH: History._take_epoch,
    events.EVAL: History._take_eval,
    events.SAMPLE: History._take_sample,
    events.SAVED: History._take_saved,
    events.CHANGED: History._take_changed,
    events.FINISHED: History._end,
    events.STOPPED: History._end,
    events.FAILED: History._fail,
}
