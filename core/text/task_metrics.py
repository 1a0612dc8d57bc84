"""Figures of a test: accuracy with its interval, confusions, baselines, calibration and chrF."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise

from core.text.messages import CLASSIFY, TRANSLATE
from core.text.task_report import (
    CalibrationRow,
    Confusion,
    JudgedItem,
    LabelAccuracy,
    TaskReport,
)

NORMAL_QUANTILE = 1.959963984540054  # of 0.975: an interval of 95 %
CALIBRATION_BOUNDS = (1.0, 0.9, 0.75, 0.6, 0.0)
MAX_WRONG_ITEMS = 1_000
MAX_UNSEEN_LABELS = 20
# All of them are in one line of JSON of at most 16 MiB, where a character may take 12 bytes.
MAX_WRONG_CHARACTERS = 1_000_000
CHARACTERS_PER_NUMBER = 4
CHRF_HINT = "chrF needs the package sacrebleu: pip install sacrebleu"


def wilson_interval(right: int, items: int) -> tuple[float, float]:
    """Return the ends of the 95 % score interval of a share.

    With p = right / items and the normal quantile z:
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference";
    recommended for small n by Brown, Cai and DasGupta 2001.
    """
    if items == 0:
        return 0.0, 1.0
    share, square = right / items, NORMAL_QUANTILE**2
    middle = share + square / (2 * items)
    spread = math.sqrt(share * (1 - share) / items + square / (4 * items**2))
    scale = 1 + square / items
    low = (middle - NORMAL_QUANTILE * spread) / scale
    high = (middle + NORMAL_QUANTILE * spread) / scale
    # Exactly 0 and 1 at the ends, whatever rounding does.
    return (0.0 if right == 0 else low), (1.0 if right == items else high)


def count_confusions(
    items: Iterable[JudgedItem], labels: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    """Return for each label how many of its items got each label: rows expected, columns given.

    Items of labels that are not listed are left out.
    """
    index = {label: number for number, label in enumerate(labels)}
    table = [[0] * len(labels) for _ in labels]
    for item in items:
        if item.is_fitting and item.expected in index:
            table[index[item.expected]][index[item.reply]] += 1
    return tuple(map(tuple, table))


def measure_labels(items: Sequence[JudgedItem], labels: Sequence[str]) -> tuple[LabelAccuracy, ...]:
    """Return recall (the accuracy on a label's items) and precision of every label."""
    expected = Counter(item.expected for item in items)
    replies = Counter(item.reply for item in items)
    right = Counter(item.expected for item in items if item.is_right)
    return tuple(
        LabelAccuracy(
            label=label,
            items=expected[label],
            right=right[label],
            replies=replies[label],
            recall=right[label] / expected[label] if expected[label] else None,
            precision=right[label] / replies[label] if replies[label] else None,
        )
        for label in labels
    )


def find_most_confused(items: Iterable[JudgedItem]) -> Confusion | None:
    """Return the most frequent pair of expected and given label; of several, the first to occur."""
    pairs = Counter(
        (item.expected, item.reply) for item in items if item.is_fitting and not item.is_right
    )
    if not pairs:
        return None
    ((expected, reply), count) = pairs.most_common(1)[0]
    return Confusion(expected, reply, count)


def describe_confusion(confusion: Confusion | None) -> str:
    """Return a phrase such as "mostly neutral for positive"; "none" without a confusion."""
    return "none" if confusion is None else f"mostly {confusion.reply} for {confusion.expected}"


def measure_calibration(items: Iterable[JudgedItem]) -> tuple[CalibrationRow, ...]:
    """Count items and right ones by the probability of the reply, the surest first.

    A reliability table, as in Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    counts = [[0, 0] for _ in CALIBRATION_BOUNDS[1:]]
    for item in items:
        row = next(
            number for number, low in enumerate(CALIBRATION_BOUNDS[1:]) if item.probability >= low
        )
        counts[row][0] += 1
        counts[row][1] += item.is_right
    return tuple(
        CalibrationRow(low, high, *count)
        for (high, low), count in zip(pairwise(CALIBRATION_BOUNDS), counts, strict=True)
    )


def measure_chrf(items: Sequence[JudgedItem]) -> float | None:
    """Return the chrF of all replies, 0 to 100; None if sacrebleu is not installed.

    The F-score of character n-grams up to 6 with beta 2: Popović 2015, "chrF: character n-gram
    F-score for automatic MT evaluation", as sacrebleu (Post 2018) computes it.
    """
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        return None
    replies = [item.reply.strip() for item in items]
    return float(CHRF().corpus_score(replies, [[item.expected for item in items]]).score)


def surest_first(items: Iterable[JudgedItem]) -> tuple[JudgedItem, ...]:
    """Return the wrong items by falling probability of their reply, as many as may be sent."""
    wrong = sorted(
        (item for item in items if not item.is_right), key=lambda item: -item.probability
    )
    kept, characters = [], 0
    for item in wrong[:MAX_WRONG_ITEMS]:
        characters += len(item.file) + len(item.expected) + len(item.reply)
        characters += sum(len(message.content) for message in item.messages)
        characters += CHARACTERS_PER_NUMBER * len(item.label_probabilities)
        if characters > MAX_WRONG_CHARACTERS:
            break
        kept.append(item)
    return tuple(kept)


def make_report(
    items: Sequence[JudgedItem],
    *,
    task: str,
    labels: Sequence[str],
    most_frequent: str | None,
    source: str,
    files: Sequence[str],
    available: int,
    with_unknown_words: int,
    seconds: float,
    device: str,
) -> TaskReport:
    """Compute the report of judged items, of which there is at least one.

    Args:
        labels: of the model, for a task "classify".
        most_frequent: the most frequent reply of the training part.
        available: items there were, judged or not.
    """
    right = sum(item.is_right for item in items)
    low, high = wilson_interval(right, len(items))
    all_labels: tuple[str, ...] = ()
    if task == CLASSIFY:
        unseen = dict.fromkeys(item.expected for item in items if item.expected not in labels)
        all_labels = (*labels, *islice(unseen, MAX_UNSEEN_LABELS))
    guessed = None
    if most_frequent is not None:
        guessed = sum(item.expected == most_frequent for item in items) / len(items)
    return TaskReport(
        task=task,
        source=source,
        files=tuple(files),
        available=available,
        items=len(items),
        right=right,
        low=low,
        high=high,
        by_chance=1 / len(labels) if all_labels and labels else None,
        most_frequent=most_frequent,
        by_most_frequent=guessed,
        labels=all_labels,
        label_accuracies=measure_labels(items, all_labels),
        confusion=count_confusions(items, all_labels) if all_labels else (),
        most_confused=find_most_confused(items) if all_labels else None,
        calibration=measure_calibration(items),
        chrf=measure_chrf(items) if task == TRANSLATE else None,
        with_unknown_words=with_unknown_words,
        too_long=sum(not item.is_fitting for item in items),
        wrong=surest_first(items),
        seconds=seconds,
        device=device,
    )
