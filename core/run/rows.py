"""What a history holds besides curves: rows for lists, each with the step it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
class Sample:
    """What the model made of a prompt at a step; the share of some replies that was copied."""

    step: int
    prompt: str
    text: str
    copied: float | None = None


@dataclass(frozen=True)
class Saved:
    """Something that is on the disk; `kind` is checkpoint, snapshot, best or final."""

    step: int
    kind: str
    time: float
    bytes: int | None
    seconds: float | None


@dataclass(frozen=True)
class Change:
    """Settings changed while training, as name: (old, new), or why they were not, by name."""

    step: int
    time: float
    id: str | None
    values: dict[str, tuple[Any, Any]]
    problems: dict[str, Any]


@dataclass(frozen=True)
class Preparation:
    """How far the text is prepared; `total` is None where nobody knows."""

    phase: str
    done: float | None
    total: float | None


@dataclass(frozen=True)
class Failure:
    """Why a run failed, and the step of the last good checkpoint."""

    title: str
    message: str
    hint: str
    saved_step: int | None
