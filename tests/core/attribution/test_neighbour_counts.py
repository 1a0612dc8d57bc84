"""Tokens between two others, counted with and without an index, against a plain count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.attribution import neighbour_counts
from core.attribution.neighbour_counts import count_between
from core.tokenizer.special_tokens import EOS, SOS
from tests.support.indexed import CHARS, WORDS, indexed, read_training_part

LINES = "\n".join(f"{'abcde'[n % 5]} {'abc'[n % 3]} {'ab'[n % 2]} e" for n in range(400))


def _plain(parts: list[list[int]], left: int, right: int) -> Counter[int]:
    return Counter(
        middle
        for part in parts
        for first, middle, last in zip(part, part[1:], part[2:], strict=False)
        if (first, last) == (left, right)
    )


@pytest.mark.parametrize("with_index", [True, False])
def test_lines_for_validation_are_not_counted(tmp_path: Path, with_index: bool) -> None:
    text = indexed(tmp_path, LINES)
    assert text.tokens.has_validation
    a, b, e = (WORDS.encode(word)[0] for word in "abe")
    parts = read_training_part(text.tokens)
    for left, right in ((a, e), (b, a), (SOS, b), (a, EOS), (e, a)):
        counted = count_between(text.tokens, left, right, text.ngrams if with_index else None)
        assert counted.counts == _plain(parts, left, right)
        assert not counted.at_least
    assert count_between(text.tokens, a, e).counts.total() > 10


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text("abc \n", min_size=1, max_size=60))
def test_running_text_is_counted_up_to_its_end(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    text = indexed(tmp_path_factory.mktemp("text"), content + "x", CHARS, "text")
    parts = read_training_part(text.tokens)
    a, b = CHARS.encode("ab")
    for ngrams in (text.ngrams, None):
        assert count_between(text.tokens, a, b, ngrams).counts == _plain(parts, a, b)


def test_what_is_too_long_is_counted_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = indexed(tmp_path, LINES)
    a, e = WORDS.encode("a e")
    whole = count_between(text.tokens, a, e)
    monkeypatch.setattr(neighbour_counts, "TOKENS_PER_BLOCK", 7)
    assert count_between(text.tokens, a, e) == whole
    monkeypatch.setattr(neighbour_counts, "MAX_INDEXED_POSITIONS", 3)
    monkeypatch.setattr(neighbour_counts, "MAX_SCANNED_TOKENS", len(text.tokens.ids) // 2)
    part = count_between(text.tokens, a, e, text.ngrams)
    assert part.at_least
    assert 0 < part.counts.total() < whole.counts.total()
