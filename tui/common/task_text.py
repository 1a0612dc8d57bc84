"""Format and task of a text or a run in words."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.corpus import CHAT_READINGS
from core.text.messages import CONTINUE

MAX_NAMED_LABELS = 8


def format_text(reading: str, task: str, labels: Sequence[str] = ()) -> str:
    """How a text is read and what a model of it does: "pairs · classify, 3 labels"."""
    if task == CONTINUE:
        return reading
    count = f", {len(labels)} label{'s' * (len(labels) != 1)}" if labels else ""
    return f"{reading} · {task}{count}"


def kind_text(reading: str | None, task: str) -> str:
    """The task in a word; where it is to continue a text, how that is read."""
    return (reading or "") if task == CONTINUE else task


def labels_text(labels: Sequence[str]) -> str:
    """The first labels by name."""
    rest = len(labels) - MAX_NAMED_LABELS
    return ", ".join(labels[:MAX_NAMED_LABELS]) + (f" and {rest} more" if rest > 0 else "")


def unknown_text(share: float) -> str:
    """The share of a text's tokens that a vocabulary lacks."""
    if share == 0:
        return "knows every token"
    return f"{100 * share:.1f} % unknown" if share >= 0.0005 else "under 0.1 % unknown"


def sample_noun(reading: str) -> str:
    """What one sample of a text is called, in the plural."""
    return reading if reading in CHAT_READINGS else "lines"
