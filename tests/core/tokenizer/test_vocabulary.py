"""Vocabularies: numbering, size limits, and the distinction from special tokens."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import InputError
from core.tokenizer import vocabulary
from core.tokenizer.special_tokens import SPECIAL
from core.tokenizer.tokenizer import Tokenizer
from tests.support.vocabularies import BPE


def test_words_and_characters_are_numbered_by_first_appearance() -> None:
    """As in the tutorial: words from 3 on, <unk> last."""
    tokenizer = Tokenizer.train("word", ["b a", "a c b"])
    assert [tokenizer.token_text(id) for id in range(7)] == [*SPECIAL, "b", "a", "c", "<unk>"]
    assert (tokenizer.vocab_size, tokenizer.unk_id) == (7, 6)
    tokenizer = Tokenizer.train("char", ["ba", "abc"])
    assert [tokenizer.token_text(id) for id in range(7)] == [*SPECIAL, "b", "a", "c", "<unk>"]


@pytest.mark.parametrize("kind", ["word", "char"])
def test_a_size_limit_keeps_the_most_frequent_in_order(kind: str) -> None:
    """The rest is <unk>; of equally frequent ones the first stay."""
    text = " ".join("edcbacba")
    tokenizer = Tokenizer.train(kind, [text if kind == "word" else text.replace(" ", "")], 7)
    assert [tokenizer.token_text(id) for id in range(3, 7)] == ["c", "b", "a", "<unk>"]
    assert tokenizer.encode("d")[0] == tokenizer.unk_id


def test_bpe_contains_every_byte_and_respects_its_size() -> None:
    """Any text can be encoded, so there is no <unk>."""
    assert BPE.unk_id is None
    assert BPE.vocab_size <= 300
    assert {BPE.token_bytes(id) for id in range(3, 259)} == {bytes([n]) for n in range(256)}
    assert Tokenizer.train("bpe", ["x"]).vocab_size == 259


@pytest.mark.parametrize(("kind", "size"), [("bpe", 258), ("word", 4), ("char", 4)])
def test_sizes_that_are_too_small_are_refused(kind: str, size: int) -> None:
    """The error names the minimum."""
    with pytest.raises(InputError, match="at least"):
        Tokenizer.train(kind, ["a b"], size)


def test_rare_words_are_dropped_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of serial numbers must not fill the memory."""
    monkeypatch.setattr(vocabulary, "PRUNE_ABOVE_UNITS", 50)
    monkeypatch.setattr(vocabulary, "MAX_UNITS", 10)
    texts = (f"often w{n} common" for n in range(1000))
    units = vocabulary.count_units("word", texts, None)
    assert {"often", "common"} <= set(units)
    assert len(units) == 10 - 4


@given(text=st.text(alphabet="ab \t\x1c\x1f\x85\xa0\u2028\u200b\u3000<eos>", max_size=20))
def test_words_are_split_as_in_the_library(text: str) -> None:
    """Python and the library disagree on some white space; counted words must be encodable."""
    assume(text.strip())
    tokenizer = Tokenizer.train("word", [text])
    assert tokenizer.unk_id not in tokenizer.encode(text)


def test_escaped_special_names_collide_with_no_other_word() -> None:
    """A word with the private character itself must not get a second id."""
    tokenizer = Tokenizer.train("word", ["<eos> <\ue000eos> x"])
    assert tokenizer.vocab_size == len(tokenizer.units) == 6
    assert tokenizer.encode("<eos> x") == [3, 4]
