"""Reports of tests of made-up models, for the screen that shows them."""

from __future__ import annotations

from core.text.messages import ANSWER, CLASSIFY, TRANSLATE, Message
from core.text.task_metrics import make_report
from core.text.task_report import FROM_HELDOUT, FROM_VALIDATION, JudgedItem, TaskReport

LABELS = ("positive", "negative", "neutral")
SURPRISES = (
    ("The ending surprised me.", "positive", "neutral", 0.96),
    ("Not bad at all, really.", "positive", "negative", 0.93),
    ("It does what it says, and nothing more.", "neutral", "negative", 0.88),
    ("I have seen worse.", "neutral", "negative", 0.86),
    ("My cat liked it more than I did.", "negative", "positive", 0.81),
    ("You will laugh, cry, and then leave.", "negative", "positive", 0.74),
    ("Fine for a rainy afternoon.", "positive", "neutral", 0.71),
    ("Quietly wonderful.", "positive", "neutral", 0.66),
    ("Two hours, one joke.", "negative", "neutral", 0.58),
    ("Almost too quiet.", "neutral", "negative", 0.48),
)


def judged(
    text: str,
    expected: str,
    reply: str,
    probability: float,
    *,
    line: int = 2,
    before: tuple[Message, ...] = (),
    labels: tuple[float, ...] = (),
    is_fitting: bool = True,
) -> JudgedItem:
    """An item of one question, or of one after other messages."""
    return JudgedItem(
        file="/texts/heldout.csv",
        line=line,
        messages=(*before, Message("user", text)),
        expected=expected,
        reply=reply,
        probability=probability,
        label_probabilities=labels,
        is_fitting=is_fitting,
    )


def label_report(rights: int = 90, available: int = 100) -> TaskReport:
    """A model that labels sentences, with the wrong answers of `SURPRISES`."""
    items = []
    for number in range(rights):
        label, probability = LABELS[number % 3], 0.97 - 0.3 * (number % 9 == 0)
        items.append(judged(f"Sentence {number}.", label, label, probability, line=number + 2))
    for line, (text, expected, reply, probability) in enumerate(SURPRISES, rights + 2):
        rest = (1 - probability) / 2
        labels = tuple(probability if label == reply else rest for label in LABELS)
        items.append(judged(text, expected, reply, probability, line=line, labels=labels))
    return make_report(
        items,
        task=CLASSIFY,
        labels=LABELS,
        most_frequent="positive",
        source=FROM_HELDOUT,
        files=["/texts/heldout.csv"],
        available=available,
        with_unknown_words=3,
        seconds=3.1,
        device="cpu",
    )


def answer_report(task: str = ANSWER, extra: tuple[JudgedItem, ...] = ()) -> TaskReport:
    """A model that answers questions, wrong in each way there is."""
    said = (Message("user", "My name is Mia."), Message("assistant", "Hello, Mia!"))
    wrong = (
        judged("What is 3+4 ?", "It is 7 .", "It is 8 .", 0.91, line=3),
        judged("What is 9+9 ?", "It is 18 .", "It is", 0.62, line=5),
        judged("What is 1+1 ?", "It is 2 .", "It is 2 . It is", 0.55, line=9),
        judged("What is 2+6 ?", "It is 8 .", "8 is It .", 0.4, line=11),
        judged("What is my name ?", "It is Mia .", "", 0.3, line=13, before=said),
        judged("What is 5+5 ?", "It is 10 .", "Yes !", 0.2, line=15),
        judged("What " * 90, "It is 1 .", "", 0.0, line=17, is_fitting=False),
    )
    rights = [judged(f"What is {n}+0 ?", f"It is {n} .", f"It is {n} .", 0.95) for n in range(93)]
    return make_report(
        [*rights, *wrong, *extra],
        task=task,
        labels=(),
        most_frequent="It is 7 .",
        source=FROM_VALIDATION,
        files=["/texts/sums.csv"],
        available=len(rights) + len(wrong) + len(extra),
        with_unknown_words=0,
        seconds=0.84,
        device="cuda:0",
    )


def translation_report() -> TaskReport:
    """A model that translates; its chrF needs sacrebleu."""
    return answer_report(TRANSLATE)
