"""Small corpora with their index, and plain searches to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.attribution.attribution import IndexedText
from core.attribution.corpus_index import build_index, training_positions
from core.dataset.token_store import TokenFile, build_tokens
from core.paths import find_home
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.texts import corpus_of_file, write

WORDS = Tokenizer.train("word", ["a b c d e"])
CHARS = Tokenizer.train("char", ["abcde \n"])


def indexed(
    folder: Path,
    content: str | bytes,
    tokenizer: Tokenizer = WORDS,
    reading: str = "lines",
    name: str = "a.txt",
    **codec: str,
) -> IndexedText:
    """Build a text with its index; `codec` are the fields `encoding` and `errors`."""
    home = find_home(folder / "home")
    corpus = corpus_of_file(write(folder / name, content), **codec)
    tokens = build_tokens(corpus, reading, tokenizer, home)
    return IndexedText(
        corpus, tokenizer, tokens, tokens.folder, build_index(tokens.folder, tokens, corpus)
    )


def read_training_part(tokens: TokenFile) -> list[list[int]]:
    """Return the documents or lines of the training part."""
    blocks, _ = training_positions(tokens)
    parts: list[list[int]] = [[]]
    for position in (int(position) for block in blocks() for position in block):
        id = int(tokens.ids[position])
        parts[-1].append(id)
        if id == EOS:
            parts.append([])
    return [part for part in parts if part]


def count(parts: list[list[int]], sequence: Sequence[int]) -> int:
    """Count a sequence in all parts."""
    size = len(sequence)
    return sum(
        part[begin : begin + size] == list(sequence)
        for part in parts
        for begin in range(len(part) - size + (size > 0))
    )
