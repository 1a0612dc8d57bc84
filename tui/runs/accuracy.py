"""The state of the Test screen: which wrong answers are listed, and how a test goes wrong. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.text.corpus import CHAT_READINGS
from core.text.messages import Message
from core.text.task_metrics import wilson_interval
from core.text.task_report import CalibrationRow, JudgedItem, TaskReport

MIN_SURE = 0.75  # probability from which a reply counts as sure
MIN_JUDGED_ITEMS = 30  # with fewer a share of right ones says little


class Mistake(StrEnum):
    """How a wrong reply differs from the right one."""

    TOO_LONG = "the input is too long for the context"
    EMPTY = "nothing was said"
    ENDED_EARLY = "right so far, but ended too early"
    WENT_ON = "right, but went on too long"
    ONE_WORD = "one word is another"
    ORDER = "the same words in another order"
    OTHER = "something else"


class Calibration(StrEnum):
    """What the calibration says about how sure the model is."""

    UNKNOWN = "unknown"
    NEVER_SURE = "never sure"
    RIGHT = "right"
    PARTLY = "partly"
    OVERCONFIDENT = "overconfident"


@dataclass
class WrongAnswers:
    """The wrong answers of a test, as they are listed.

    Attributes:
        items: all that the report has, the surest first.
        query: what their texts must contain; case does not matter.
        only_sure: whether only those that the model was sure of are listed.
    """

    items: Sequence[JudgedItem] = ()
    query: str = ""
    only_sure: bool = False

    @property
    def listed(self) -> list[JudgedItem]:
        """Those that match."""
        query = self.query.strip().casefold()
        return [item for item in self.items if self._is_listed(item, query)]

    def _is_listed(self, item: JudgedItem, query: str) -> bool:
        if self.only_sure and item.probability < MIN_SURE:
            return False
        texts = (item.expected, item.reply, *(message.content for message in item.messages))
        return not query or any(query in text.casefold() for text in texts)


def explain_no_task(name: str, reading: str | None) -> str | None:
    """Why a run cannot be tested; None if it can.

    Args:
        reading: of its record; None if that cannot be read.
    """
    if reading in CHAT_READINGS:
        return None
    return f"{name} continues texts: no reply is right or wrong. score measures its loss on a file."


def input_text(messages: Sequence[Message]) -> str:
    """What the model replied to: the last message."""
    return messages[-1].content if messages else ""


def classify_mistake(item: JudgedItem) -> Mistake:
    """Return how the reply of a wrong item differs from the right one."""
    reply, expected = item.reply.split(), item.expected.split()
    if not item.is_fitting:
        return Mistake.TOO_LONG
    if not reply:
        return Mistake.EMPTY
    if reply == expected[: len(reply)]:
        return Mistake.ENDED_EARLY
    if expected == reply[: len(expected)]:
        return Mistake.WENT_ON
    if len(reply) == len(expected):
        if sum(one != other for one, other in zip(reply, expected, strict=True)) == 1:
            return Mistake.ONE_WORD
        if Counter(reply) == Counter(expected):
            return Mistake.ORDER
    return Mistake.OTHER


def count_mistakes(items: Sequence[JudgedItem]) -> list[tuple[Mistake, int]]:
    """Return the kinds of mistakes that occur, the most frequent first."""
    return Counter(map(classify_mistake, items)).most_common()


def list_confusions(report: TaskReport) -> list[tuple[str, str, int]]:
    """Return expected label, given label and count of all confusions, the most frequent first."""
    labels = report.labels
    pairs = [
        (labels[row], labels[column], count)
        for row, counts in enumerate(report.confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def judge_calibration(rows: Sequence[CalibrationRow]) -> tuple[Calibration, float]:
    """Compare how often replies are right with their probability.

    Returns:
        The judgement, and the probability down to which replies are right as often as it says; of
        an overconfident model the lower bound of its surest replies, of one that is never sure
        the upper bound of all.
    """
    judged = [row for row in rows if row.items]
    if sum(row.items for row in rows) < MIN_JUDGED_ITEMS:
        return Calibration.UNKNOWN, 0.0
    if len(judged) == 1 and judged[0].low == 0.0:
        return Calibration.NEVER_SURE, judged[0].high
    # Too few of a row are right if chance alone seldom explains it.
    first_bad = next(
        (at for at, row in enumerate(judged) if wilson_interval(row.right, row.items)[1] < row.low),
        None,
    )
    if first_bad is None:
        return Calibration.RIGHT, judged[-1].low
    if first_bad:
        return Calibration.PARTLY, judged[first_bad - 1].low
    return Calibration.OVERCONFIDENT, judged[0].low
