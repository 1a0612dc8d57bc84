"""How vocabularies are learnt, numbered and checked.

Ids: `<pad>` 0, `<sos>` 1, `<eos>` 2, then words or characters in order of first appearance with
`<unk>` last, or the 256 bytes and the pieces that byte-pair encoding joins (Sennrich et al.,
2016, "Neural Machine Translation of Rare Words with Subword Units").
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.tokenizer.special_tokens import SPECIAL, UNKNOWN

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

Merges = list[tuple[str, str]]

DEFAULT_BPE_VOCAB_SIZE = 2048
MAX_UNITS = 1 << 20
PRUNE_ABOVE_UNITS = 3 << 19
BYTE_COUNT = 256
# The library's names of each kind's model and decoder.
_MADE_OF = {
    "word": ("WordLevel", "Sequence"),
    "char": ("BPE", "Fuse"),
    "bpe": ("BPE", "ByteLevel"),
}

# The library knows its special tokens by their names. A word of the text that has such a name is
# kept under another one, with a private character after its first bracket.
_NAME = re.compile(r"<(?=(?:pad|sos|eos|unk)>)")
_PRIVATE = "\ue000"
# What Python and Unicode (so the library) both take for white space, and what Python alone does.
_ONLY_PYTHON = re.compile("[\x1c-\x1f]")
_WORD = re.compile("[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def escape_special(unit: str) -> str:
    """The name under which the library knows a word of the text."""
    return _NAME.sub(f"<{_PRIVATE}", unit)


def unescape_special(name: str) -> str:
    """The word of the text with this name in the library."""
    return name.replace(f"<{_PRIVATE}", "<")


def split_words(text: str) -> list[str]:
    """The words as the library splits them."""
    return _WORD.findall(text) if _ONLY_PYTHON.search(text) else text.split()


def iter_word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words begin and end."""
    return (found.span() for found in _WORD.finditer(text))


def count_units(kind: str, texts: Iterable[str], vocab_size: int | None) -> list[str]:
    """The words or characters to keep, in order of first appearance.

    When there are more than fit, the most frequent are kept. Of more than one and a half million
    different ones the rare are forgotten on the way, so that memory stays bounded.

    Raises:
        InputError: no place for a single one.
    """
    most = (vocab_size or MAX_UNITS) - len(SPECIAL) - 1
    if most < 1:
        raise InputError(f"A vocabulary of {vocab_size} is too small.", "Choose at least 5.")
    split = split_words if kind == "word" else list
    counts: dict[str, int] = {}
    for text in texts:
        for unit in split(text):
            counts[unit] = counts.get(unit, 0) + 1
        if len(counts) > PRUNE_ABOVE_UNITS:
            counts = _most_frequent(counts, MAX_UNITS)
    return list(dict.fromkeys(map(escape_special, _most_frequent(counts, most))))


def _most_frequent(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """The `most` highest counts, of equal ones the first, in the order they had."""
    if len(counts) <= most:
        return dict(counts)
    kept = set(heapq.nlargest(most, counts, key=counts.__getitem__))
    return {unit: count for unit, count in counts.items() if unit in kept}


def assign_ids(units: Iterable[str]) -> dict[str, int]:
    """The ids of words or characters, with the special ones around them."""
    return {unit: id for id, unit in enumerate([*SPECIAL, *units, UNKNOWN])}


def train_bpe(texts: Iterable[str], vocab_size: int | None) -> Backend:
    """Byte-pair encoding learnt from the texts.

    Raises:
        InputError: no place for all bytes.
    """
    from tokenizers import pre_tokenizers, trainers

    size, least = vocab_size or DEFAULT_BPE_VOCAB_SIZE, len(SPECIAL) + BYTE_COUNT
    if size < least:
        raise InputError(
            f"A vocabulary of {size} is too small for byte-level pieces.",
            f"Choose at least {least}, or the tokenizer char.",
        )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    empty = build_backend("bpe", {}, [])
    empty.train_from_iterator(texts, trainer)
    return empty


def build_backend(kind: str, units: Mapping[str, int], merges: Merges | None = None) -> Backend:
    """The library's tokenizer of a kind with this vocabulary."""
    from tokenizers import (
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
    )

    if kind == "word":
        made = Tokenizer(models.WordLevel(dict(units), unk_token=UNKNOWN))
        made.normalizer = normalizers.Replace(Regex(_NAME.pattern), f"<{_PRIVATE}")
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        # Puts a blank before every word but the first; no word begins with the prefix.
        glue = decoders.WordPiece(prefix=_PRIVATE * 2, cleanup=False)
        made.decoder = decoders.Sequence([glue, decoders.Replace(f"<{_PRIVATE}", "<")])
    elif kind == "char":
        # Byte-pair encoding without merges is the library's quickest way to single characters.
        made = Tokenizer(models.BPE(dict(units), [], unk_token=UNKNOWN))
        made.decoder = decoders.Fuse()
    else:
        made = Tokenizer(models.BPE(dict(units), merges or []))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
    if units:
        made.add_special_tokens(list(SPECIAL))
    made.encode_special_tokens = True
    return made


def parse_vocabulary(value: Any) -> tuple[str, dict[str, int], Merges]:
    """Kind, vocabulary and merges from the content of `tokenizer.json`.

    Raises:
        ValueError: it is not one that `build_backend` made.
    """
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict):
        raise ValueError("it holds no vocabulary")
    kind = _kind(model.get("type"), value.get("decoder"))
    units = _units(kind, model.get("vocab"))
    return kind, units, _merges(units, model.get("merges", []))


def _kind(model: Any, decoder: Any) -> str:
    outer = decoder.get("type") if isinstance(decoder, dict) else None
    for kind, made in _MADE_OF.items():
        if made == (model, outer):
            return kind
    raise ValueError(f"it is of another kind than {', '.join(_MADE_OF)}")


def _units(kind: str, units: Any) -> dict[str, int]:
    if not isinstance(units, dict):
        raise ValueError("it holds no vocabulary")
    found: dict[str, int] = units
    ids = list(found.values())
    if not all(type(id) is int for id in ids) or sorted(ids) != list(range(len(ids))):
        raise ValueError("its ids do not count from 0")
    if any(found.get(name) != id for id, name in enumerate(SPECIAL)):
        raise ValueError("its special tokens are not 0, 1 and 2")
    if kind != "bpe" and found.get(UNKNOWN) != len(found) - 1:
        raise ValueError(f"its last token is not {UNKNOWN}")
    if kind == "bpe" and not byte_values().keys() <= found.keys():
        raise ValueError("it does not hold every byte")
    return found


def _merges(units: Mapping[str, int], merges: Any) -> Merges:
    if not isinstance(merges, list):
        raise ValueError("its merges are no list")
    for merge in merges:
        texts = isinstance(merge, list) and len(merge) == 2 and all(type(m) is str for m in merge)
        if not texts or not {merge[0], merge[1], merge[0] + merge[1]} <= units.keys():
            raise ValueError("its merges do not fit its vocabulary")
    return [(first, second) for first, second in merges]


@cache
def byte_values() -> dict[str, int]:
    """The byte behind each character that byte-level BPE writes for it.

    Printable Latin-1 characters stand for themselves, the others for 256, 257, … in their order
    (Radford et al., 2019, "Language Models are Unsupervised Multitask Learners", their encoder).
    """
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(BYTE_COUNT) if byte not in set(kept)]
    shifted = {chr(BYTE_COUNT + place): byte for place, byte in enumerate(moved)}
    return {chr(byte): byte for byte in kept} | shifted
