"""Decoding ids one at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tokenizer.special_tokens import SOS
from tests.support.vocabularies import BPE, WORD


@given(ids=st.lists(st.integers(0, BPE.vocab_size - 1), max_size=30))
def test_streaming_gives_the_same_text_in_whole_characters(ids: list[int]) -> None:
    """The pieces join to the decoded text, and none corrects an earlier one."""
    stream = BPE.stream()
    pieces = [stream.push(id) for id in ids]
    assert "".join(pieces) == BPE.decode(ids)
    raw = b"".join(BPE.token_bytes(id) for id in ids)
    assert raw.decode(errors="replace").startswith("".join(pieces))


@pytest.mark.parametrize("text", ["你好，世界", "🙂👩‍👩‍👧", "é"])
def test_streaming_never_shows_half_a_character(text: str) -> None:
    """With one byte per id, Chinese must still appear character by character."""
    stream = BPE.stream()
    ids = [
        3 + next(i for i in range(256) if BPE.token_bytes(3 + i) == bytes([b]))
        for b in text.encode()
    ]
    pieces = [stream.push(id) for id in ids]
    assert "\ufffd" not in "".join(pieces)
    assert [piece for piece in pieces if piece] == list(text)
    assert BPE.decode(ids[:-1]) == text[:-1]
    assert all(BPE.token_text(id).startswith("<") for id in ids)


def test_streamed_words_come_with_the_blank_before_them() -> None:
    """A reply is appended to its prompt: only the first word of a text has no blank."""
    ids = WORD.encode("Python is a")
    stream = WORD.stream()
    assert [stream.push(id) for id in ids] == ["Python", " is", " a"]
    assert WORD.stream(after=[SOS, *ids]).push(ids[1]) == " is"
    assert WORD.stream(after=[SOS]).push(ids[1]) == "is"
    assert WORD.decode([WORD.unk_id or 0]) == "<unk>"
