"""Requests to classify a text and to test a model, answered by the dispatcher in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.errors import Cancelled, InputError
from core.inference.classification import labelled_ids
from core.inference.load import load_classifier
from core.paths import Home
from core.run.directory import Run
from core.server.codec import from_json
from core.server.dispatch import Dispatcher
from core.text.task_report import TaskReport
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.direct_client import DirectClient
from tests.support.runs import tiny_run
from tests.support.task_runs import feelings, sums, task_run
from tests.support.texts import write

TEXT = "The film  number 7 was good ."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    home = Home(root=folder, cache=folder / "cache")
    task_run(home, "feelings", feelings())
    task_run(home, "encoder", feelings(), architecture="eurobert")
    task_run(home, "sums", sums(), kind="char")
    tiny_run(home, "words")
    return home


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


both = pytest.mark.parametrize("run", ["feelings", "encoder"])


@both
def test_a_text_gets_the_probability_of_every_label(client: DirectClient, run: str) -> None:
    reply = client("classify", run=run, text=TEXT)
    assert reply["labels"] == ["positive", "negative", "neutral"]
    assert all(0.0 < probability < 1.0 for probability in reply["probabilities"])
    best = max(range(3), key=reply["probabilities"].__getitem__)
    assert reply["label"] == reply["labels"][best]
    assert (reply["words"], reply["unknown"]) == ([], [])


@both
def test_an_explanation_leaves_out_each_word_in_turn(client: DirectClient, run: str) -> None:
    reply = client("classify", run=run, text=f" {TEXT}\n", explain=True)
    words = reply["words"]
    assert [word["text"] for word in words] == TEXT.split()
    assert [f" {TEXT}\n"[word["begin"] : word["end"]] for word in words] == TEXT.split()
    for word, rest in (
        (words[0], "film number 7 was good ."),
        (words[1], "The number 7 was good ."),
        (words[-1], "The film number 7 was good"),
    ):
        without = client("classify", text=rest)["probabilities"]
        assert word["probabilities"] == pytest.approx(without, rel=1e-3)


def test_the_only_word_can_be_left_out(client: DirectClient) -> None:
    (word,) = client("classify", run="feelings", text="good", explain=True)["words"]
    assert len(word["probabilities"]) == 3


def test_the_probabilities_of_an_encoder_are_those_of_its_head(
    home: Home, client: DirectClient
) -> None:
    loaded = load_classifier(Run(home.runs / "encoder"))
    ids = labelled_ids(loaded.tokenizer, TEXT, 32)
    with torch.inference_mode():
        expected = loaded.model.label_logits(torch.tensor([ids]))[0].softmax(-1).tolist()
    reply = client("classify", run="encoder", text=TEXT)
    assert reply["probabilities"] == pytest.approx(expected, abs=1e-6)
    assert sum(reply["probabilities"]) == pytest.approx(1.0)
    facts = client("load", run="encoder")
    assert (facts["task"], facts["labels"]) == ("classify", reply["labels"])


@pytest.mark.parametrize(
    ("request_type", "fields"),
    [
        ("generate", {"prompt": "The film"}),
        ("fill", {"text": "The [] was good ."}),
        ("score", {"text": "The film"}),
    ],
)
def test_an_encoder_that_labels_texts_refuses_all_else(
    client: DirectClient, request_type: str, fields: dict[str, str]
) -> None:
    client("load", run="encoder")
    for run in ({"run": "encoder"}, {}):
        with pytest.raises(InputError, match="encoder is an encoder: it labels texts and cannot"):
            client(request_type, **run, **fields)


@both
def test_unknown_words_are_refused_unless_they_are_allowed(client: DirectClient, run: str) -> None:
    with pytest.raises(UnknownWordError, match="stupendous"):
        client("classify", run=run, text="The film was stupendous .")
    reply = client("classify", text="The film was stupendous .", allow_unknown=True)
    assert reply["unknown"] == ["stupendous"]


@pytest.mark.parametrize(
    ("run", "text", "message"),
    [
        ("sums", "What", "sums gives no labels: its task is answer"),
        ("words", "the cat", "words gives no labels: its task is continue"),
        ("feelings", " \n", "There is no text to classify"),
        ("feelings", "good " * 257, "A text of 257 words is too long"),
        ("feelings", "good " * 60, "the model reads at most 30 at a time"),
        ("encoder", "good " * 60, "the model reads at most 30 at a time"),
    ],
)
def test_what_cannot_be_classified_is_refused(
    client: DirectClient, run: str, text: str, message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        client("classify", run=run, text=text, explain=True)
    assert message in refusal.value.message


def test_a_test_reports_its_progress_and_the_wrong_items(client: DirectClient) -> None:
    reply = client("test", run="sums")
    report = from_json(TaskReport, reply["report"])
    assert (report.task, report.source, report.device) == ("answer", "validation", "cpu")
    assert reply["weights"] == "last"
    assert report.items == report.available == len(report.wrong) + report.right
    last = client.batches[-1]
    assert last == {"finished": report.items, "total": report.items, "right": report.right}


def test_a_test_uses_the_file_it_is_given(client: DirectClient, tmp_path: Path) -> None:
    file = write(tmp_path / "mine.csv", "text,label\nThe film,good\nThe soup,positive\n")
    report = client("test", run="feelings", path=str(file))["report"]
    assert (report["source"], report["items"], report["files"]) == ("file", 2, [str(file)])
    assert report["labels"] == ["positive", "negative", "neutral", "good"]
    assert client("test", path=str(file), limit=1)["report"]["items"] == 1, "the model used last"


def test_a_run_that_continues_texts_cannot_be_tested(client: DirectClient) -> None:
    with pytest.raises(InputError, match="words continues texts"):
        client("test", run="words")
    assert not client.dispatcher.cache.models, "refused before the weights are loaded"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": 0}, "limit must be from 1"),
        ({"path": "nowhere.csv"}, "nowhere.csv"),
    ],
)
def test_a_test_of_nothing_is_refused(
    client: DirectClient, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        client("test", run="sums", **fields)


def test_a_test_stops_when_it_is_cancelled(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.inference.task_accuracy.ITEMS_PER_REPORT", 4)
    client.cancel_after(2)
    with pytest.raises(Cancelled):
        client("test", run="sums")
    assert len(client.batches) == 2
