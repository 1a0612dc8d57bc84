"""A tokenizer in the terms of llama.cpp, with the same ids for the same text.

- Byte-level BPE is its model "gpt2", whose pre-tokenizer "gpt-2" splits as ours does.
- Characters are byte-level BPE, too: the merges put the bytes of each character together, and
  nothing else.
- Words are its model "t5" (unigram), which collapses spaces and begins every word with one: a
  word is one token with the space before it. A table replaces every other white space by a space.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and the behaviour of llama.cpp.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cache

from core.export.targets import BLANK_SIGN
from core.model.gguf_names import CONTROL, NORMAL
from core.text.corpus import CHAT_READINGS
from core.tokenizer import vocabulary
from core.tokenizer.special_tokens import EOS, PAD, SOS, UNKNOWN, start_id
from core.tokenizer.tokenizer import CHAT_TEMPLATE, Tokenizer

# llama.cpp requires merges. Two bytes that no UTF-8 text contains, so that it never applies.
UNUSED_MERGE = "À À"
# The white space that separates words, other than U+0020.
OTHER_SPACES = (
    "\t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


BLOCK_UNITS = 256  # nodes of the trie in `space_table`, one for each byte
LEAF_BIT, BASE_SHIFT = 8, 10


@dataclass(frozen=True)
class LlamaVocabulary:
    """The fields `tokenizer.ggml.…` of a GGUF file.

    Attributes:
        model, pre: names of the tokenizer and of its pre-tokenizer; the latter only of "gpt2".
        tokens, types: text and type of every id.
        merges: of "gpt2", each as two pieces with a space between.
        spaces: of "t5", the table that replaces white space.
        start: the id before a text.
        add_start: whether it is put before every text.
        unknown: the id of words outside the vocabulary, of "t5".
        suppressed: ids that never follow a text.
        chat_template: of a run on conversations or pairs, else None.
        end, padding: the ids after a text and of a batch's padding.
    """

    model: str
    pre: str | None
    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]
    spaces: bytes | None
    start: int
    add_start: bool
    unknown: int | None
    suppressed: tuple[int, ...]
    chat_template: str | None
    end: int = EOS
    padding: int = PAD


def llama_vocabulary(tokenizer: Tokenizer, reading: str) -> LlamaVocabulary:
    """Re-encode a tokenizer; `core.export.targets.check_tokenizer` refuses what cannot be.

    Args:
        reading: how the corpus is cut, one of `core.text.corpus.READINGS`.
    """
    is_word = tokenizer.kind == "word"
    start = start_id(reading)
    return LlamaVocabulary(
        model="t5" if is_word else "gpt2",
        pre=None if is_word else "gpt-2",
        tokens=tuple(_token_text(tokenizer, id) for id in range(tokenizer.vocab_size)),
        types=tuple(
            CONTROL if tokenizer.is_special(id) else NORMAL for id in range(tokenizer.vocab_size)
        ),
        merges=() if is_word else _merges(tokenizer),
        spaces=space_table() if is_word else None,
        start=start,
        add_start=start == SOS,
        unknown=tokenizer.unk_id if is_word else None,
        suppressed=tokenizer.never_generated,
        chat_template=CHAT_TEMPLATE if reading in CHAT_READINGS else None,
    )


def _token_text(tokenizer: Tokenizer, id: int) -> str:
    unit = tokenizer.units[id]
    if tokenizer.is_special(id) or tokenizer.kind == "bpe":
        return unit
    if tokenizer.kind == "word":
        if id == tokenizer.unk_id and tokenizer.id_of(UNKNOWN) is not None:
            return UNKNOWN  # the text has a word of this name, and names must differ
        return BLANK_SIGN + vocabulary.unescape_special(unit)
    # The text "<unk>" of the unknown character is written as it is: no merges lead to it.
    return "".join(_byte_characters()[byte] for byte in unit.encode())


def _merges(tokenizer: Tokenizer) -> tuple[str, ...]:
    if tokenizer.kind == "bpe":
        pairs = json.loads(tokenizer.to_json())["model"]["merges"]
        return tuple(" ".join(pair) for pair in pairs) or (UNUSED_MERGE,)
    merges = dict.fromkeys([UNUSED_MERGE])
    for id in range(tokenizer.vocab_size):
        text = _token_text(tokenizer, id)
        if not tokenizer.is_special(id) and id != tokenizer.unk_id:
            # From the first byte on, so that no merge reaches into the next character.
            merges |= {f"{text[:end]} {text[end]}": None for end in range(1, len(text))}
    return tuple(merges)


@cache
def _byte_characters() -> dict[int, str]:
    """The character that stands for each byte."""
    return {byte: character for character, byte in vocabulary.byte_values().items()}


def space_table() -> bytes:
    """The normaliser of a "t5" vocabulary that replaces `OTHER_SPACES` by a space.

    A trie of their UTF-8 bytes in a double array, then the replacements, each ended by a NUL. The
    child of node i for byte c is node i ^ base(i) ^ c. Here every inner node has a block of 256
    nodes of its own for its children, and all leaves share one value: the offset of the space.
    Source: S. Kanda et al. 2018, and the format of sentencepiece.
    """
    sequences = [space.encode() for space in OTHER_SPACES]
    prefixes = sorted({sequence[:end] for sequence in sequences for end in range(len(sequence))})
    block = {prefix: BLOCK_UNITS * number for number, prefix in enumerate(prefixes)}
    value = BLOCK_UNITS * len(prefixes)
    units = [0] * (value + BLOCK_UNITS)
    for sequence in sequences:
        for end in range(1, len(sequence) + 1):
            node = block[sequence[: end - 1]] + sequence[end - 1]
            is_leaf = end == len(sequence)
            base = node ^ (value if is_leaf else block[sequence[:end]])
            units[node] = sequence[end - 1] | is_leaf << LEAF_BIT | base << BASE_SHIFT
    units[value] = 1 << 31  # the space is at offset 0 of the replacements
    array = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(array)) + array + b" \0"
