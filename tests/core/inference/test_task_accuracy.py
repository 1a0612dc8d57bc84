"""Testing a model: which replies count as right, and what the report says."""

from __future__ import annotations

import dataclasses
import math

import pytest

from core.config.configs import SamplingConfig
from core.errors import Cancelled
from core.inference import task_accuracy
from core.inference.generate import generate
from core.inference.load import LoadedModel, load_model
from core.inference.session import Session
from core.inference.task_accuracy import label_log_probabilities, measure_accuracy
from core.paths import Home
from core.run.task_items import TaskItem, TaskItems
from core.text.messages import ASSISTANT, USER, Message
from core.text.task_report import JudgedItem
from core.tokenizer.special_tokens import EOS
from tests.support.task_runs import feelings, sums, task_run

CONTEXT = 48
MAX_REPLY = 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    return Home(root=folder, cache=folder / "cache")


@pytest.fixture(scope="module")
def answerer(home: Home) -> LoadedModel:
    return load_model(task_run(home, "sums", sums(), kind="char", context=CONTEXT))


@pytest.fixture(scope="module")
def classifier(home: Home) -> LoadedModel:
    return load_model(task_run(home, "feelings", feelings(), context=CONTEXT))


def items_of(pairs: list[tuple[str, str]], most_frequent: str | None = None) -> TaskItems:
    items = tuple(
        TaskItem("items.csv", number, (Message(USER, text),), expected)
        for number, (text, expected) in enumerate(pairs, 2)
    )
    return TaskItems(source="file", files=("items.csv",), items=items, most_frequent=most_frequent)


def greedy_reply(loaded: LoadedModel, text: str) -> tuple[str, float]:
    session = Session(loaded.model, keep_first=1)
    settings = SamplingConfig(max_tokens=MAX_REPLY)
    tokens = list(generate(session, loaded.encode(text), loaded.tokenizer, settings))
    return "".join(t.text for t in tokens), math.prod(t.probability for t in tokens)


def wrong_of(wrong: tuple[JudgedItem, ...], line: int) -> JudgedItem:
    return next(item for item in wrong if item.line == line)


QUESTIONS = [f"What is {n}+{n % 7} ?" for n in range(40)]


def test_a_reply_is_right_if_it_is_the_text_of_greedy_decoding(answerer: LoadedModel) -> None:
    replies = [greedy_reply(answerer, question)[0] for question in QUESTIONS]
    ended = [n for n, reply in enumerate(replies) if reply.strip() and len(reply) < MAX_REPLY]
    assert ended, "some replies end by themselves"
    pairs = [
        (question, replies[n].strip() if n in ended else "It is 7 .")
        for n, question in enumerate(QUESTIONS)
    ]
    report = measure_accuracy(answerer, items_of(pairs))
    assert (report.right, report.items) == (len(ended), len(QUESTIONS))
    assert {item.line - 2 for item in report.wrong} == set(range(40)) - set(ended)


def test_a_wrong_item_has_the_reply_that_was_generated_and_its_probability(
    answerer: LoadedModel,
) -> None:
    report = measure_accuracy(answerer, items_of([(q, "It is 7 .") for q in QUESTIONS]))
    assert report.right == 0
    assert list(report.wrong) == sorted(report.wrong, key=lambda item: -item.probability)
    compared = 0
    for item in report.wrong:
        text, probability = greedy_reply(answerer, item.messages[0].content)
        assert text.startswith(item.reply)
        if item.reply == text:
            compared += 1
            assert item.probability == pytest.approx(probability, rel=1e-3)
    assert compared


def test_the_messages_before_the_last_reply_are_the_prompt(answerer: LoadedModel) -> None:
    messages = (Message(USER, "What"), Message(ASSISTANT, "It"), Message(USER, "is ?"))
    prompt = answerer.encode_messages(messages).ids
    session = Session(answerer.model, keep_first=1)
    tokens = list(generate(session, prompt, answerer.tokenizer, SamplingConfig(max_tokens=9)))
    item = TaskItem("items.jsonl", 1, messages, "7")
    found = TaskItems(source="file", files=("items.jsonl",), items=(item,), most_frequent=None)
    (wrong,) = measure_accuracy(answerer, found).wrong
    assert wrong.messages == messages
    assert wrong.reply.startswith("".join(token.text for token in tokens))


def test_a_classifier_answers_with_its_most_probable_label(classifier: LoadedModel) -> None:
    """Each label scored by itself, token by token, with its end."""
    texts = [f"The {noun} number {n} was good ." for n, noun in enumerate(["film", "soup", "room"])]
    report = measure_accuracy(classifier, items_of([(t, "mixed") for t in texts], "positive"))
    assert report.labels == (*classifier.labels, "mixed")
    for number, text in enumerate(texts):
        item = wrong_of(report.wrong, number + 2)
        expected = []
        for label in classifier.labels:
            session = Session(classifier.model, keep_first=1)
            session.extend(classifier.encode(text))
            ids = [*classifier.tokenizer.encode(label), EOS]
            expected.append(math.exp(float(session.score(ids).sum())))
        assert item.label_probabilities == pytest.approx(expected, rel=1e-3)
        best = max(range(len(expected)), key=expected.__getitem__)
        assert (item.reply, item.probability) == (
            classifier.labels[best],
            pytest.approx(expected[best], rel=1e-3),
        )


def test_labels_outside_the_vocabulary_are_never_given(classifier: LoadedModel) -> None:
    """All of them would be the same unknown word, with probabilities of more than 1 together."""
    loaded = dataclasses.replace(classifier, labels=("zebra", *classifier.labels, "giraffe"))
    prompt = loaded.encode("good")
    (scores,) = label_log_probabilities(loaded, [prompt])
    (known,) = label_log_probabilities(classifier, [prompt])
    assert scores == [-math.inf, *known, -math.inf]


def test_the_report_of_a_classifier_counts_every_item_once(classifier: LoadedModel) -> None:
    texts = [(f"The film number {n} was bad .", "negative") for n in range(30)]
    report = measure_accuracy(classifier, items_of(texts, "positive"))
    assert sum(map(sum, report.confusion)) == report.items == 30
    assert (
        report.right
        == report.confusion[report.labels.index("negative")][report.labels.index("negative")]
    )
    assert (report.by_most_frequent, report.by_chance) == (0.0, pytest.approx(1 / 3))


def test_words_outside_the_vocabulary_are_counted_and_read_as_unknown(
    classifier: LoadedModel,
) -> None:
    report = measure_accuracy(
        classifier, items_of([("The film was stupendous .", "positive"), ("The film", "positive")])
    )
    assert (report.items, report.with_unknown_words) == (2, 1)


@pytest.mark.parametrize("name", ["answerer", "classifier"])
def test_a_message_longer_than_the_context_counts_as_wrong(
    name: str, request: pytest.FixtureRequest
) -> None:
    loaded: LoadedModel = request.getfixturevalue(name)
    report = measure_accuracy(loaded, items_of([("is " * 60, "7"), ("is", "7")]))
    assert (report.items, report.right, report.too_long) == (2, 0, 1)
    item = wrong_of(report.wrong, 2)
    assert (item.reply, item.probability, item.is_fitting) == ("", 0.0, False)


def test_an_expected_reply_longer_than_the_context_is_wrong(answerer: LoadedModel) -> None:
    report = measure_accuracy(answerer, items_of([("is", "7" * 200)]))
    assert report.right == 0
    assert len(report.wrong[0].reply) <= CONTEXT


def test_progress_counts_the_right_ones_and_a_test_can_be_cancelled(
    answerer: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_accuracy, "ITEMS_PER_REPORT", 16)
    calls: list[tuple[int, int, int]] = []
    found = items_of([(question, "7") for question in QUESTIONS])
    measure_accuracy(answerer, found, progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(16, 40), (32, 40), (40, 40)]
    with pytest.raises(Cancelled):
        measure_accuracy(answerer, found, cancelled=lambda: True)


def test_a_limit_is_kept(answerer: LoadedModel) -> None:
    found = items_of([(question, "7") for question in QUESTIONS])
    report = measure_accuracy(answerer, found, limit=8)
    assert (report.items, report.available) == (8, 40)
    assert {item.line for item in report.wrong} == {2 + 5 * n for n in range(8)}
