"""The preview of a text in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config.configs import TrainConfig
from core.dataset.preview import preview
from tests.support.texts import corpus_of_text, write
from tui.common.task_text import format_text, labels_text, unknown_text
from tui.runs.text_facts import own_kind, shown_tokens


@pytest.mark.parametrize("tokenizer", ["bpe", "word"])
def test_the_marks_of_a_record_stand_apart_from_its_words(tokenizer: str, tmp_path: Path) -> None:
    corpus = corpus_of_text(tmp_path / "a.csv", "text,label\n" + "Very nice,good\n" * 9)
    result = preview(corpus, settings=TrainConfig(tokenizer=tokenizer))
    shown = "".join(shown_tokens(result)[0])
    assert shown == "<|user|> Very nice <|end|> <|assistant|> good <|end|>"


def test_such_marks_in_a_text_are_text(tmp_path: Path) -> None:
    corpus = corpus_of_text(tmp_path / "a.csv", "text,label\n" + "a<|end|>b,good\n" * 9)
    shown = "".join(shown_tokens(preview(corpus))[0])
    assert shown.startswith("<|user|> a<|end|>b <|end|>")


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.txt", "one\n", "text"),
        ("a.csv", "text,label\na,b\n", "labels"),
        ("a.tsv", "source\ttarget\na\tb\n", "translate"),
        ("a.csv", "prompt,completion\na,b\n", "answers"),
        ("a.jsonl", '{"messages": []}\n', "chat"),
        ("a.jsonl", '{"text": "one"}\n', "text"),
        ("a.csv", "name,age\na,b\n", "text"),
        ("a.jsonl", "{\n", "text"),
    ],
)
def test_the_kind_of_ones_own_text_is_its_task(
    name: str, text: str, kind: str, tmp_path: Path
) -> None:
    """What is wrong with a text is shown when it is chosen."""
    assert own_kind(write(tmp_path / name, text)) == kind


@pytest.mark.parametrize(
    ("reading", "task", "labels", "words"),
    [
        ("lines", "continue", (), "lines"),
        ("pairs", "translate", (), "pairs · translate"),
        ("pairs", "classify", ("good",), "pairs · classify, 1 label"),
        ("pairs", "classify", ("good", "bad", "fair"), "pairs · classify, 3 labels"),
        ("conversations", "converse", (), "conversations · converse"),
    ],
)
def test_format_and_task_in_words(
    reading: str, task: str, labels: tuple[str, ...], words: str
) -> None:
    assert format_text(reading, task, labels) == words


def test_many_labels_are_counted() -> None:
    assert labels_text([f"label {n}" for n in range(20)]).endswith("label 7 and 12 more")


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "knows every token"), (0.0001, "under 0.1 % unknown"), (0.0123, "1.2 % unknown")],
)
def test_the_share_of_unknown_tokens_in_words(share: float, words: str) -> None:
    assert unknown_text(share) == words
