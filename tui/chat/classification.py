"""What a text was classified as: its labels, the effect of each word, and the task. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.server.replies import ClassifyReply
from tui.chat.run_task import RunTask
from tui.chat.timeline import WeightsPoint
from tui.common.format import percent
from tui.common.sanitize import one_line

MAX_LABEL_ROWS = MAX_NAMED_LABELS = 8
OTHER_TEXT = "other text"  # what the model may write that is no label
MIN_OTHER_SHARE = 0.01
MAX_WORD_CHARACTERS = 24

Labels = Sequence[tuple[str, float]]  # each with its probability


class LabelRow(NamedTuple):
    """A label as it is shown; `is_best` marks the likeliest."""

    text: str
    share: float
    is_best: bool = False


def label_rows(labels: Labels) -> list[LabelRow]:
    """A row for each label in the given order; of many, the likeliest and the sum of the others."""
    if not labels:
        return []
    best = max(range(len(labels)), key=lambda place: labels[place][1])
    rows = [
        LabelRow(one_line(label), share, place == best)
        for place, (label, share) in enumerate(labels)
    ]
    if len(rows) > MAX_LABEL_ROWS:
        rows.sort(key=lambda row: -row.share)
        others = rows[MAX_LABEL_ROWS - 1 :]
        share = sum(row.share for row in others)
        rows = [*rows[: MAX_LABEL_ROWS - 1], LabelRow(f"{len(others):,} more", share)]
    other = 1.0 - sum(row.share for row in rows)
    return [*rows, LabelRow(OTHER_TEXT, other)] if other >= MIN_OTHER_SHARE else rows


class WordPoints(NamedTuple):
    """A word, and the percentage points that the label loses without it."""

    word: str
    points: int


@dataclass(frozen=True)
class Explanation:
    """Which word decides.

    Attributes:
        label: the likeliest one.
        words: in their order.
        verdict: which word decides, in a sentence.
    """

    label: str
    words: Sequence[WordPoints]
    verdict: str


def explain(reply: ClassifyReply) -> Explanation:
    """The effect of leaving out each word of a text."""
    label, at = one_line(reply.label), reply.labels.index(reply.label)
    whole = reply.probabilities[at]
    losses = [whole - word.probabilities[at] for word in reply.words]
    words = [
        WordPoints(one_line(word.text), round(100 * loss))
        for word, loss in zip(reply.words, losses, strict=True)
    ]
    if not words:
        return Explanation(label, words, "There is no word to leave out.")
    strongest = max(range(len(words)), key=lambda place: losses[place])
    word = words[strongest].word
    name = f"“{word[:MAX_WORD_CHARACTERS]}{'…' * (len(word) > MAX_WORD_CHARACTERS)}”"
    without = reply.words[strongest].probabilities
    other = reply.labels[max(range(len(without)), key=without.__getitem__)]
    if other != reply.label:
        verdict = f"{name} decides: without it, {one_line(other)}."
    elif words[strongest].points > 0:
        verdict = f"No word decides alone; {name} counts most."
    else:
        verdict = "No word decides."
    return Explanation(label, words, verdict)


def task_facts(
    task: RunTask, points: Sequence[WeightsPoint], in_use: int | None
) -> list[tuple[str, str, str]]:
    """Rows about a task: what they are about, the value, and more about it.

    Args:
        points: the weights of the run, oldest first.
        in_use: index of those in use; None if unknown.
    """
    rows = []
    if task.labels:
        shown = ", ".join(map(one_line, task.labels[:MAX_NAMED_LABELS]))
        more = len(task.labels) - MAX_NAMED_LABELS
        rows.append(("labels", "", f"{shown} and {more:,} more" if more > 0 else shown))
    known = [point for point in points if point.accuracy is not None]
    here = points[in_use] if in_use is not None and points[in_use].accuracy is not None else None
    point = here or (known[-1] if known else None)
    if point is not None and point.accuracy is not None:
        items = f"of {point.items:,} held out" if point.items else "held out"
        step = "" if here or point.step is None else f", step {point.step:,}"
        rows.append(("accuracy", percent(point.accuracy), f"{items}{step}"))
    return rows
