"""A run as its events tell it: curves, rows, speed, forecast. The interfaces' only idea of a run.

Pure: no file, no clock, no torch. Fields that are missing or of another kind are None here; a
foreign or newer file of events never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from core.run import events
from core.run import status
from core.run.events import Event, restart_step
from core.run.pace import Pace
from core.run.rows import Change, EpochRow, Failure, Preparation, Sample, Saved
from core.run.series import Series


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
    preparation: Preparation | None = None
    train_loss: Series = field(default_factory=Series)
    val_loss: Series = field(default_factory=Series)
    learning_rate: Series = field(default_factory=Series)
    speed: Series = field(default_factory=Series)
    epochs: list[EpochRow] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    epoch: float | None = None
    elapsed: float | None = None
    memory: float | None = None
    answered: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    failure: Failure | None = None
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
        self.preparation = Preparation(phase, event.number("done"), event.number("total"))

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
        self.samples.append(Sample(event.step, prompt, text, event.number("copied")))

    def _take_saved(self, event: Event) -> None:
        kind, size = event.text("kind") or "checkpoint", event.whole("bytes")
        self.saved.append(Saved(event.step, kind, event.time, size, event.number("seconds")))

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
            change = Change(event.step, event.time, event.text("id"), pairs, problems)
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
        self.failure = Failure(title, message, event.text("hint") or "", event.whole("saved_step"))


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
