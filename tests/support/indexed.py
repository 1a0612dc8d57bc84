"""For tests of what stands in a corpus: small corpora with their index, and slow plain answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.attribution.attribution import IndexedText
from core.attribution.corpus_index import build_index, training_positions
from core.dataset import token_store
from core.dataset.token_store import TokenFile
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
    """A text of this content with its index; `codec` is its encoding, and what errors do."""
    home = find_home(folder / "home")
    corpus = corpus_of_file(write(folder / name, content), **codec)
    stored = token_store.build_tokens(corpus, reading, tokenizer, home)
    (place,) = (home.cache / "tokens").iterdir()
    index = build_index(place, stored, corpus)
    return IndexedText(corpus, tokenizer, stored, place, index)


def trained(stored: TokenFile) -> list[list[int]]:
    """The documents or lines of the training part."""
    source, _ = training_positions(stored)
    chosen = [int(place) for piece in source() for place in piece]
    found: list[list[int]] = [[]]
    for place in chosen:
        id = int(stored.ids[place])
        found[-1].append(id)
        if id == EOS:
            found.append([])
    return [part for part in found if part]


def count(parts: list[list[int]], wanted: Sequence[int]) -> int:
    """How often a sequence stands in any of the parts."""
    size, sought = len(wanted), list(wanted)
    return sum(
        part[begin : begin + size] == sought
        for part in parts
        for begin in range(len(part) - size + (size > 0))
    )
