"""Pseudo-perplexity of an encoder: each token masked in turn."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import Cancelled
from core.inference import pseudo_score
from core.inference.load import LoadedEncoder, load_encoder
from core.inference.pseudo_score import pseudo_score_samples, pseudo_scores
from core.inference.score import ScoreTotals
from core.paths import Home
from core.text.corpus import CorpusSample
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.runs import tiny_run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("home")
    return Home(root=root, cache=root / "cache")


@pytest.fixture(scope="module")
def words(home: Home) -> LoadedEncoder:
    return load_encoder(tiny_run(home, "words", architecture="eurobert", context=8))


@pytest.fixture(scope="module")
def letters(home: Home) -> LoadedEncoder:
    return load_encoder(tiny_run(home, "letters", "char", "text", architecture="eurobert"))


def _plain(loaded: LoadedEncoder, ids: list[int], place: int) -> float:
    masked = torch.tensor([ids])
    masked[0, place] = loaded.tokenizer.mask_id or 0
    with torch.inference_mode():
        logits = loaded.model.head(loaded.model(masked))[0, place]
    return float(logits.log_softmax(-1)[ids[place]])


def _samples(*texts: str, ends: bool = True) -> list[CorpusSample]:
    return [CorpusSample(text, 0, 0, ends_document=ends) for text in texts]


def test_each_token_of_a_line_is_masked_alone(words: LoadedEncoder) -> None:
    totals, texts = ScoreTotals(), ["the cat sat", "a bird"]
    scores = list(pseudo_score_samples(words, _samples(*texts), totals))
    lines = [[SOS, *words.tokenizer.encode(text), EOS] for text in texts]
    due = [_plain(words, ids, place) for ids in lines for place in range(1, len(ids) - 1)]
    assert [one.text for one in scores] == ["the", "cat", "sat", "a", "bird"]
    assert [one.score for one in scores] == pytest.approx(due, rel=1e-4)
    assert (totals.tokens, totals.size) == (5, 17)
    assert totals.perplexity == pytest.approx(math.exp(-sum(due) / 5), rel=1e-4)


def test_a_batch_gives_what_single_rows_give(
    words: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [SOS, *words.tokenizer.encode("the cat sat on the mat")]
    together = list(pseudo_scores(words, ids, range(1, 7)))
    monkeypatch.setattr(pseudo_score, "TOKENS_PER_PASS", 1)
    assert list(pseudo_scores(words, ids, range(1, 7))) == pytest.approx(together, rel=1e-4)
    assert len(together) == 6


def test_what_is_longer_than_the_context_is_cut_as_for_training(words: LoadedEncoder) -> None:
    text = "the cat sat on the mat the dog ran to the door"
    ids = [SOS, *words.tokenizer.encode(text), EOS]
    scores = list(pseudo_score_samples(words, _samples(text), ScoreTotals()))
    assert [one.text for one in scores] == text.split(), "each once"
    assert scores[6].score == pytest.approx(_plain(words, ids[:8], 7), rel=1e-4)
    assert scores[7].score == pytest.approx(_plain(words, ids[7:], 1), rel=1e-4)


def test_running_text_is_read_across_its_parts(letters: LoadedEncoder) -> None:
    parts = ["the cat sat on the ", "mat a bird sang in the tree"]
    totals = ScoreTotals()
    samples = [*_samples(parts[0], ends=False), *_samples(parts[1])]
    scores = list(pseudo_score_samples(letters, samples, totals))
    text = "".join(parts)
    assert "".join(one.text for one in scores) == text
    assert totals.size == totals.tokens == len(text)
    ids = [*letters.tokenizer.encode(text), EOS]
    assert scores[20].score == pytest.approx(_plain(letters, ids[:32], 20), rel=1e-4)
    assert scores[40].score == pytest.approx(_plain(letters, ids[31:], 9), rel=1e-4)


def test_unknown_words_are_refused_and_a_cancel_ends_it(words: LoadedEncoder) -> None:
    with pytest.raises(UnknownWordError, match="zebra"):
        list(pseudo_score_samples(words, _samples("the zebra"), ScoreTotals()))
    with pytest.raises(Cancelled):
        list(pseudo_score_samples(words, _samples("the cat"), ScoreTotals(), lambda: True))
