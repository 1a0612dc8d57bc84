"""The labels of a text, the word that decides, and the accuracy of a task."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import encode
from core.server.replies import ClassifyReply, WordEffect
from tui.chat.classification import MAX_LABEL_ROWS, explain, label_rows, task_facts
from tui.chat.run_task import RunTask
from tui.chat.timeline import Losses, WeightsPoint, build_timeline, read_losses

shares = st.floats(0.0, 1.0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b\n", "\x1b[1m"]), shares), max_size=20))
def test_one_label_is_the_likeliest(labels: list[tuple[str, float]]) -> None:
    """Detects two marks or none, a share that is lost, and control codes of a label."""
    rows = label_rows(labels)
    assert len(rows) <= MAX_LABEL_ROWS + 1
    assert sum(row.is_best for row in rows) == bool(labels)
    best = [row.share for row in rows if row.is_best]
    assert best == [max(share for _, share in labels)][:1] if labels else not best
    assert sum(row.share for row in rows) >= min(1.0, sum(share for _, share in labels)) - 1e-6
    assert all(row.text.isprintable() for row in rows)


def test_labels_keep_their_order_and_what_is_no_label_is_shown() -> None:
    """Detects rows that change places from text to text, and shares that add up to less."""
    rows = label_rows([("bad", 0.1), ("good", 0.6), ("neutral", 0.1)])
    assert [row.text for row in rows] == ["bad", "good", "neutral", "other text"]
    assert rows[-1].share == pytest.approx(0.2)
    assert [row.is_best for row in rows] == [False, True, False, False]
    many = label_rows([(f"label {number}", number / 210) for number in range(21)])
    assert [row.text for row in many[:2]] == ["label 20", "label 19"]
    assert many[7].text == "14 more"


def _reply(whole: list[float], **without: list[float]) -> ClassifyReply:
    labels = ["bad", "good"]
    return ClassifyReply(
        label=labels[whole.index(max(whole))],
        labels=labels,
        probabilities=whole,
        words=[
            WordEffect(begin=0, end=1, text=word, probabilities=row)
            for word, row in without.items()
        ],
        unknown=[],
        seconds=0.0,
        step=1,
    )


@pytest.mark.parametrize(
    ("reply", "points", "verdict"),
    [
        (
            _reply([0.3, 0.7], a=[0.29, 0.71], lovely=[0.8, 0.2], film=[0.1, 0.9]),
            [-1, 50, -20],
            "“lovely” decides: without it, bad.",
        ),
        (
            _reply([0.9, 0.1], cold=[0.6, 0.4], dirty=[0.7, 0.3]),
            [30, 20],
            "No word decides alone; “cold” counts most.",
        ),
        (_reply([0.9, 0.1], a=[0.9, 0.1]), [0], "No word decides."),
        (_reply([0.9, 0.1]), [], "There is no word to leave out."),
    ],
)
def test_the_word_that_decides_is_named(
    reply: ClassifyReply, points: list[int], verdict: str
) -> None:
    """Detects a sign that is reversed, or a word named that changes nothing."""
    explanation = explain(reply)
    assert [word.points for word in explanation.words] == points
    assert explanation.verdict == verdict
    assert explanation.label == reply.label


def test_the_accuracy_is_that_of_the_weights_in_use() -> None:
    """Detects the figure of other weights without their step."""
    task = RunTask("pairs", "classify", ("good", "bad"))
    points = [
        WeightsPoint("0", 0),
        WeightsPoint("8", 8, 0.3, accuracy=0.875, items=200),
        WeightsPoint("last", 16, 0.2, accuracy=0.9),
    ]
    labels = ("labels", "", "good, bad")
    assert task_facts(task, points, 1) == [labels, ("accuracy", "88 %", "of 200 held out")]
    assert task_facts(task, points, 0) == [labels, ("accuracy", "90 %", "held out, step 16")]
    assert task_facts(task, points[:1], 0) == [labels]
    assert task_facts(RunTask("pairs", "answer"), [], None) == []
    many = RunTask("pairs", "classify", tuple("abcdefghij"))
    assert task_facts(many, [], None) == [("labels", "", "a, b, c, d, e, f, g, h and 2 more")]


def test_the_accuracy_is_read_from_the_log() -> None:
    """Detects a figure that is lost, or the number of items where an epoch has the same step."""
    lines = [
        encode("eval", 1.0, 8, val_loss=0.3, task_accuracy=0.5, task_items=20),
        encode("epoch", 1.0, 8, val_loss=0.3, task_accuracy=0.5),
        encode("saved", 1.0, 9, kind="checkpoint"),
    ]
    losses = read_losses([line.encode() for line in reversed(lines)], [8])
    assert losses.accuracy == {8: (0.5, 20)}
    snapshot, newest = build_timeline([8], losses, has_best=False, has_newest=True)
    assert (snapshot.accuracy, snapshot.items) == (0.5, 20)
    assert newest.accuracy is None
    assert Losses().accuracy == {}
