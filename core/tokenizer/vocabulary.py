"""Learn, number and validate vocabularies.

Ids: `<pad>` 0, `<sos>` 1, `<eos>` 2, then words or characters in order of first appearance and
`<unk>`, or the 256 bytes and the merges of byte-pair encoding (Sennrich et al., 2016, "Neural
Machine Translation of Rare Words with Subword Units"). In a vocabulary for conversations
`<eos>` is named `<|end|>`, and the role tokens have the last ids. An encoder's has `<mask>` before
those, or as its last id.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.system.files import JsonObject
from core.tokenizer.special_tokens import (
    CHAT_SPECIAL,
    EOS,
    MASK,
    ROLE_TOKENS,
    SPECIAL,
    UNKNOWN,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

Merges = list[tuple[str, str]]

DEFAULT_BPE_VOCAB_SIZE = 2048
MAX_UNITS = 1 << 20
PRUNE_ABOVE_UNITS = 3 << 19
BYTE_COUNT = 256
# The library's names of the model and the decoder of each kind.
_PIPELINES = {
    "word": ("WordLevel", "Sequence"),
    "char": ("BPE", "Fuse"),
    "bpe": ("BPE", "ByteLevel"),
}

# The library identifies special tokens by name. A word of the text with such a name is stored
# with a private character after its first bracket.
_PRIVATE = "\ue000"
# White space to Python but not to Unicode, and so not to the library.
_PYTHON_ONLY_SPACE = re.compile("[\x1c-\x1f]")
_WORD = re.compile("[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def escape_special(unit: str, special: Iterable[str] = SPECIAL) -> str:
    """Return the name under which a word of a text is stored.

    Args:
        special: the names of the vocabulary's special tokens, see `special_names`.
    """
    return _special_pattern(frozenset(special)).sub(f"<{_PRIVATE}", unit)


@cache
def _special_pattern(special: frozenset[str]) -> re.Pattern[str]:
    """Match the first bracket of a special token's name; `<pad>` to `<unk>` always are such."""
    others = (CHAT_SPECIAL[EOS], *ROLE_TOKENS, MASK)
    names = [*SPECIAL, UNKNOWN, *(name for name in others if name in special)]
    return re.compile(rf"<(?=(?:{'|'.join(re.escape(name[1:-1]) for name in names)})>)")


def unescape_special(name: str) -> str:
    """Return the word that is stored under this name."""
    return name.replace(f"<{_PRIVATE}", "<")


def split_words(text: str) -> list[str]:
    """Split a text into words as the library does."""
    return _WORD.findall(text) if _PYTHON_ONLY_SPACE.search(text) else text.split()


def iter_word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each word, in characters."""
    return (match.span() for match in _WORD.finditer(text))


def count_units(kind: str, texts: Iterable[str], vocab_size: int | None) -> list[str]:
    """Return the words or characters of a vocabulary, in order of first appearance.

    If there are more than fit, the most frequent are kept. Beyond 1.5 million distinct ones the
    rare are dropped while counting, to bound memory.

    Raises:
        InputError: the size has no room for any.
    """
    limit = (vocab_size or MAX_UNITS) - len(SPECIAL) - 1
    if limit < 1:
        raise InputError(f"A vocabulary of {vocab_size} is too small.", "Choose at least 5.")
    split = split_words if kind == "word" else list
    counts: dict[str, int] = {}
    for text in texts:
        for unit in split(text):
            counts[unit] = counts.get(unit, 0) + 1
        if len(counts) > PRUNE_ABOVE_UNITS:
            counts = _most_frequent(counts, MAX_UNITS)
    return list(dict.fromkeys(map(escape_special, _most_frequent(counts, limit))))


def _most_frequent(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    """Keep the `limit` highest counts, the first of equal ones, in their order."""
    if len(counts) <= limit:
        return dict(counts)
    frequent = set(heapq.nlargest(limit, counts, key=counts.__getitem__))
    return {unit: count for unit, count in counts.items() if unit in frequent}


def assign_ids(units: Iterable[str]) -> dict[str, int]:
    """Number words or characters, with the special tokens around them."""
    return {unit: id for id, unit in enumerate([*SPECIAL, *units, UNKNOWN])}


def add_roles(ids: Mapping[str, int]) -> dict[str, int]:
    """Return the vocabulary with the special tokens of conversations; their ids are the last."""
    if has_roles(ids):
        return dict(ids)
    names = [*CHAT_SPECIAL, *special_names(ids)[len(SPECIAL) :], *ROLE_TOKENS]
    return {
        **{name: id for id, name in enumerate(CHAT_SPECIAL)},
        **_escape_words(ids, names),
        **{name: len(ids) + place for place, name in enumerate(ROLE_TOKENS)},
    }


def add_mask(ids: Mapping[str, int]) -> dict[str, int]:
    """Return the vocabulary of lines or running text with `<mask>` as its last id.

    Raises:
        InputError: byte-level BPE has learnt a token of this name from the text.
    """
    if has_mask(ids):
        return dict(ids)
    assert not has_roles(ids), "the roles would not be the last ids"
    if MASK in ids and ids.get(UNKNOWN) is None:
        raise InputError(
            f"The text contains {MASK}, which an encoder needs as a special token.",
            "Replace it in the text, or choose another tokenizer: --tokenizer word",
        )
    words = _escape_words(ids, [*SPECIAL, MASK])
    return {**{name: id for id, name in enumerate(SPECIAL)}, **words, MASK: len(ids)}


def _escape_words(ids: Mapping[str, int], special: Iterable[str]) -> dict[str, int]:
    """Return the ids from 3 on; words are stored so as not to be taken for these special names."""
    kept = {UNKNOWN, *special_names(ids)}
    return {
        unit if unit in kept else escape_special(unit, special): id
        for unit, id in ids.items()
        if id >= len(SPECIAL)
    }


def has_roles(ids: Mapping[str, int]) -> bool:
    """Whether a vocabulary has the special tokens of conversations."""
    return ids.get(CHAT_SPECIAL[EOS]) == EOS


def is_same_but_for_mask(ids: Mapping[str, int], masked: Mapping[str, int]) -> bool:
    """Whether a decoder's vocabulary `ids` is that of an encoder, `masked`, without `<mask>`."""
    if has_roles(ids) or not has_mask(masked) or len(ids) != len(masked) - 1:
        return False
    # BPE that has learnt a token of this name from its text has no room for the special one.
    has_room = MASK not in ids or UNKNOWN in ids
    return has_room and add_mask(ids) == dict(masked)


def has_mask(ids: Mapping[str, int]) -> bool:
    """Whether a vocabulary has `<mask>`, after all ids of the text."""
    roles = len(ROLE_TOKENS) if has_roles(ids) else 0
    return ids.get(MASK) == len(ids) - roles - 1


def special_names(ids: Mapping[str, int]) -> list[str]:
    """Return the names of the special tokens of a vocabulary, in the order of their ids."""
    mask = [MASK] if has_mask(ids) else []
    return [*CHAT_SPECIAL, *mask, *ROLE_TOKENS] if has_roles(ids) else [*SPECIAL, *mask]


def train_bpe(texts: Iterable[str], vocab_size: int | None) -> Backend:
    """Train byte-level BPE on texts.

    Raises:
        InputError: the size has no room for all bytes.
    """
    from tokenizers import pre_tokenizers, trainers

    size, minimum = vocab_size or DEFAULT_BPE_VOCAB_SIZE, len(SPECIAL) + BYTE_COUNT
    if size < minimum:
        raise InputError(
            f"A vocabulary of {size} is too small for byte-level BPE.",
            f"Choose at least {minimum}, or the tokenizer char.",
        )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend = build_backend("bpe", {}, [])
    backend.train_from_iterator(texts, trainer)
    return backend


def build_backend(kind: str, ids: Mapping[str, int], merges: Merges | None = None) -> Backend:
    """Build the library's tokenizer of a kind from a vocabulary."""
    from tokenizers import (
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
    )

    if kind == "word":
        backend = Tokenizer(models.WordLevel(dict(ids), unk_token=UNKNOWN))
        pattern = _special_pattern(frozenset(special_names(ids))).pattern
        backend.normalizer = normalizers.Replace(Regex(pattern), f"<{_PRIVATE}")
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        # Puts a space before every word but the first; no word begins with the prefix.
        glue = decoders.WordPiece(prefix=_PRIVATE * 2, cleanup=False)
        backend.decoder = decoders.Sequence([glue, decoders.Replace(f"<{_PRIVATE}", "<")])
    elif kind == "char":
        # BPE without merges is the fastest model for single characters.
        backend = Tokenizer(models.BPE(dict(ids), [], unk_token=UNKNOWN))
        backend.decoder = decoders.Fuse()
    else:
        backend = Tokenizer(models.BPE(dict(ids), merges or []))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    if ids:
        backend.add_special_tokens(special_names(ids))
    backend.encode_special_tokens = True
    return backend


def pipeline_for_others(
    kind: str, before: Mapping[str, int], after: Mapping[str, int]
) -> JsonObject:
    """Return the parts of `tokenizer.json` that serve other programs and are not used here.

    Programs decode a continuation by itself: each word brings the space before it, as here, and so
    does the first word of a whole text.

    Args:
        before, after: special tokens that frame a text, with their ids.
    """
    from tokenizers import Regex, decoders, processors

    parts: JsonObject = {}
    if before or after:
        single = " ".join([*before, "$A", *after])
        template = processors.TemplateProcessing(
            single=single,
            pair=f"{single} {single.replace('$A', '$B:1')}",
            special_tokens=[*before.items(), *after.items()],
        )
        parts["post_processor"] = json.loads(template.__getstate__())
    if kind == "word":
        names = _special_pattern(frozenset(SPECIAL)).pattern
        space = decoders.Replace(Regex(f"^(?!{names})"), " ")
        decoder = decoders.Sequence([space, decoders.Replace(f"<{_PRIVATE}", "<")])
        parts["decoder"] = json.loads(decoder.__getstate__())
    return parts


def parse_vocabulary(value: Any) -> tuple[str, dict[str, int], Merges]:
    """Return kind, vocabulary and merges from the content of `tokenizer.json`.

    Raises:
        ValueError: it was not made by `build_backend`.
    """
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict):
        raise ValueError("it has no vocabulary")
    kind = _parse_kind(model.get("type"), value.get("decoder"))
    ids = _parse_ids(kind, model.get("vocab"))
    return kind, ids, _parse_merges(ids, model.get("merges", []))


def _parse_kind(model: Any, decoder: Any) -> str:
    decoder_type = decoder.get("type") if isinstance(decoder, dict) else None
    for kind, pipeline in _PIPELINES.items():
        if pipeline == (model, decoder_type):
            return kind
    raise ValueError(f"its kind is none of {', '.join(_PIPELINES)}")


def _parse_ids(kind: str, value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError("it has no vocabulary")
    ids: dict[str, int] = value
    numbers = list(ids.values())
    if not all(type(id) is int for id in numbers) or sorted(numbers) != list(range(len(numbers))):
        raise ValueError("its ids do not count from 0")
    names = CHAT_SPECIAL if has_roles(ids) else SPECIAL
    if any(ids.get(name) != id for id, name in enumerate(names)):
        raise ValueError("its special tokens are not 0, 1 and 2")
    roles = ROLE_TOKENS if has_roles(ids) else ()
    end = len(ids) - len(roles)
    if any(ids.get(name) != id for id, name in enumerate(roles, end)):
        raise ValueError("its last tokens are not the roles of a conversation")
    if kind != "bpe" and ids.get(UNKNOWN) != end - 1 - has_mask(ids):
        raise ValueError(f"its last token is not {UNKNOWN}")
    if kind == "bpe" and not byte_values().keys() <= ids.keys():
        raise ValueError("it lacks some bytes")
    return ids


def _parse_merges(ids: Mapping[str, int], merges: Any) -> Merges:
    if not isinstance(merges, list):
        raise ValueError("its merges are not a list")
    for merge in merges:
        is_pair = isinstance(merge, list) and len(merge) == 2 and all(type(m) is str for m in merge)
        if not is_pair or not {merge[0], merge[1], merge[0] + merge[1]} <= ids.keys():
            raise ValueError("its merges do not fit its vocabulary")
    return [(first, second) for first, second in merges]


@cache
def byte_values() -> dict[str, int]:
    """Return the byte that each character of a byte-level BPE token stands for.

    Printable Latin-1 bytes are written as themselves, the others as characters 256, 257, … (the
    encoder of Radford et al., 2019, "Language Models are Unsupervised Multitask Learners").
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(BYTE_COUNT) if byte not in set(printable)]
    shifted = {chr(BYTE_COUNT + number): byte for number, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | shifted
