"""The copied share measured in training equals the share of marked tokens in Chat."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.attribution import overlap
from core.attribution.overlap import CopyRate
from core.tokenizer.special_tokens import EOS, SOS
from tests.support.indexed import CHARS, WORDS, indexed


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.text(alphabet="abc", max_size=12), min_size=1, max_size=230),
    ids=st.lists(st.sampled_from([SOS, EOS, 3, 3, 4, 4, 5, 8]), max_size=14),
    reading=st.sampled_from(["lines", "text"]),
    mixed=st.booleans(),
    chunk=st.sampled_from([1, 2, 7, 1 << 22]),
)
def test_copy_rate_equals_the_share_of_copied_spans(
    lines: list[str], ids: list[int], reading: str, mixed: bool, chunk: int
) -> None:
    """Line ends, validation lines and unknown words must be treated alike."""
    content = "\n".join(" ".join(line) for line in ["a", *lines])
    tokenizer = WORDS if reading == "lines" else CHARS
    text = indexed(Path(tempfile.mkdtemp()), content, tokenizer, reading)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "EXACT_VOCAB_SIZE", 0 if mixed else 1 << 16)
        patch.setattr(overlap, "SCAN_CHUNK_TOKENS", chunk)
        share = CopyRate(text.tokens, tokenizer.unk_id).measure([ids])
    spans = text.find_copies(ids, 4)
    assert share == (pytest.approx(spans.share) if spans.tokens else None)


def test_replies_without_words_do_not_count_in_the_mean(tmp_path: Path) -> None:
    text = indexed(tmp_path, "a b c d e a b")
    words = WORDS.encode("a b c d e")
    rate = CopyRate(text.tokens, WORDS.unk_id)
    assert rate.measure([words, [*words[:2], *words[:2]], [SOS, EOS]]) == pytest.approx(0.5)
    assert rate.measure([[SOS], []]) is None
