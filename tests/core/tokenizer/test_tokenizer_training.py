"""Learning a tokenizer from a corpus: from which part of it, and until somebody stops it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from core.errors import Cancelled
from core.text.corpus import CorpusSample
from core.tokenizer import train as learning
from core.tokenizer.tokenizer import KINDS, Tokenizer
from core.tokenizer.train import limit_distinct_words, sample_evenly, train_tokenizer
from tests.support.texts import corpus_of_text
from tests.support.vocabularies import BPE


def test_pieces_are_learnt_from_a_sample_of_all_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning and end of a large text may differ; the sample is said."""
    monkeypatch.setattr(learning, "SAMPLE_BYTES", 300_000)
    monkeypatch.setattr(learning, "MAX_DISTINCT_WORD_BYTES", 200_000)
    text = corpus_of_text(tmp_path / "a.txt", "alpha beta\n" * 100_000 + "gamma delta\n" * 100_000)
    found = train_tokenizer(text, "text", "bpe")
    pieces = {found.tokenizer.token_text(id) for id in range(found.tokenizer.vocab_size)}
    assert {"alpha", " beta", "gamma", " delta"} <= pieces
    assert "even sample" in found.note
    whole = train_tokenizer(text, "text", "word")
    assert whole.tokenizer.encode("alpha beta gamma delta") == [3, 4, 5, 6]
    assert whole.note == ""


def test_a_word_without_end_is_learnt_from_in_parts(tmp_path: Path) -> None:
    """Every join would go through all of it: a minute for a megabyte, and hours for more."""
    text = corpus_of_text(tmp_path / "a.txt", "abcd" * 50_000)
    seen: list[str] = []

    def train(kind: str, texts: Iterable[str], vocab_size: int | None) -> Tokenizer:
        seen.extend(texts)
        return BPE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tokenizer, "train", train)
        assert train_tokenizer(text, "text", "bpe").note == ""
    assert "".join(seen) == "abcd" * 50_000
    assert max(map(len, seen)) == learning.MAX_WORD_CHARACTERS


def test_a_sample_is_even() -> None:
    """A share of the text in about that share of the parts, whatever their lengths."""
    texts = [CorpusSample(str(n % 10) * (1 + n % 7), 0, 0, True) for n in range(7000)]
    found = list(sample_evenly(texts, 0.25))
    total = sum(len(sample.text) for sample in texts)
    assert abs(sum(map(len, found)) / total - 0.25) < 0.01
    assert len(list(sample_evenly(texts, 1.0))) == 7000


def test_texts_of_different_words_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese has no blanks: every sentence is a word of its own to keep in memory."""
    monkeypatch.setattr(learning, "MAX_DISTINCT_WORD_BYTES", 1000)
    texts = [f"{n:0100}" for n in range(64)]
    assert len(limit_distinct_words(texts)) == 8
    assert limit_distinct_words(["same words"] * 64) == ["same words"] * 64


@pytest.mark.parametrize("kind", KINDS)
def test_learning_can_be_stopped(tmp_path: Path, kind: str) -> None:
    """A stop asked for while a text is read must not wait for its end."""
    text = corpus_of_text(tmp_path / "a.txt", "some words\n" * 400_000)
    answers = iter([False, False, True])
    told: list[int] = []
    with pytest.raises(Cancelled):
        train_tokenizer(
            text,
            "text",
            kind,
            progress=lambda done, total, phase: told.append(done),
            cancelled=lambda: next(answers),
        )
    assert len(told) == 3, "told each time before it asks"
    assert 0 == told[0] < told[1] < told[2] < text.size
