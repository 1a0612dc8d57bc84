"""A vocabulary in the terms of llama.cpp: same ids, same texts, and merges that go no further."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export.llama_vocabulary import (
    CONTROL,
    NORMAL,
    OTHER_SPACES,
    UNUSED_MERGE,
    llama_vocabulary,
    space_table,
)
from core.tokenizer import vocabulary
from core.tokenizer.tokenizer import CHAT_TEMPLATE, Tokenizer

TEXT = "naïve 中文 😀 cafés\n"
BYTES = vocabulary.byte_values()


def _merge(text: str, merges: tuple[str, ...]) -> list[str]:
    """Byte-pair encoding of a text as llama.cpp does it: the first of the merges is done first."""
    names = {byte: character for character, byte in BYTES.items()}
    parts = [names[byte] for byte in text.encode()]
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
    while True:
        pairs = [(ranks.get(pair, len(ranks)), i) for i, pair in enumerate(pairwise(parts))]
        rank, place = min(pairs, default=(len(ranks), 0))
        if rank == len(ranks):
            return parts
        parts[place : place + 2] = ["".join(parts[place : place + 2])]


@given(st.text(alphabet=sorted(set(TEXT)), max_size=12))
def test_merges_of_characters_put_each_together_and_nothing_else(text: str) -> None:
    tokenizer = Tokenizer.train("char", [TEXT])
    words = llama_vocabulary(tokenizer, "text")
    ids = {token: id for id, token in enumerate(words.tokens)}
    assert [ids[part] for part in _merge(text, words.merges)] == tokenizer.encode(text)


def test_a_character_is_written_byte_by_byte_and_the_unknown_one_by_its_name() -> None:
    tokenizer = Tokenizer.train("char", [TEXT])
    words = llama_vocabulary(tokenizer, "text")
    for id in tokenizer.unit_ids:
        assert bytes(BYTES[c] for c in words.tokens[id]) == tokenizer.token_bytes(id)
    assert words.tokens[tokenizer.unk_id or 0] == "<unk>"
    assert words.types[tokenizer.unk_id or 0] == NORMAL


def test_an_ascii_vocabulary_has_a_merge_that_no_text_can_use() -> None:
    words = llama_vocabulary(Tokenizer.train("char", ["abc"]), "lines")
    assert words.merges == (UNUSED_MERGE,)
    unused = bytes(BYTES[c] for c in UNUSED_MERGE.replace(" ", ""))
    with pytest.raises(UnicodeDecodeError):
        unused.decode()


def test_words_carry_the_blank_before_them_and_special_names_are_only_special() -> None:
    tokenizer = Tokenizer.train("word", ["the cat said <eos> and <unk>"])
    words = llama_vocabulary(tokenizer, "lines")
    assert words.tokens[:4] == ("<pad>", "<sos>", "<eos>", "\u2581the")
    assert "\u2581<eos>" in words.tokens
    assert words.types[:4] == (CONTROL, CONTROL, CONTROL, NORMAL)
    assert len(set(words.tokens)) == len(words.tokens)
    assert words.unknown == tokenizer.unk_id
    unknown = words.tokens[tokenizer.unk_id or 0]
    assert unknown == "<unk>", "the text's own word has the name with the blank"
    plain = llama_vocabulary(Tokenizer.train("word", ["the cat"]), "lines")
    assert plain.tokens[-1] == "\u2581<unk>"


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
@pytest.mark.parametrize(
    ("reading", "start", "add_start"),
    [("lines", 1, True), ("text", 2, False), ("conversations", 1, True)],
)
def test_lines_and_conversations_begin_with_a_token_of_their_own(
    reading: str, start: int, add_start: bool, kind: str
) -> None:
    tokenizer = Tokenizer.train(kind, ["a cat"])
    if reading == "conversations":
        tokenizer = tokenizer.with_roles()
    words = llama_vocabulary(tokenizer, reading)
    assert (words.start, words.add_start, words.end, words.padding) == (start, add_start, 2, 0)
    assert words.suppressed == tokenizer.never_generated
    assert words.chat_template == (CHAT_TEMPLATE if reading == "conversations" else None)
    assert (words.model, words.pre) == (("t5", None) if kind == "word" else ("gpt2", "gpt-2"))


def _longest_prefix(table: bytes, text: bytes) -> tuple[int, bytes] | None:
    """Look a prefix up as sentencepiece does; its length and what replaces it."""
    (size,) = struct.unpack_from("<I", table)
    units = struct.unpack_from(f"<{size // 4}I", table, 4)
    replacements = table[4 + size :]

    def base(unit: int) -> int:
        return (unit >> 10) << ((unit & 1 << 9) >> 6)

    node, found = base(units[0]), None
    for length, byte in enumerate(text, 1):
        node ^= byte
        unit = units[node]
        if unit & (1 << 31 | 0xFF) != byte:
            break
        node ^= base(unit)
        if unit >> 8 & 1:
            offset = units[node] & ~(1 << 31)
            found = length, replacements[offset : replacements.index(b"\0", offset)]
    return found


@pytest.mark.parametrize("space", OTHER_SPACES, ids=ascii)
def test_the_table_replaces_every_white_space_that_separates_words(space: str) -> None:
    table = space_table()
    assert _longest_prefix(table, f"{space}cat".encode()) == (len(space.encode()), b" ")
    assert vocabulary.split_words(f"a{space}b") == ["a", "b"]


@given(st.characters(exclude_categories=["Cs"]))
def test_the_table_replaces_nothing_else(character: str) -> None:
    replaced = _longest_prefix(space_table(), character.encode() + b"cat")
    assert (replaced is not None) == (character in OTHER_SPACES)
    if character != " ":
        assert (replaced is not None) == (vocabulary.split_words(f"a{character}b") == ["a", "b"])
