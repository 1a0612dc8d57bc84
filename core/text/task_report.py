"""The report of a test: how often a model's replies are right, and which are wrong.

`core.text.task_metrics` computes its figures; none of this loads torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.text.messages import Message

FROM_FILE, FROM_HELDOUT, FROM_VALIDATION = ("file", "heldout", "validation")


@dataclass(frozen=True, kw_only=True)
class JudgedItem:
    """An item of a test, and the model's reply to it.

    Attributes:
        file: path of its file.
        line: number of its first line there, from 1.
        messages: those before the reply, each as role and content; the last is the user's.
        expected: the right reply.
        reply: the model's, as it was generated; of a task "classify" the label it gives most
            probability.
        probability: of that reply: the product over its tokens, the end included.
        label_probabilities: of a task "classify" the probability of each label of the model, in
            the order of `TaskReport.labels`; not normalised.
        is_fitting: whether the messages fit into the context; else the reply is empty.
    """

    file: str
    line: int
    messages: tuple[Message, ...]
    expected: str
    reply: str
    probability: float
    label_probabilities: tuple[float, ...] = ()
    is_fitting: bool = True

    @property
    def is_right(self) -> bool:
        """Whether reply and expected text are equal but for white space around them."""
        return self.is_fitting and self.reply.strip() == self.expected.strip()


@dataclass(frozen=True, kw_only=True)
class LabelAccuracy:
    """The accuracy of one label.

    Attributes:
        label: its text.
        items: items of this label.
        right: those that the model gave this label.
        replies: items that the model gave this label, rightly or not.
        recall: right / items; null without items.
        precision: right / replies; null without replies.
    """

    label: str
    items: int
    right: int
    replies: int
    recall: float | None
    precision: float | None


class CalibrationRow(NamedTuple):
    """The items whose reply has a probability from `low` to below `high` (1 included)."""

    low: float
    high: float
    items: int
    right: int


class Confusion(NamedTuple):
    """A label that was given in place of another, and how often."""

    expected: str
    reply: str
    items: int


@dataclass(frozen=True, kw_only=True)
class TaskReport:
    """The result of a test.

    Attributes:
        task: one of `core.text.messages.TASKS`.
        source: "file" (that was named), "heldout" (of the bundled corpus) or "validation" (the
            tenth of the run's own text that it was not trained on).
        files: paths of the files of the items.
        available: items there.
        items: items judged.
        right: items whose reply is right.
        low: lower end of the 95 % interval of the accuracy.
        high: its upper end.
        by_chance: share that is right if every label is given equally often; null without labels.
        most_frequent: the most frequent reply of the training part; null if it is unknown.
        by_most_frequent: share of the items for which it is right.
        labels: of a task "classify" those of the model, then those that only the items have, at
            most 20 of them.
        label_accuracies: one per label.
        confusion: for each label how many of its items got each label.
        most_confused: the most frequent confusion; null if there is none.
        calibration: how often replies of some probability are right, the surest first.
        chrf: of translations, 0 to 100; null without the package sacrebleu.
        with_unknown_words: items with words outside the vocabulary, read as <unk>.
        too_long: items that do not fit into the context; they count as wrong.
        wrong: items whose reply is wrong, the surest first; at most 1,000.
        seconds: duration.
        device: that the model was on.
    """

    task: str
    source: str
    files: tuple[str, ...]
    available: int
    items: int
    right: int
    low: float
    high: float
    by_chance: float | None
    most_frequent: str | None
    by_most_frequent: float | None
    labels: tuple[str, ...]
    label_accuracies: tuple[LabelAccuracy, ...]
    confusion: tuple[tuple[int, ...], ...]
    most_confused: Confusion | None
    calibration: tuple[CalibrationRow, ...]
    chrf: float | None
    with_unknown_words: int
    too_long: int
    wrong: tuple[JudgedItem, ...]
    seconds: float
    device: str

    @property
    def accuracy(self) -> float:
        """The share of the items whose reply is right."""
        return self.right / self.items
