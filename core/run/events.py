"""What a trainer says: one JSON object a line, each with `type`, `time` and `step`.

The table FIELDS is the one list of event types and their fields. Readers keep types and fields
they do not know, and never trust a field to be there or to be of its kind: the accessors of
`Event` give None instead. Numbers that are not finite are written as null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.system.files import check_json_depth

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

TERMINAL = frozenset({FINISHED, STOPPED, FAILED})
LEARNING = frozenset({STEP, EPOCH, EVAL, SAMPLE})  # only said once training is under way

FIELDS: Mapping[str, Mapping[str, str]] = {
    STARTED: {
        "host": "name of the machine",
        "pid": "process number of the trainer",
        "boot": "what the machine calls this boot",
        "resumed_from": "step of the checkpoint continued from; readers drop later points",
        "seed": "the run's seed",
        "versions": "versions of program, Python and libraries, by name",
        "out_of_memory_kills": "processes the kernel had killed for lack of memory until then",
    },
    PREPARE: {
        "phase": "what is being prepared, a few words",
        "done": "units done",
        "total": "units in all, or null",
    },
    PREPARED: {
        "vocab_size": "tokens in the vocabulary",
        "train_tokens": "tokens of the training part",
        "val_tokens": "tokens of the validation part; 0 is no split",
        "train_samples": "lines of the training part",
        "val_samples": "lines of the validation part",
        "longest": "tokens of the longest line",
        "long_lines": "lines longer than the context",
        "parameters": "numbers in the model",
        "reference": "on (train or validation), random, unigram, bigram: losses, nats a token",
        "model": "the resolved ModelConfig",
        "train": "the resolved TrainConfig",
        "reasons": "sentences saying why a setting was chosen",
        "steps": "updates until the end",
        "steps_per_epoch": "updates of one pass",
        "tokenizer": "word, char or bpe",
        "reading": "lines or text",
    },
    STEP: {
        "train_loss": "mean since the step event before, nats a token",
        "learning_rate": "of this update",
        "tokens_per_second": "targets that entered the loss",
        "epoch": "passes so far, fractional",
        "elapsed": "seconds of training",
        "memory": "bytes in use on the device",
        "free_memory": "bytes free on the host",
    },
    EPOCH: {
        "epoch": "number of the pass that ended, from 1; fractional at the very end",
        "train_loss": "mean over the pass",
        "val_loss": "loss on the validation part, or null",
        "text": "a greedy sample",
        "elapsed": "seconds of training",
    },
    EVAL: {
        "val_loss": "loss on the validation part",
        "tokens": "targets it was computed on",
        "best": "whether it is the lowest so far",
        "whole": "whether the whole validation part was used",
    },
    SAMPLE: {
        "prompt": "what it begins with",
        "text": "what the model went on with",
        "copied": "share of a few sampled replies that stands in the text; null if not known",
    },
    SAVED: {
        "kind": "checkpoint, snapshot or best",
        "bytes": "size of what was written",
        "seconds": "time it took",
        "request": "id of the request it answers",
    },
    CHANGED: {
        "id": "id of the request it answers",
        "changes": "new values, as name: [old, new]",
        "problems": "why values were refused, by name; nothing is changed then",
        "steps": "updates until the end, as they are now",
        "action": "pause or continue",
        "reason": "why, where nobody asked for it",
    },
    BEAT: {},
    FINISHED: {
        "train_loss": "mean over the last epoch row",
        "val_loss": "the last, or null",
        "elapsed": "seconds of training",
        "reason": "why it ended here",
    },
    STOPPED: {
        "reason": "who or what asked for it",
        "elapsed": "seconds of training",
        "id": "id of the request it answers",
    },
    FAILED: {
        "title": "a headline",
        "message": "what went wrong and where",
        "hint": "what to do",
        "code": "2 if something asked for cannot be used, else 1",
        "saved_step": "step of the last good checkpoint, or null",
    },
}


@dataclass(frozen=True)
class Event:
    """One line of a run's story.

    Attributes:
        type: a key of FIELDS, or a word of a newer version.
        time: Unix seconds.
        step: updates of the weights done when it was said.
        fields: everything else, as JSON values.
    """

    type: str
    time: float
    step: int
    fields: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """The field if it is a finite number."""
        return _number(self.fields.get(name))

    def whole(self, name: str) -> int | None:
        """The field if it is a whole number."""
        return _whole(self.fields.get(name))

    def text(self, name: str) -> str | None:
        """The field if it is a text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> list[str]:
        """The texts in the field if it is a list, else none."""
        value = self.fields.get(name)
        return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

    def table(self, name: str) -> dict[str, Any]:
        """The field if it is an object, else an empty one."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}


def encode(type: str, time: float, step: int, **fields: Any) -> str:
    """One line, ASCII only and without its newline; numbers that are not finite become null."""
    line = {"type": type, "time": round(time, 3), "step": step, **fields}
    return json.dumps(finite(line), allow_nan=False, separators=(",", ":"))


def finite(value: Any) -> Any:
    """The JSON value with None in place of numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def decode(line: str | bytes) -> Event | None:
    """The event in a line; None for a torn or foreign line, which a reader leaves out."""
    value = decode_object(line)
    if value is None:
        return None
    type, time, step = value.pop("type", None), value.pop("time", None), value.pop("step", None)
    time, step = _number(time), _whole(step)
    if not isinstance(type, str) or time is None or step is None or step < 0:
        return None
    return Event(type, time, step, value)


def decode_object(line: str | bytes) -> dict[str, Any] | None:
    """The JSON object in a line of UTF-8, or None; NaN and Infinity become None."""
    try:
        text = line.decode() if isinstance(line, bytes) else line
        value = json.loads(text, parse_constant=_nothing)
        check_json_depth(text, value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def restart_step(started: Event) -> int:
    """The step after which a `started` voids what was said before: it is done again."""
    kept = started.whole("resumed_from")
    return started.step if kept is None else kept


def _whole(value: Any) -> int | None:
    """The value if it is an integer of at most 64 bits: what arithmetic with floats can take."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and abs(value) < 2**63 else None


def _number(value: Any) -> float | None:
    """The value if it is a number; 1e999 is read as infinite and is none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _whole(value)


def _nothing(_: str) -> None:
    return None
