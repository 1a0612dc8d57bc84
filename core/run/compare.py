"""Runs side by side: what is recorded of each, and which of their settings differ."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.config.configs import ModelConfig, TrainConfig
from core.config.schema import setting_specs, to_json
from core.errors import InputError, MiniGPTError
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import EPOCH, STARTED, STEP, Event, as_text, as_whole, restart_step
from core.run.history import History, Series
from core.run.model_files import read_model_config
from core.run.record import read_record, task_of_record
from core.run.status import CRASHED, status_of
from core.run.summary import folder_size
from core.system.files import JsonObject, read_regular_file
from core.text.corpus import CHAT_READINGS

MIN_RUNS, MAX_RUNS = 2, 4
BITS_PER_NAT = 1 / math.log(2)
MAX_TOKENIZER_BYTES = 1 << 28
# Shown as one row, the tokenizer: resolved settings keep these two as requested.
TOKENIZER_FIELDS = ("tokenizer", "vocab_size")
TEXT, READING, TASK, PARENT, TOKENIZER = "text", "reading", "task", "parent", "tokenizer"
LABELS = {
    TEXT: "text",
    READING: "read as",
    TASK: "task",
    PARENT: "started from",
    TOKENIZER: "tokenizer",
    **{
        name: spec.label[:1].lower() + spec.label[1:]
        for config in (ModelConfig, TrainConfig)
        for name, spec in setting_specs(config).items()
        if name not in TOKENIZER_FIELDS
    },
}


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """What is recorded of a run; None where that is not known.

    Attributes:
        status: one of `status.STATUSES`.
        problem: what cannot be read, and why; empty if everything can.
        settings: the resolved settings by name; see `LABELS`.
        tokenizer_id, text_id: equal for runs with the same tokenizer or text: a hash of the
            tokenizer's file, or without one its settings and its text.
        parameters: of the model.
        disk: bytes of all its files.
        step: updates done.
        seconds: of training.
        speed: tokens per second, the median of what was logged.
        best: step and value of the lowest validation loss, nats per token.
        copied: share of the last sampled replies that occurs in the corpus.
        sample_prompt: of its samples; may be empty.
        train_loss, val_loss: nats per token over the steps.
        elapsed: seconds of training over the steps.
        baselines: losses by name, nats per token.
        tokens_per_step: training tokens per update.
        bytes_per_token: the bytes of the text's files per token of the whole text.
        missing: what bits per byte would need and is not recorded.
    """

    name: str
    status: str = CRASHED
    problem: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tokenizer_id: str = ""
    text_id: str = ""
    parameters: int | None = None
    disk: int = 0
    step: int = 0
    seconds: float | None = None
    speed: float | None = None
    best: tuple[int, float] | None = None
    copied: float | None = None
    sample_prompt: str = ""
    train_loss: Series = field(default_factory=Series)
    val_loss: Series = field(default_factory=Series)
    elapsed: Series = field(default_factory=Series)
    baselines: Mapping[str, float] = field(default_factory=dict)
    tokens_per_step: float | None = None
    bytes_per_token: float | None = None
    missing: str = ""

    @property
    def bits_factor(self) -> float | None:
        """What a loss in nats per token is multiplied with for bits per byte."""
        return BITS_PER_NAT / self.bytes_per_token if self.bytes_per_token else None


class RunReader:
    """Reads what is recorded of a run; each further time, only what was added to its log."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._tail = EventTail(run.events)
        self._history, self._elapsed = History(), Series()
        self._tokenizer_hash = ""

    def read(self) -> ComparedRun:
        """The run as it is now; what cannot be read is its `problem`."""
        run, problems = self.run, []
        record: JsonObject = {}
        status = CRASHED
        try:
            record = read_record(run)
        except MiniGPTError as error:
            problems.append(str(error))
        try:
            self._read_events()
            status = status_of(run)
        except MiniGPTError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{run.events} cannot be read: {error.strerror}.")
        if not self._tokenizer_hash:  # the file is written once
            self._tokenizer_hash = _hash_tokenizer(run)
        problem, hash = " ".join(problems), self._tokenizer_hash
        return _describe(run, status, record, self._history, self._elapsed, problem, hash)

    def _read_events(self) -> None:
        while batch := self._tail.read():
            if self._tail.restarts:  # another file: from its beginning
                self._tail = EventTail(self.run.events)
                self._history, self._elapsed = History(), Series()
                continue
            for event in batch:
                self._history.apply(event)
                self._add_elapsed(event)

    def _add_elapsed(self, event: Event) -> None:
        if event.type == STARTED:
            self._elapsed.drop_after(restart_step(event))
        elif event.type in (STEP, EPOCH):
            self._elapsed.add(event.step, event.number("elapsed"))


def _describe(
    run: Run,
    status: str,
    record: JsonObject,
    history: History,
    elapsed: Series,
    problem: str,
    tokenizer_hash: str,
) -> ComparedRun:
    prepared, corpus = history.prepared, record.get("corpus") or {}
    tokens, missing = count_predicted_tokens(prepared), []
    if prepared.get("reading") in CHAT_READINGS:
        missing.append("the size of its replies")
    elif tokens is None:
        missing.append("its number of tokens")
    if not corpus.get("size"):
        missing.append("the size of its text")
    per_epoch, train_tokens = history.steps_per_epoch, as_whole(prepared.get("train_tokens"))
    copied = [row.copied for row in history.samples if row.copied is not None]
    settings = _settings(run, record, history)
    return ComparedRun(
        name=run.name,
        status=status,
        problem=problem,
        settings=settings,
        tokenizer_id=tokenizer_hash or f"{settings.get(TOKENIZER)} of {corpus.get('sha256')}",
        text_id=str(corpus.get("sha256") or ""),
        parameters=as_whole(prepared.get("parameters")),
        disk=folder_size(run.folder),
        step=history.step,
        seconds=history.elapsed,
        speed=statistics.median(history.speed.values) if len(history.speed) else None,
        best=history.best,
        copied=copied[-1] if copied else None,
        sample_prompt=as_text(history.train.get("sample_prompt")) or "",
        train_loss=_copy(history.train_loss),
        val_loss=_copy(history.val_loss),
        elapsed=_copy(elapsed),
        baselines=dict(history.reference),
        tokens_per_step=train_tokens / per_epoch if train_tokens and per_epoch else None,
        bytes_per_token=corpus["size"] / tokens if tokens and corpus.get("size") else None,
        missing=" and ".join(missing),
    )


def _copy(series: Series) -> Series:
    """A copy that does not change while the log is read further."""
    return Series(list(series.steps), list(series.values))


def count_predicted_tokens(prepared: JsonObject) -> int | None:
    """The tokens of a text that are predicted: of each line all but its <sos>.

    None for pairs and conversations, too: of those, as a rule, the replies are.
    """
    if prepared.get("reading") in CHAT_READINGS:
        return None
    counts = [as_whole(prepared.get(name)) for name in ("train_tokens", "val_tokens")]
    if counts[0] is None or counts[1] is None:
        return None
    lines = as_whole(prepared.get("train_samples")) or 0
    is_lines = prepared.get("reading") == "lines"
    return max(0, counts[0] - (lines if is_lines else 0)) + counts[1] or None


def _settings(run: Run, record: JsonObject, history: History) -> dict[str, Any]:
    """The settings as resolved, or as requested if training never began."""
    corpus, parent = record.get("corpus") or {}, record.get("parent") or {}
    model = dict(history.model)
    if not model:
        model = dict(record.get("model") or {})
        with suppress(MiniGPTError, OSError):
            model = to_json(read_model_config(run.config))
    train = history.train or record.get("train") or {}
    kind = history.prepared.get(TOKENIZER) or train.get(TOKENIZER)
    size = model.get("vocab_size")
    words = [str(kind) if kind else "", f"{size:,}" if isinstance(size, int) else ""]
    values = {
        TEXT: corpus.get("name"),
        READING: corpus.get("reading"),
        TASK: task_of_record(corpus)[0],
        PARENT: parent.get("run"),
        TOKENIZER: " ".join(filter(None, words)) or None,
        **model,
        **{name: value for name, value in train.items() if name not in TOKENIZER_FIELDS},
    }
    return {name: values.get(name) for name in LABELS}


def _hash_tokenizer(run: Run) -> str:
    """A hash of the tokenizer's file; empty if there is none yet, or it cannot be read."""
    with suppress(MiniGPTError, OSError):
        return hashlib.sha256(read_regular_file(run.tokenizer, MAX_TOKENIZER_BYTES)).hexdigest()
    return ""


class SettingRow(NamedTuple):
    """A setting that differs: its name, its label and the value of each run."""

    name: str
    label: str
    values: tuple[Any, ...]


def differing_settings(runs: Sequence[ComparedRun]) -> tuple[list[SettingRow], int]:
    """The settings that differ between runs, and the number of all others."""
    rows = []
    for name, label in LABELS.items():
        values = tuple(run.settings.get(name) for run in runs)
        if name == TEXT:
            values = _distinct_texts(runs)
        if any(value != values[0] for value in values):
            rows.append(SettingRow(name, label, values))
    return rows, len(LABELS) - len(rows)


def _distinct_texts(runs: Sequence[ComparedRun]) -> tuple[Any, ...]:
    """The names of the texts; of different texts with one name, with the start of their hash."""
    names = [run.settings.get(TEXT) for run in runs]
    texts = {(name, run.text_id) for name, run in zip(names, runs, strict=True)}
    if len(texts) == len(set(names)):
        return tuple(names)
    return tuple(
        f"{name} {run.text_id[:6]}" if name and run.text_id else name
        for name, run in zip(names, runs, strict=True)
    )


def have_same_tokenizer(runs: Sequence[ComparedRun]) -> bool:
    """Whether losses per token can be compared: one tokenizer made the tokens of all runs."""
    return len({run.tokenizer_id for run in runs}) <= 1


def have_same_text(runs: Sequence[ComparedRun]) -> bool:
    """Whether all runs learned from the same text."""
    return len({run.text_id for run in runs}) <= 1


def check_names(names: Sequence[str]) -> None:
    """Check that names can be compared.

    Raises:
        InputError: there are too few or too many, or one is there twice.
    """
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{twice[0]} is named twice.", "Name different runs.")
    if not MIN_RUNS <= len(names) <= MAX_RUNS:
        raise InputError(
            f"{len(names)} run{'s' * (len(names) != 1)} cannot be compared.",
            f"Name {MIN_RUNS} to {MAX_RUNS} runs.",
        )
