"""The share of a reply that was copied, as the trainer says it, is that of the marks in Talk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indexed import CHARS, WORDS, indexed

from core import copyrate
from core.copyrate import four_grams
from core.tokenizer import EOS, SOS


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.text(alphabet="abc", max_size=12), min_size=1, max_size=230),
    ids=st.lists(st.sampled_from([SOS, EOS, 3, 3, 4, 4, 5, 8]), max_size=14),
    reading=st.sampled_from(["lines", "text"]),
    mixed=st.booleans(),
)
def test_it_is_the_share_of_the_marks(
    lines: list[str], ids: list[int], reading: str, mixed: bool
) -> None:
    """Copies over the end of a line, validation lines, unknown words: two numbers for one thing."""
    content = "\n".join(" ".join(line) for line in ["a", *lines])
    tokenizer = WORDS if reading == "lines" else CHARS
    text = indexed(Path(tempfile.mkdtemp()), content, tokenizer, reading)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copyrate, "EXACT", 0 if mixed else 1 << 16)
        grams = four_grams(text.stored, tokenizer.unk_id)
    assert grams is not None
    found = text.copies(ids, 4)
    assert grams.share(ids) == (pytest.approx(found.share) if found.tokens else None)


def test_a_large_text_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gigabytes in the trainer's memory for one number."""
    monkeypatch.setattr(copyrate, "MOST_TOKENS", 5)
    assert four_grams(indexed(tmp_path, "a b c d e a b").stored, None) is None
