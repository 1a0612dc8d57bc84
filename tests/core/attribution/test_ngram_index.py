"""What a corpus says after some tokens, and which parts of a text stand in it: true, and all."""

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
from tests.support.indexed import CHARS, WORDS, count, indexed, trained

LINES = st.lists(st.text(alphabet="abc ", max_size=12), min_size=1, max_size=260)
IDS = st.lists(st.sampled_from([SOS, EOS, 3, 3, 4, 4, 5, 7]), max_size=14)


def made(lines: list[str], reading: str) -> IndexedText:
    content = "\n".join(" ".join(line) for line in ["a", *lines])
    tokenizer = WORDS if reading == "lines" else CHARS
    return indexed(Path(tempfile.mkdtemp()), content, tokenizer, reading)


@settings(max_examples=40, deadline=None)
@given(lines=LINES, ids=IDS, reading=st.sampled_from(["lines", "text"]))
def test_what_followed_is_counted_as_by_hand(
    lines: list[str], ids: list[int], reading: str
) -> None:
    """Validation lines counted, borders crossed, a count off by one at an edge."""
    text = made(lines, reading)
    parts = trained(text.tokens)
    recent = ids[len(ids) - ids[::-1].index(EOS) :] if EOS in ids else ids
    lengths = [n for n in range(len(recent) + 1) if not n or count(parts, recent[-n:])]
    longest = next(n for n in range(len(recent) + 1) if n + 1 not in lengths)
    found = NextTokenCounts(text.ngrams, ids)
    assert found.longest_context.length == longest
    for id in range(CHARS.vocab_size):
        follows = [n for n in range(longest + 1) if count(parts, [*recent[len(recent) - n :], id])]
        length = max(follows, default=0)
        context = recent[len(recent) - length :]
        of = count(parts, context) if length else sum(map(len, parts))
        assert found.count(id) == (count(parts, [*context, id]), of, length)


@settings(max_examples=60, deadline=None)
@given(lines=LINES, ids=IDS, least=st.integers(1, 4), reading=st.sampled_from(["lines", "text"]))
def test_every_mark_is_a_true_substring_and_none_is_missed(
    lines: list[str], ids: list[int], least: int, reading: str
) -> None:
    """A span that stands nowhere, crosses a border, could be longer, or was left out."""
    text = made(lines, reading)
    parts = trained(text.tokens)
    unknown = text.tokenizer.unk_id
    assert unknown is not None

    def stands(begin: int, end: int) -> int:
        wanted = ids[begin:end]
        plain = not {SOS, EOS, unknown} & set(wanted)
        return count(parts, wanted) if plain and wanted else 0

    every = [(a, b) for a in range(len(ids)) for b in range(a + 1, len(ids) + 1) if stands(a, b)]
    maximal = [(a, b) for a, b in every if (a - 1, b) not in every and (a, b + 1) not in every]
    found = find_copies(text.ngrams, ids, least, unknown)
    spans = [(span.begin, span.end) for span in found.spans]
    assert spans == [(a, b) for a, b in maximal if b - a >= least]
    for span in found.spans:
        assert span.occurrences.count == stands(span.begin, span.end)
        for place in span.occurrences.positions:
            wanted = ids[span.begin : span.end]
            assert text.tokens.ids[place : place + len(wanted)].tolist() == wanted
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


def test_a_copy_longer_than_the_sorting_is_found_whole(tmp_path: Path) -> None:
    """A page learnt by heart marked as a row of pieces of 64 tokens."""
    page = "".join("abcde"[(n * n + n // 7) % 5] for n in range(300))
    text = indexed(tmp_path, f"{'ab' * 200}\n{page}\n{page}c\n", CHARS, "text")
    ids = CHARS.encode(page + "\nd")
    found = text.find_copies(ids, 4)
    assert [(span.begin, span.end) for span in found.spans[:1]] == [(0, 301)]
    assert found.longest == 301
    assert [span.occurrences.count for span in found.spans[:1]] == [1]
    assert text.find_copies(CHARS.encode(page), 4).spans[0].occurrences.count == 2


def test_a_count_of_very_many_equal_beginnings_says_that_it_is_a_lower_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds of comparing a line that stands there a million times."""
    monkeypatch.setattr(ngram_index, "COMPARED_POSITIONS", 5)
    text = indexed(tmp_path, "a" * 300, CHARS, "text")
    found = text.ngrams.find([CHARS.encode("a")[0]] * 80)
    assert found.count <= 5
    assert found.at_least


def test_a_context_of_millions_is_searched_rather_than_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frequent token whose followers are counted one by one at every step."""
    text = indexed(tmp_path, "ab ac ab ad " * 50, CHARS, "text")
    a, b, c = CHARS.encode("abc")
    expected = [NextTokenCounts(text.ngrams, [a]).count(id) for id in (b, c)]
    monkeypatch.setattr(ngram_index, "COUNTED_POSITIONS", 0)
    monkeypatch.setattr(NgramIndex, "tokens_after", None)
    assert [NextTokenCounts(text.ngrams, [a]).count(id) for id in (b, c)] == expected
    assert expected == [(100, 200, 1), (50, 200, 1)]
