"""Counts of next tokens and copied spans, compared with plain search."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.attribution import ngram_index
from core.attribution.attribution import IndexedText
from core.attribution.ngram_index import NextTokenCounts, NgramIndex
from core.attribution.overlap import CopiedSpans, find_copies
from core.tokenizer.special_tokens import EOS, SOS
from tests.support.indexed import CHARS, WORDS, count, indexed, read_training_part

LINES = st.lists(st.text(alphabet="abc ", max_size=12), min_size=1, max_size=260)
IDS = st.lists(st.sampled_from([SOS, EOS, 3, 3, 4, 4, 5, 7]), max_size=14)


def index_lines(lines: list[str], reading: str) -> IndexedText:
    content = "\n".join(" ".join(line) for line in ["a", *lines])
    tokenizer = WORDS if reading == "lines" else CHARS
    return indexed(Path(tempfile.mkdtemp()), content, tokenizer, reading)


@settings(max_examples=40, deadline=None)
@given(lines=LINES, ids=IDS, reading=st.sampled_from(["lines", "text"]))
def test_next_token_counts_equal_a_plain_count(
    lines: list[str], ids: list[int], reading: str
) -> None:
    """No validation lines, nothing across <eos>, no off-by-one at the edges."""
    text = index_lines(lines, reading)
    documents = read_training_part(text.tokens)
    after_eos = ids[len(ids) - ids[::-1].index(EOS) :] if EOS in ids else ids
    lengths = [n for n in range(len(after_eos) + 1) if not n or count(documents, after_eos[-n:])]
    longest = next(n for n in range(len(after_eos) + 1) if n + 1 not in lengths)
    found = NextTokenCounts(text.ngrams, ids)
    assert found.longest_context.length == longest
    for id in range(CHARS.vocab_size):
        follows = [
            n
            for n in range(longest + 1)
            if count(documents, [*after_eos[len(after_eos) - n :], id])
        ]
        length = max(follows, default=0)
        context = after_eos[len(after_eos) - length :]
        of = count(documents, context) if length else sum(map(len, documents))
        assert found.count(id) == (count(documents, [*context, id]), of, length)


@settings(max_examples=60, deadline=None)
@given(
    lines=LINES, ids=IDS, min_tokens=st.integers(1, 4), reading=st.sampled_from(["lines", "text"])
)
def test_copied_spans_are_exactly_the_maximal_substrings(
    lines: list[str], ids: list[int], min_tokens: int, reading: str
) -> None:
    """No span is invented, crosses <eos>, could be longer, or is missing."""
    text = index_lines(lines, reading)
    documents = read_training_part(text.tokens)
    unknown = text.tokenizer.unk_id
    assert unknown is not None

    def occurrences(begin: int, end: int) -> int:
        wanted = ids[begin:end]
        plain = not {SOS, EOS, unknown} & set(wanted)
        return count(documents, wanted) if plain and wanted else 0

    every = [
        (a, b) for a in range(len(ids)) for b in range(a + 1, len(ids) + 1) if occurrences(a, b)
    ]
    maximal = [(a, b) for a, b in every if (a - 1, b) not in every and (a, b + 1) not in every]
    found = find_copies(text.ngrams, ids, min_tokens, unknown)
    spans = [(span.begin, span.end) for span in found.spans]
    assert spans == [(a, b) for a, b in maximal if b - a >= min_tokens]
    for span in found.spans:
        assert span.occurrences.count == occurrences(span.begin, span.end)
        for position in span.occurrences.positions:
            wanted = ids[span.begin : span.end]
            assert text.tokens.ids[position : position + len(wanted)].tolist() == wanted
    check_figures(found, ids, every)


def check_figures(found: CopiedSpans, ids: list[int], every: list[tuple[int, int]]) -> None:
    plain = [id not in (SOS, EOS) for id in ids]
    pairs = [n for n in range(len(ids) - 1) if plain[n] and plain[n + 1]]
    assert found.tokens == sum(plain)
    assert found.longest == max((b - a for a, b in every), default=0)
    assert found.bigrams == len(pairs)
    assert found.new_bigrams == len([n for n in pairs if (n, n + 2) not in every])
    inside = {n for span in found.spans for n in range(span.begin, span.end)}
    assert found.copied == len(inside)
    assert 0 <= found.share <= 1


def test_a_copy_longer_than_the_sorting_depth_is_found_whole(tmp_path: Path) -> None:
    """A memorised page must not be reported as spans of 64 tokens."""
    page = "".join("abcde"[(n * n + n // 7) % 5] for n in range(300))
    text = indexed(tmp_path, f"{'ab' * 200}\n{page}\n{page}c\n", CHARS, "text")
    ids = CHARS.encode(page + "\nd")
    found = text.find_copies(ids, 4)
    assert [(span.begin, span.end) for span in found.spans[:1]] == [(0, 301)]
    assert found.longest == 301
    assert [span.occurrences.count for span in found.spans[:1]] == [1]
    assert text.find_copies(CHARS.encode(page), 4).spans[0].occurrences.count == 2


def test_a_count_with_too_many_candidates_is_a_lower_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing a line that occurs a million times would take seconds."""
    monkeypatch.setattr(ngram_index, "COMPARED_POSITIONS", 5)
    text = indexed(tmp_path, "a" * 300, CHARS, "text")
    found = text.ngrams.find([CHARS.encode("a")[0]] * 80)
    assert found.count <= 5
    assert found.at_least


def test_followers_of_a_frequent_context_are_searched_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting millions of followers at every step would be slow."""
    text = indexed(tmp_path, "ab ac ab ad " * 50, CHARS, "text")
    a, b, c = CHARS.encode("abc")
    expected = [NextTokenCounts(text.ngrams, [a]).count(id) for id in (b, c)]
    monkeypatch.setattr(ngram_index, "COUNTED_POSITIONS", 0)
    monkeypatch.setattr(NgramIndex, "tokens_after", None)
    assert [NextTokenCounts(text.ngrams, [a]).count(id) for id in (b, c)] == expected
    assert expected == [(100, 200, 1), (50, 200, 1)]
