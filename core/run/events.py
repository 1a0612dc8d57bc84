"""The events of a run: one JSON object per line, each with `type`, `time` and `step`.

FIELDS lists all event types and their fields. Readers keep types and fields they do not know, and
must not rely on a field being present or of its type: the accessors of `Event` return None
instead. Numbers that are not finite are written as null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.system.files import JsonObject, check_json_depth

STARTED = "started"
PREPARE = "prepare"
PREPARED = "prepared"
STEP = "step"
EPOCH = "epoch"
EVAL = "eval"
SAMPLE = "sample"
SAVED = "saved"
CHANGED = "changed"
BEAT = "beat"
FINISHED = "finished"
STOPPED = "stopped"
FAILED = "failed"
IMPORTED = "imported"

END_EVENTS = frozenset({FINISHED, STOPPED, FAILED, IMPORTED})
TRAINING_EVENTS = frozenset({STEP, EPOCH, EVAL, SAMPLE})  # written only once training has begun

FIELDS: Mapping[str, Mapping[str, str]] = {
    STARTED: {
        "host": "name of the machine",
        "pid": "process id of the trainer",
        "boot": "the machine's boot id",
        "resumed_from": "step of the checkpoint resumed from; readers drop later points",
        "seed": "seed of the run",
        "versions": "versions of the program, Python and libraries, by name",
        "out_of_memory_kills": "number of out-of-memory kills by the kernel so far",
    },
    PREPARE: {
        "phase": "what is being prepared, in a few words",
        "done": "units done",
        "total": "total units, or null",
    },
    PREPARED: {
        "vocab_size": "tokens in the vocabulary",
        "train_tokens": "tokens of the training data",
        "val_tokens": "tokens of the validation data; 0 if there is no split",
        "train_samples": "lines of the training data",
        "val_samples": "lines of the validation data",
        "longest": "tokens of the longest line",
        "long_lines": "lines longer than the context",
        "parameters": "parameters of the model",
        "reference": "on (train or validation) and losses in nats per token: random, unigram and "
        "bigram; of an encoder random, unigram and trigram, and unigram_accuracy and "
        "trigram_accuracy",
        "model": "the resolved ModelConfig",
        "train": "the resolved TrainConfig",
        "reasons": "sentences that explain how settings were chosen",
        "steps": "total updates",
        "steps_per_epoch": "updates per epoch",
        "tokenizer": "word, char or bpe",
        "reading": "lines or text",
    },
    STEP: {
        "train_loss": "mean since the previous step event, nats per token",
        "learning_rate": "of this update",
        "tokens_per_second": "targets that entered the loss, per second",
        "epoch": "epochs so far, fractional",
        "elapsed": "seconds of training",
        "memory": "bytes in use on the device",
        "free_memory": "bytes free on the host",
    },
    EPOCH: {
        "epoch": "number of the epoch that ended, from 1; fractional at the very end",
        "train_loss": "mean over the epoch",
        "val_loss": "validation loss, or null",
        "task_accuracy": "as in eval",
        "text": "a greedy sample; of an encoder a text with what it put into blanks in brackets",
        "elapsed": "seconds of training",
    },
    EVAL: {
        "val_loss": "validation loss",
        "tokens": "number of tokens evaluated",
        "best": "whether it is the best so far, by task_accuracy, then by val_loss",
        "whole": "whether all validation data was used",
        "task_accuracy": "share of right replies, of pairs and conversations; of an encoder, "
        "share of the masked tokens that it restored",
        "task_items": "number of items judged for it: at most 200 replies, or all masked tokens",
    },
    SAMPLE: {
        "prompt": "the prompt",
        "text": "the model's continuation",
        "copied": "share of a few sampled replies that occurs in the corpus; null if unknown",
    },
    SAVED: {
        "kind": "checkpoint, snapshot or best",
        "bytes": "bytes written",
        "seconds": "seconds it took",
        "request": "id of the request it answers",
    },
    CHANGED: {
        "id": "id of the request it answers",
        "changes": "new values, as name: [old, new]",
        "problems": "why values were refused, by name; then nothing is changed",
        "steps": "total updates after the change",
        "action": "pause or continue",
        "reason": "why, if it was not requested",
    },
    BEAT: {},
    FINISHED: {
        "train_loss": "mean over the last epoch",
        "val_loss": "last validation loss, or null",
        "task_accuracy": "last share of right replies; only of pairs and conversations",
        "elapsed": "seconds of training",
        "reason": "why training ended here",
    },
    STOPPED: {
        "reason": "who or what requested the stop",
        "elapsed": "seconds of training",
        "id": "id of the request it answers",
    },
    FAILED: {
        "title": "a headline",
        "message": "what failed and where",
        "hint": "what to do",
        "code": "exit code: 2 for unusable input, else 1",
        "saved_step": "step of the last good checkpoint, or null",
    },
    IMPORTED: {
        "vocab_size": "rows of the vocabulary",
        "parameters": "parameters of the model",
        "model": "its ModelConfig",
    },
}


@dataclass(frozen=True)
class Event:
    """One line of the event log.

    The accessors return None or an empty container where a field is missing or of another type.

    Attributes:
        type: a key of FIELDS, or a type of a newer version.
        time: Unix seconds.
        step: updates done when the event was written.
        fields: everything else, as JSON values.
    """

    type: str
    time: float
    step: int
    fields: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        return as_number(self.fields.get(name))

    def whole(self, name: str) -> int | None:
        return as_whole(self.fields.get(name))

    def text(self, name: str) -> str | None:
        return as_text(self.fields.get(name))

    def texts(self, name: str) -> list[str]:
        return as_texts(self.fields.get(name))

    def table(self, name: str) -> JsonObject:
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}


def as_number(value: Any) -> float | None:
    """The value if it is a finite number; 1e999, which JSON reads as infinite, is not."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return as_whole(value)


def as_whole(value: Any) -> int | None:
    """The value if it is an integer that fits into 64 bits, so that it can be mixed with floats."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and abs(value) < 2**63 else None


def as_text(value: Any) -> str | None:
    """The value if it is a string."""
    return value if isinstance(value, str) else None


def as_texts(value: Any) -> list[str]:
    """The strings in a list; none if the value is not a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def encode(type: str, time: float, step: int, **fields: Any) -> str:
    """The event as a line of ASCII without its newline; non-finite numbers become null."""
    line = {"type": type, "time": round(time, 3), "step": step, **fields}
    return json.dumps(replace_non_finite(line), allow_nan=False, separators=(",", ":"))


def replace_non_finite(value: Any) -> Any:
    """A JSON value with None in place of numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: replace_non_finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_non_finite(item) for item in value]
    return value


def decode(line: str | bytes) -> Event | None:
    """The event in a line; None if the line is torn or not an event."""
    value = decode_object(line)
    if value is None:
        return None
    type, time = value.pop("type", None), as_number(value.pop("time", None))
    step = as_whole(value.pop("step", None))
    if not isinstance(type, str) or time is None or step is None or step < 0:
        return None
    return Event(type, time, step, value)


def decode_object(line: str | bytes) -> JsonObject | None:
    """The JSON object in a line of UTF-8, or None; NaN and Infinity become None."""
    try:
        text = line.decode() if isinstance(line, bytes) else line
        value = json.loads(text, parse_constant=lambda _: None)
        check_json_depth(text, value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def restart_step(started: Event) -> int:
    """The step at which a `started` event resumes; events of later steps before it are void."""
    resumed_from = started.whole("resumed_from")
    return started.step if resumed_from is None else resumed_from
