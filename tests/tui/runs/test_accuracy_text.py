"""What the Test screen says of a report: tables without a screen."""

from __future__ import annotations

import pytest

from core.server.replies import AccuracyReply, OriginPlace, OriginReply, OriginSpan
from core.text.messages import CLASSIFY
from core.text.task_metrics import make_report
from core.text.task_report import FROM_FILE, CalibrationRow, JudgedItem, TaskReport
from tests.support.reports import answer_report, judged, label_report, translation_report
from tui.chat.origin import MARKS
from tui.common.format import exact_percent
from tui.runs import accuracy_text
from tui.runs.accuracy import (
    Calibration,
    Mistake,
    WrongAnswers,
    classify_mistake,
    explain_no_task,
    judge_calibration,
)


@pytest.mark.parametrize(
    ("expected", "reply", "kind"),
    [
        ("It is 7 .", "It is 8 .", Mistake.ONE_WORD),
        ("It is 7 .", "It is", Mistake.ENDED_EARLY),
        ("It is 7 .", "It is 7 . It", Mistake.WENT_ON),
        ("It is 7 .", "7 is It .", Mistake.ORDER),
        ("It is 7 .", " \n", Mistake.EMPTY),
        ("It is 7 .", "No .", Mistake.OTHER),
        ("a b c d", "a x y d", Mistake.OTHER),
        ("seven", "eight", Mistake.ONE_WORD),
    ],
)
def test_how_a_reply_is_wrong(expected: str, reply: str, kind: Mistake) -> None:
    assert classify_mistake(judged("?", expected, reply, 0.5)) is kind


def test_an_input_that_does_not_fit_is_no_empty_reply() -> None:
    item = judged("?", "yes", "", 0.0, is_fitting=False)
    assert classify_mistake(item) is Mistake.TOO_LONG


@pytest.mark.parametrize(
    ("rows", "judgement"),
    [
        ([(90, 88), (5, 4), (3, 2), (2, 1)], (Calibration.RIGHT, 0.0)),
        ([(90, 88), (20, 4), (3, 2), (2, 1)], (Calibration.PARTLY, 0.9)),
        ([(90, 88), (0, 0), (20, 4), (2, 1)], (Calibration.PARTLY, 0.9)),
        ([(90, 30), (20, 18), (3, 2), (2, 1)], (Calibration.OVERCONFIDENT, 0.9)),
        ([(0, 0), (20, 4), (30, 20), (2, 1)], (Calibration.OVERCONFIDENT, 0.75)),
        ([(9, 8), (2, 1), (1, 1), (1, 1)], (Calibration.UNKNOWN, 0.0)),
        ([(60, 60), (1, 0), (1, 0), (90, 0)], (Calibration.RIGHT, 0.0)),
        ([(0, 0), (0, 0), (0, 0), (90, 2)], (Calibration.NEVER_SURE, 0.6)),
        ([(0, 0), (0, 0), (0, 0), (0, 0)], (Calibration.UNKNOWN, 0.0)),
    ],
)
def test_whether_it_is_as_sure_as_it_is_right(
    rows: list[tuple[int, int]], judgement: tuple[Calibration, float]
) -> None:
    """One wrong reply in a row of two is chance, sixteen of twenty are not."""
    bounds = ((0.9, 1.0), (0.75, 0.9), (0.6, 0.75), (0.0, 0.6))
    table = [CalibrationRow(*ends, *row) for ends, row in zip(bounds, rows, strict=True)]
    assert judge_calibration(table) == judgement


@pytest.mark.parametrize(
    ("query", "only_sure", "expected"),
    [
        ("", False, ["a", "b", "c"]),
        ("", True, ["a", "b"]),
        ("ALPHA", False, ["a"]),
        ("yes", False, ["b"]),
        ("maybe", False, ["a", "c"]),
        ("maybe", True, ["a"]),
        ("  ", False, ["a", "b", "c"]),
        ("nowhere", False, []),
    ],
)
def test_which_wrong_answers_are_listed(query: str, only_sure: bool, expected: list[str]) -> None:
    items = {
        "a": judged("Alpha ?", "maybe", "no", 0.9),
        "b": judged("Beta ?", "Yes", "no", 0.75),
        "c": judged("Gamma ?", "no", "maybe", 0.74),
    }
    answers = WrongAnswers(list(items.values()), query, only_sure)
    assert [name for name, item in items.items() if item in answers.listed] == expected
    assert len(answers.listed) == len(expected)


@pytest.mark.parametrize("reading", ["pairs", "conversations"])
def test_runs_of_pairs_and_conversations_can_be_tested(reading: str) -> None:
    assert explain_no_task("lang", reading) is None


@pytest.mark.parametrize("reading", ["lines", "text", None])
def test_other_runs_cannot_be_tested(reading: str | None) -> None:
    assert (explain_no_task("lang", reading) or "").startswith("lang continues texts")


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.9999, "99.9 %"), (0.875, "87.5 %"), (0.0001, "0.1 %"), (0.0, "0 %")],
)
def test_only_all_and_none_are_written_so(share: float, text: str) -> None:
    assert exact_percent(share) == text


def _score(report: TaskReport, width: int, weights: str = "last", step: int | None = 500) -> str:
    reply = AccuracyReply(report=report, weights=weights, step=step)
    return accuracy_text.score_lines(reply, width, is_ascii=False).plain


def test_the_accuracy_beside_simple_means() -> None:
    lines = _score(label_report(), 60).splitlines()
    assert [line.split("━")[0].strip() for line in lines[:3]] == [
        "this model",
        "always “positive”",
        "by chance",
    ]
    assert [line[-7:].strip() for line in lines[:3]] == ["90.0 %", "34.0 %", "33.3 %"]
    assert all(len(line) == 60 for line in lines[:3])
    assert lines[3:] == [
        "± 6.0 points (82.6 to 94.5 %) with 100 items",
        "newest weights, step 500 · 3 items with unknown words",
    ]


def test_what_does_not_fit_is_said_below() -> None:
    lines = _score(label_report(), 33, "best", 300).splitlines()
    assert lines[1].startswith("most frequent ")
    assert lines[3:] == [
        "± 6.0 points with 100 items",
        "best weights, step 300 · most frequent: “positive” · 3 items with unknown words",
    ]


def test_answers_have_no_chance_level() -> None:
    assert "by chance" not in _score(answer_report(), 60)


def test_the_confusion_table() -> None:
    content = accuracy_text.mixed_lines(label_report(), 50, 5)
    rows = [line.split() for line in content.plain.splitlines()]
    assert rows == [
        ["true", "positive", "negative", "neutral", "found"],
        ["positive", "√", "30", "1", "3", "88", "%"],
        ["negative", "2", "√", "30", "1", "91", "%"],
        ["neutral", "0", "3", "√", "30", "91", "%"],
        ["right", "94", "%", "88", "%", "88", "%"],
    ]
    roomy = accuracy_text.mixed_lines(label_report(), 50, 12).plain.splitlines()
    assert len(roomy) == 11
    assert roomy[-2].split() == ["right", "when", "94", "%", "88", "%", "88", "%"]
    assert roomy[-1] == "it says so"
    assert all(len(line) <= 50 for line in roomy)


@pytest.mark.parametrize("labels", [3, 12, 40])
@pytest.mark.parametrize("width", [30, 41, 60, 120])
def test_no_table_is_wider_than_its_panel(labels: int, width: int) -> None:
    """With many labels the confusions are listed instead."""
    names = [f"a label of number {number}" for number in range(labels)]
    items = [judged(f"{n}", names[n % labels], names[0], 0.9) for n in range(2 * labels)]
    lines = accuracy_text.mixed_lines(_report(items, names), width, 8).plain.splitlines()
    assert max(map(len, lines)) <= width
    if labels == 40:
        assert lines[0].split() == ["true", "it", "said", "items"]
        assert len(lines) == labels


def _report(items: list[JudgedItem], labels: list[str]) -> TaskReport:
    return make_report(
        items,
        task=CLASSIFY,
        labels=labels,
        most_frequent=None,
        source=FROM_FILE,
        files=["/a/one.csv", "/a/two.csv", "/a/three.csv"],
        available=len(items),
        with_unknown_words=0,
        seconds=1.0,
        device="cpu",
    )


def test_where_the_items_are_from() -> None:
    report = _report([judged("a", "x", "x", 0.9)], ["x"])
    assert accuracy_text.source_text(report) == "1 of one.csv, two.csv and 1 more"
    assert accuracy_text.state_text(report, 80).endswith(" · 1.0 s on cpu")
    assert accuracy_text.state_text(report, 60) == "1 item · 1.0 s"
    assert accuracy_text.source_text(label_report(available=900)).startswith("100 of 900 held out")


def test_how_answers_go_wrong() -> None:
    lines = accuracy_text.mixed_lines(answer_report(), 60, 8).plain.splitlines()
    assert lines[0] == "7 items wrong"
    assert sorted(lines[1:]) == sorted(f"1  {kind}" for kind in Mistake)


def test_translations_have_a_chrf_or_what_it_needs() -> None:
    report = translation_report()
    line = accuracy_text.mixed_lines(report, 60, 8).plain.splitlines()[0]
    expected = f"chrF {report.chrf:.1f}" if report.chrf is not None else "chrF needs the package"
    assert line.startswith(expected)


def test_the_calibration_table() -> None:
    lines = accuracy_text.calibration_lines(label_report(), 40, is_ascii=True).plain.splitlines()
    assert all(len(line) == 40 for line in lines[:5])
    assert lines[1].endswith("=  98 %    82")
    assert lines[-1] == "Trust it from 90 % on only."


def test_a_label_closer() -> None:
    report = label_report()
    nearest = accuracy_text.nearest_lines(_origin(), MARKS)
    lines = accuracy_text.closer_lines(report, report.wrong[0], nearest).plain.splitlines()
    assert lines == [
        "“The ending surprised me.”  neutral 96 %  positive 2 %  negative 2 %",
        "expected positive · heldout.csv line 92",
        "line 7  ‹The ending was› bad. → negative  1 ×",
        "line 2  Did it? → No, it ‹surprised me›.  12+ ×",
    ]


def test_an_answer_closer() -> None:
    report = answer_report()
    by_text = {item.messages[-1].content: item for item in report.wrong}
    content = accuracy_text.closer_lines(report, by_text["What is 3+4 ?"], _no_origin())
    lines = content.plain.splitlines()
    assert lines[:4] == [
        "“What is 3+4 ?”",
        "expected  It is 7 .",
        "it said   It is 8 . 91 %",
        "heldout.csv line 3",
    ]
    (underlined,) = (span for span in content.spans if "underline" in str(span.style))
    assert content.plain[underlined.start : underlined.end] == "8 ."
    lines = accuracy_text.closer_lines(report, by_text["What is my name ?"], _no_origin())
    assert "nothing 30 %\nheldout.csv line 13 · after 2 earlier messages" in lines.plain
    assert lines.plain.endswith("user  My name is Mia.\nassistant  Hello, Mia!")


def _no_origin() -> accuracy_text.Content:
    return accuracy_text.nearest_lines(OriginReply(**_ORIGIN, spans=[]), MARKS)


def test_nothing_like_it_in_training() -> None:
    assert _no_origin().plain == "Nothing of it is in the training text."


_ORIGIN = {
    "text": "",
    "tokens": 9,
    "copied": 5,
    "share": 0.5,
    "longest": 3,
    "bigrams": 8,
    "new_bigrams": 3,
    "encoding": "utf-8",
    "errors": "strict",
    "notes": [],
}


def _origin() -> OriginReply:
    """The shorter part comes first; the longer one is in a question, the other in an answer."""

    def span(begin: int, end: int, count: int, place: OriginPlace) -> OriginSpan:
        return OriginSpan(
            begin=begin,
            end=end,
            from_=0,
            to=1,
            count=count,
            at_least=count > 9,
            places=[place],
        )

    question = OriginPlace(
        file="a", line=7, offset=0, before="", text="The ending was", after=" bad.\nnegative"
    )
    answer = OriginPlace(
        file="a", line=2, offset=0, before="Did it?\nNo, it ", text="surprised me", after="."
    )
    return OriginReply(**_ORIGIN, spans=[span(0, 2, 12, answer), span(2, 5, 1, question)])


def test_an_item_is_copied_with_its_messages() -> None:
    item = next(item for item in answer_report().wrong if len(item.messages) > 1)
    assert accuracy_text.copied_item(item) == (
        "user: My name is Mia.\nassistant: Hello, Mia!\nuser: What is my name ?\n"
        "expected: It is Mia .\nsaid: "
    )
