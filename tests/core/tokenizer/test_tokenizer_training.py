"""Training a tokenizer on a corpus: sampling, long words, cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from core.errors import Cancelled, InputError
from core.text.corpus import CorpusSample
from core.tokenizer import train as training
from core.tokenizer.tokenizer import KINDS, Tokenizer
from core.tokenizer.train import limit_distinct_words, sample_evenly, train_tokenizer
from tests.support.texts import corpus_of_text
from tests.support.vocabularies import BPE


def test_bpe_is_trained_on_a_sample_from_the_whole_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning and end of a large text may differ; the note mentions the sample."""
    monkeypatch.setattr(training, "SAMPLE_BYTES", 300_000)
    monkeypatch.setattr(training, "MAX_DISTINCT_WORD_BYTES", 200_000)
    text = corpus_of_text(tmp_path / "a.txt", "alpha beta\n" * 100_000 + "gamma delta\n" * 100_000)
    sampled = train_tokenizer(text, "text", "bpe")
    pieces = {sampled.tokenizer.token_text(id) for id in range(sampled.tokenizer.vocab_size)}
    assert {"alpha", " beta", "gamma", " delta"} <= pieces
    assert "even sample" in sampled.note
    counted = train_tokenizer(text, "text", "word")
    assert counted.tokenizer.encode("alpha beta gamma delta") == [3, 4, 5, 6]
    assert counted.note == ""


def test_a_very_long_word_is_split_for_training(tmp_path: Path) -> None:
    """Every merge would rescan all of it: a minute for a megabyte, hours for more."""
    text = corpus_of_text(tmp_path / "a.txt", "abcd" * 50_000)
    texts_seen: list[str] = []

    def train(kind: str, texts: Iterable[str], vocab_size: int | None) -> Tokenizer:
        texts_seen.extend(texts)
        return BPE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tokenizer, "train", train)
        assert train_tokenizer(text, "text", "bpe").note == ""
    assert "".join(texts_seen) == "abcd" * 50_000
    assert max(map(len, texts_seen)) == training.MAX_WORD_CHARACTERS


def test_sampling_is_even() -> None:
    """The sampled share of the text is right whatever the lengths of its parts."""
    texts = [CorpusSample(str(n % 10) * (1 + n % 7), 0, 0, True) for n in range(7000)]
    parts = list(sample_evenly(texts, 0.25))
    total = sum(len(sample.text) for sample in texts)
    assert abs(sum(map(len, parts)) / total - 0.25) < 0.01
    assert len(list(sample_evenly(texts, 1.0))) == 7000


def test_texts_with_too_many_distinct_words_are_thinned_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Chinese has no blanks: every sentence is a distinct word in memory."""
    monkeypatch.setattr(training, "MAX_DISTINCT_WORD_BYTES", 1000)
    texts = [f"{n:0100}" for n in range(64)]
    assert len(limit_distinct_words(texts)) == 8
    assert limit_distinct_words(["same words"] * 64) == ["same words"] * 64


@pytest.mark.parametrize("kind", KINDS)
def test_training_can_be_cancelled_while_reading(tmp_path: Path, kind: str) -> None:
    """Cancelling must not wait for the end of a large text."""
    text = corpus_of_text(tmp_path / "a.txt", "some words\n" * 400_000)
    answers = iter([False, False, True])
    reports: list[int] = []
    with pytest.raises(Cancelled):
        train_tokenizer(
            text,
            "text",
            kind,
            progress=lambda done, total, phase: reports.append(done),
            cancelled=lambda: next(answers),
        )
    assert len(reports) == 3, "one report before each check"
    assert 0 == reports[0] < reports[1] < reports[2] < text.size


def test_learning_merges_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library learns them in one call of minutes; signals were answered only afterwards."""
    finish = threading.Event()

    def learn(*arguments: object) -> None:
        finish.wait(60.0)

    monkeypatch.setattr(Tokenizer, "train", learn)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        train_tokenizer(
            corpus_of_text(tmp_path / "a.txt", "the cat\n"),
            "lines",
            "bpe",
            cancelled=lambda: time.monotonic() - began > 0.2,
        )
    assert time.monotonic() - began < 2.0
    finish.set()


def test_an_error_of_learning_merges_is_raised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small for byte-level BPE"):
        train_tokenizer(corpus_of_text(tmp_path / "a.txt", "the cat\n"), "lines", "bpe", 9)
