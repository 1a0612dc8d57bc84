"""The figures of a test: intervals, labels, confusions, calibration, baselines and chrF."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.server import codec
from core.text.messages import ANSWER, CLASSIFY, TRANSLATE, USER, Message
from core.text.task_metrics import (
    MAX_UNSEEN_LABELS,
    MAX_WRONG_ITEMS,
    NORMAL_QUANTILE,
    count_confusions,
    describe_confusion,
    find_most_confused,
    make_report,
    measure_calibration,
    measure_chrf,
    measure_labels,
    surest_first,
    wilson_interval,
)
from core.text.task_report import CalibrationRow, Confusion, JudgedItem, TaskReport

LABELS = ("negative", "neutral", "positive")


def item(expected: str, reply: str, probability: float = 0.5, line: int = 1) -> JudgedItem:
    return JudgedItem(
        file="texts.csv",
        line=line,
        messages=(Message(USER, "How was it?"),),
        expected=expected,
        reply=reply,
        probability=probability,
    )


def report(items: list[JudgedItem], task: str = CLASSIFY, **fields: object) -> TaskReport:
    values = {
        "labels": LABELS,
        "most_frequent": "neutral",
        "source": "file",
        "files": ["texts.csv"],
        "available": len(items),
        "with_unknown_words": 0,
        "seconds": 0.1,
        "device": "cpu",
    }
    return make_report(items, task=task, **{**values, **fields})  # type: ignore[arg-type]


# The pairs of table I of Newcombe 1998, "Two-sided confidence intervals for the single proportion".
@pytest.mark.parametrize(
    ("right", "items", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(right: int, items: int, low: float, high: float) -> None:
    assert wilson_interval(right, items) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_contains_the_share_and_its_ends_solve_the_score_equation(
    counts: tuple[int, int],
) -> None:
    right, items = counts
    low, high = wilson_interval(right, items)
    share = right / items
    assert 0.0 <= low <= share <= high <= 1.0
    for end in (low, high):
        if 0.0 < end < 1.0:  # |p - p0| = z sqrt(p0 (1 - p0) / n)
            error = NORMAL_QUANTILE * math.sqrt(end * (1 - end) / items)
            assert abs(share - end) == pytest.approx(error, abs=1e-9)


def test_no_items_leave_the_accuracy_open() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_a_reply_is_right_if_only_white_space_around_it_differs() -> None:
    assert item("Paris", " Paris\n").is_right
    assert not item("Paris", "paris").is_right
    assert not item("New York", "New  York").is_right
    assert not replace(item("", ""), is_fitting=False).is_right


def test_recall_counts_the_items_of_a_label_and_precision_its_replies() -> None:
    items = [item("positive", "positive")] * 3 + [item("positive", "neutral")]
    items += [item("neutral", "neutral")]
    rows = {row.label: row for row in measure_labels(items, LABELS)}
    assert (rows["positive"].recall, rows["positive"].precision) == (0.75, 1.0)
    assert (rows["neutral"].recall, rows["neutral"].precision) == (1.0, 0.5)
    assert (rows["negative"].recall, rows["negative"].precision) == (None, None)


def test_the_confusion_table_has_a_row_per_expected_label() -> None:
    items = [item("positive", "neutral")] * 2 + [item("neutral", "neutral")]
    assert count_confusions(items, LABELS) == ((0, 0, 0), (0, 1, 0), (0, 2, 0))


def test_the_most_frequent_confusion_is_put_into_words() -> None:
    items = [item("positive", "neutral")] * 2 + [item("neutral", "negative")]
    confusion = find_most_confused(items)
    assert confusion == Confusion("positive", "neutral", 2)
    assert describe_confusion(confusion) == "mostly neutral for positive"
    assert find_most_confused([item("neutral", "neutral")]) is None
    assert describe_confusion(None) == "none"


def test_calibration_sorts_items_by_how_sure_the_model_was() -> None:
    items = [item("a", "a", p) for p in (1.0, 0.9, 0.89, 0.75, 0.6, 0.59, 0.0)]
    items.append(item("a", "b", 0.95))
    assert measure_calibration(items) == (
        CalibrationRow(0.9, 1.0, 3, 2),
        CalibrationRow(0.75, 0.9, 2, 2),
        CalibrationRow(0.6, 0.75, 1, 1),
        CalibrationRow(0.0, 0.6, 2, 2),
    )


def test_wrong_items_come_surest_first_and_as_many_as_a_line_of_json_holds() -> None:
    items = [item("a", "b", line / 5000, line) for line in range(2000)]
    wrong = surest_first([*items, item("a", "a", 1.0)])
    assert len(wrong) == MAX_WRONG_ITEMS
    assert [entry.line for entry in wrong[:3]] == [1999, 1998, 1997]
    long = surest_first([item("a", "\U0001f642" * 400_000)] * 5)
    assert len(long) == 2
    assert len(json.dumps(codec.to_json(long))) < 16 * 2**20


def test_a_report_of_labels_has_the_baselines_beside_the_accuracy() -> None:
    items = [item("positive", "positive")] * 6 + [item("neutral", "positive")] * 2
    result = report(items)
    assert (result.right, result.items, result.accuracy) == (6, 8, 0.75)
    assert (result.low, result.high) == wilson_interval(6, 8)
    assert result.by_chance == pytest.approx(1 / 3)
    assert (result.most_frequent, result.by_most_frequent) == ("neutral", 0.25)
    assert result.most_confused == Confusion("neutral", "positive", 2)
    assert result.chrf is None


def test_labels_that_the_model_never_saw_are_in_the_table_but_not_in_the_chance() -> None:
    result = report([item("mixed", "neutral"), item("neutral", "neutral")])
    assert result.labels == (*LABELS, "mixed")
    assert result.by_chance == pytest.approx(1 / 3)
    assert result.label_accuracies[-1].recall == 0.0
    assert result.confusion[3] == (0, 1, 0, 0)


def test_other_tasks_have_no_labels_and_no_chance() -> None:
    result = report([item("4", "5")], ANSWER, labels=(), most_frequent=None)
    assert (result.labels, result.confusion, result.by_chance) == ((), (), None)
    assert (result.most_frequent, result.by_most_frequent) == (None, None)
    assert result.most_confused is None


def test_messages_that_do_not_fit_count_as_wrong() -> None:
    result = report(
        [replace(item("neutral", "", 0.0), is_fitting=False), item("neutral", "neutral")]
    )
    assert (result.right, result.too_long, result.confusion[1]) == (1, 1, (0, 1, 0))
    assert result.most_confused is None


def test_a_report_survives_the_pipe() -> None:
    result = report([item("positive", "neutral", 0.9), item("neutral", "neutral")])
    assert codec.from_json(TaskReport, codec.to_json(result)) == result


def test_chrf_of_translations_is_that_of_sacrebleu() -> None:
    pytest.importorskip("sacrebleu")
    assert report([item("le chat", "le chat")], TRANSLATE).chrf == 100.0
    partly = measure_chrf([item("le chat", "le chien"), item("un homme", "un homme")])
    assert partly is not None
    assert 50.0 < partly < 100.0
    assert measure_chrf([item("abc", "xyz")]) == 0.0


def test_without_sacrebleu_there_is_no_chrf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.chrf", None)
    assert report([item("le chat", "le chat")], TRANSLATE).chrf is None


def test_a_table_of_answers_does_not_become_a_table_of_labels() -> None:
    """Testing a classifier on a file of another task: thousands of texts are no labels."""
    result = report([item(f"answer {number}", "neutral") for number in range(3000)])
    assert len(result.labels) == len(LABELS) + MAX_UNSEEN_LABELS == len(result.confusion)
    assert (result.items, result.right) == (3000, 0)
