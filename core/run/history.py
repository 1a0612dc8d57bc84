"""The history of a run, folded from its events: curves, rows, settings, speed and forecast.

Pure: no files, no clock, no torch. Missing fields and fields of another type become None; events
of a foreign or newer version never raise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.run import events
from core.run.events import Event, as_number, as_texts, as_whole, restart_step
from core.run.pace import Pace
from core.run.status import RUNNING, EventState, next_state
from core.system.files import JsonObject
from core.text.corpus import CHAT_READINGS

BASELINES = UNIFORM, UNIGRAM, BIGRAM, TRIGRAM = ("random", "unigram", "bigram", "trigram")


@dataclass(frozen=True)
class EpochRow:
    """The end of an epoch; losses in nats per token, elapsed in seconds of training.

    `task_accuracy` is the share of right replies, of pairs and conversations.
    """

    step: int
    epoch: float | None
    train_loss: float | None
    val_loss: float | None
    text: str | None
    elapsed: float | None
    task_accuracy: float | None = None


@dataclass(frozen=True)
class SampleRow:
    """The continuation of a prompt, the reply to it, or the prompt with its blanks filled in.

    Attributes:
        copied: the share of some replies that is in the text.
        is_reply: whether it replies to the prompt.
        is_filled: whether `text` is all of the prompt, with what an encoder put into its blanks.
    """

    step: int
    prompt: str
    text: str
    copied: float | None = None
    is_reply: bool = False
    is_filled: bool = False

    @property
    def lead(self) -> str:
        """What stands before the text of the model."""
        return "" if self.is_filled else self.prompt

    @property
    def joint(self) -> str:
        """What stands between prompt and text on one line."""
        return " → " if self.is_reply else ""


@dataclass(frozen=True)
class SaveRow:
    """Something written to disk; `kind` is checkpoint, snapshot or best."""

    step: int
    kind: str
    time: float
    bytes: int | None
    seconds: float | None


@dataclass(frozen=True)
class ChangeRow:
    """Settings changed during training as name: (old, new), and refusals by name."""

    step: int
    time: float
    id: str | None
    values: dict[str, tuple[Any, Any]]
    problems: JsonObject


@dataclass(frozen=True)
class PreparationProgress:
    """How far the text is prepared; `total` is None if unknown."""

    phase: str
    done: float | None
    total: float | None


@dataclass(frozen=True)
class Failure:
    """Why a run failed.

    Attributes:
        code: exit code of the trainer.
        saved_step: step of the last good checkpoint.
    """

    title: str
    message: str
    hint: str
    saved_step: int | None
    code: int = 1


@dataclass
class Series:
    """A quantity over the steps of a run.

    Attributes:
        steps: strictly increasing.
        values: one per step.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None

    def add(self, step: int, value: float | None) -> None:
        """Add a point; None adds nothing, and a point replaces those of the same or later steps."""
        if value is None:
            return
        if self.steps and step <= self.steps[-1]:
            self.drop_after(step - 1)
        self.steps.append(step)
        self.values.append(value)

    def drop_after(self, step: int) -> None:
        """Remove the points of later steps."""
        end = bisect_right(self.steps, step)
        del self.steps[end:], self.values[end:]


@dataclass
class History:
    """Everything an interface shows of a run, folded from its events in order.

    Attributes:
        state: what the events imply about the status, whether or not the trainer is alive.
        step: updates done, by the last event.
        time: of the last event, Unix seconds; 0 without events.
        started_at: Unix seconds when the run was last started or resumed.
        started: fields of the last `started`: host, pid, device, seed, versions, …
        prepared: fields of the last `prepared`: parameters, vocab_size, reasons, …
        model, train: the resolved settings; `train` includes changes made during training.
        steps, steps_per_epoch: total updates, and updates per epoch.
        reference: baseline losses by name: random, unigram and bigram, or of an encoder trigram.
        reference_accuracy: of an encoder, the share of masked tokens that unigram and trigram
            restore.
        reference_on: the data these were computed on: train or validation.
        train_loss, val_loss, learning_rate, speed: curves over the steps.
        task_accuracy: the share of right replies over the steps, of pairs and conversations.
        task_items: number of items judged for it, in the last evaluation.
        epochs, samples, saves, changes: rows in order.
        resumes: the steps at which it was resumed, not counting those resumed from again.
        epoch, elapsed: epochs and seconds of training so far.
        memory, free_memory: bytes in use on the device and free on the host, as last reported.
        answers: the step at which each request took effect, by its id.
        reason: why the run finished or stopped.
    """

    state: EventState = EventState()  # noqa: RUF009  # a NamedTuple, immutable
    step: int = 0
    time: float = 0.0
    started_at: float | None = None
    started: JsonObject = field(default_factory=dict)
    prepared: JsonObject = field(default_factory=dict)
    model: JsonObject = field(default_factory=dict)
    train: JsonObject = field(default_factory=dict)
    steps: int | None = None
    steps_per_epoch: float | None = None
    reference: dict[str, float] = field(default_factory=dict)
    reference_accuracy: dict[str, float] = field(default_factory=dict)
    reference_on: str | None = None
    preparation: PreparationProgress | None = None
    train_loss: Series = field(default_factory=Series)
    val_loss: Series = field(default_factory=Series)
    task_accuracy: Series = field(default_factory=Series)
    task_items: int | None = None
    learning_rate: Series = field(default_factory=Series)
    speed: Series = field(default_factory=Series)
    epochs: list[EpochRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)
    saves: list[SaveRow] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    resumes: list[int] = field(default_factory=list)
    epoch: float | None = None
    elapsed: float | None = None
    memory: float | None = None
    free_memory: float | None = None
    answers: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    failure: Failure | None = None
    _initial_reasons: list[str] = field(default_factory=list)
    _pace: Pace = field(default_factory=Pace)

    def apply_all(self, batch: Iterable[Event]) -> None:
        """Fold events in, oldest first."""
        for event in batch:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Fold one event in; an unknown type changes only the step and the time."""
        self.state = next_state(self.state, event)
        self.step, self.time = event.step, event.time
        for name in ("id", "request"):
            if (id := event.text(name)) is not None:
                self.answers[id] = event.step
        if (handler := _HANDLERS.get(event.type)) is not None:
            handler(self, event)

    @property
    def status(self) -> str:
        """The status as the events alone imply it; see `core.run.status`."""
        return self.state.status

    @property
    def reasons(self) -> list[str]:
        """Phrases that explain how settings were chosen, then what the last resume changed."""
        resumed = as_texts(self.prepared.get("reasons"))
        return list(dict.fromkeys([*self._initial_reasons, *resumed]))

    @property
    def tokens_per_second(self) -> float | None:
        """Recent training speed."""
        return self._pace.tokens_per_second

    @property
    def seconds_per_step(self) -> float | None:
        """At the pace of the last minute, or on average once it no longer runs."""
        if self.status == RUNNING:
            return self._pace.seconds_for(1)
        return self.elapsed / self.step if self.elapsed is not None and self.step else None

    @property
    def eta(self) -> float | None:
        """Seconds left at the pace of the last minute, smoothed; None unless running."""
        return self._pace.time_left if self.status == RUNNING else None

    @property
    def progress(self) -> float | None:
        """Share of the steps done, 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps else None

    @property
    def fills_blanks(self) -> bool:
        """Whether the model is an encoder: it is compared with counts on both sides."""
        return TRIGRAM in self.reference

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and value of the lowest validation loss."""
        pairs = zip(self.val_loss.values, self.val_loss.steps, strict=True)
        value, step = min(pairs, default=(0.0, -1))
        return None if step < 0 else (step, value)

    @property
    def best_step(self) -> int | None:
        """The step of the best evaluation: most right replies of a task, then the lowest loss."""
        accuracy = dict(zip(self.task_accuracy.steps, self.task_accuracy.values, strict=True))
        pairs = zip(self.val_loss.steps, self.val_loss.values, strict=True)
        ranks = [(-accuracy.get(step, 0.0), loss, step) for step, loss in pairs]
        return min(ranks)[2] if ranks else None

    @property
    def best_accuracy(self) -> float | None:
        """The share of right replies in the best evaluation; None if none were judged."""
        pairs = dict(zip(self.task_accuracy.steps, self.task_accuracy.values, strict=True))
        step = self.best_step
        return None if step is None else pairs.get(step)

    @property
    def checkpoint_step(self) -> int | None:
        """The step from which the run would resume."""
        steps = [row.step for row in self.saves if row.kind == "checkpoint"]
        return steps[-1] if steps else None

    def _on_started(self, event: Event) -> None:
        self.started_at, self.started = event.time, dict(event.fields)
        self.preparation = self.failure = self.reason = self.free_memory = None
        self._pace.interrupt()
        step = restart_step(event)
        self.step = step
        for series in (
            self.train_loss,
            self.val_loss,
            self.task_accuracy,
            self.learning_rate,
            self.speed,
        ):
            series.drop_after(step)
        self.epochs = [row for row in self.epochs if row.step <= step]
        self.samples = [row for row in self.samples if row.step <= step]
        self.saves = [row for row in self.saves if row.step <= step]
        self.changes = [row for row in self.changes if row.step <= step]
        self.resumes = [resume for resume in self.resumes if resume < step]
        if step > 0:
            self.resumes.append(step)

    def _on_prepare(self, event: Event) -> None:
        phase, done, total = event.text("phase"), event.number("done"), event.number("total")
        self.preparation = PreparationProgress(phase or "", done, total)

    def _on_prepared(self, event: Event) -> None:
        self.preparation = None
        self.prepared = dict(event.fields)
        if event.step == 0:
            self._initial_reasons = event.texts("reasons")
        self.model, self.train = dict(event.table("model")), dict(event.table("train"))
        self.steps = event.whole("steps")
        self.steps_per_epoch = event.number("steps_per_epoch")
        if self.steps is not None:
            self._pace.restart_time_left(self.steps - event.step)
        reference = event.table("reference")
        self.reference_on = events.as_text(reference.get("on"))
        self.reference = _numbers(reference, dict(zip(BASELINES, BASELINES, strict=True)))
        self.reference_accuracy = _numbers(
            reference, {name: f"{name}_accuracy" for name in BASELINES}
        )

    def _on_step(self, event: Event) -> None:
        self.train_loss.add(event.step, event.number("train_loss"))
        self.learning_rate.add(event.step, event.number("learning_rate"))
        self.speed.add(event.step, event.number("tokens_per_second"))
        self._update("epoch", event.number("epoch"))
        self._update("elapsed", event.number("elapsed"))
        self._update("memory", event.number("memory"))
        self._update("free_memory", event.number("free_memory"))
        self._pace.add(event, None if self.steps is None else self.steps - event.step)

    def _update(self, name: str, value: float | None) -> None:
        if value is not None:
            setattr(self, name, value)

    def _on_epoch(self, event: Event) -> None:
        epoch, elapsed = event.number("epoch"), event.number("elapsed")
        train_loss, val_loss = event.number("train_loss"), event.number("val_loss")
        while self.epochs and self.epochs[-1].step >= event.step:
            self.epochs.pop()  # repeated by a run that resumed from just before it
        text, accuracy = event.text("text"), event.number("task_accuracy")
        row = EpochRow(event.step, epoch, train_loss, val_loss, text, elapsed, accuracy)
        self.epochs.append(row)
        self._update("epoch", epoch)
        self._update("elapsed", elapsed)
        self._add_evaluation(event)

    def _on_eval(self, event: Event) -> None:
        self._add_evaluation(event)
        self._update("task_items", event.whole("task_items"))

    def _add_evaluation(self, event: Event) -> None:
        self.val_loss.add(event.step, event.number("val_loss"))
        self.task_accuracy.add(event.step, event.number("task_accuracy"))

    def _on_sample(self, event: Event) -> None:
        prompt, text = event.text("prompt") or "", event.text("text") or ""
        while self.samples and self.samples[-1].step >= event.step:
            self.samples.pop()
        is_reply = self.prepared.get("reading") in CHAT_READINGS
        self.samples.append(
            SampleRow(
                event.step,
                prompt,
                text,
                event.number("copied"),
                is_reply=is_reply,
                is_filled=self.fills_blanks,
            )
        )

    def _on_saved(self, event: Event) -> None:
        kind, size = event.text("kind") or "checkpoint", event.whole("bytes")
        self.saves.append(SaveRow(event.step, kind, event.time, size, event.number("seconds")))

    def _on_changed(self, event: Event) -> None:
        if event.text("action"):
            self._pace.interrupt()
        values = {
            name: (pair[0], pair[1])
            for name, pair in event.table("changes").items()
            if isinstance(pair, list) and len(pair) == 2
        }
        problems = event.table("problems")
        if values or problems:
            row = ChangeRow(event.step, event.time, event.text("id"), values, problems)
            self.changes.append(row)
        new = {name: value for name, (_, value) in values.items()}
        self.train.update(new)
        self.steps = event.whole("steps") or as_whole(new.get("steps")) or self.steps
        if new.keys() & {"steps", "epochs"} and event.text("id") and self.steps is not None:
            self._pace.restart_time_left(self.steps - event.step)

    def _on_end(self, event: Event) -> None:
        self.reason = event.text("reason")
        self._update("elapsed", event.number("elapsed"))
        self._add_evaluation(event)

    def _on_imported(self, event: Event) -> None:
        self.model = dict(event.table("model"))

    def _on_failed(self, event: Event) -> None:
        self.failure = Failure(
            event.text("title") or "",
            event.text("message") or "",
            event.text("hint") or "",
            event.whole("saved_step"),
            event.whole("code") or 1,
        )


_HANDLERS: dict[str, Callable[[History, Event], None]] = {
    events.STARTED: History._on_started,
    events.PREPARE: History._on_prepare,
    events.PREPARED: History._on_prepared,
    events.STEP: History._on_step,
    events.EPOCH: History._on_epoch,
    events.EVAL: History._on_eval,
    events.SAMPLE: History._on_sample,
    events.SAVED: History._on_saved,
    events.CHANGED: History._on_changed,
    events.FINISHED: History._on_end,
    events.STOPPED: History._on_end,
    events.FAILED: History._on_failed,
    events.IMPORTED: History._on_imported,
}


def _numbers(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, float]:
    """The numbers in the named fields, under the keys of `names`; others are left out."""
    numbers = {name: as_number(fields.get(field)) for name, field in names.items()}
    return {name: number for name, number in numbers.items() if number is not None}
