"""From ids back to text, one id at a time, in whole characters only."""

from __future__ import annotations

import codecs

from core.tokenizer.special_tokens import SPECIAL
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.vocabulary import byte_values, unescape_special


class TextStream:
    """Text from ids as they come.

    What is given out, put together, is what `Tokenizer.decode` gives for all of the ids.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, id: int) -> str:
        """The characters that are whole with this id; a word brings the blank before it."""
        if id < len(SPECIAL):
            return ""
        text = self._decoder.decode(bytes_of(self._tokenizer, id))
        if self._tokenizer.kind != "word":
            return text
        blank = " " if self._begun else ""
        self._begun = True
        return blank + text

    def flush(self) -> str:
        """What can still be said at the end: nothing of half a character, which is dropped."""
        self._decoder.reset()
        return ""


def bytes_of(tokenizer: Tokenizer, id: int) -> bytes:
    """The bytes an id stands for, see `Tokenizer.token_bytes`."""
    if id < len(SPECIAL):
        return b""
    unit = tokenizer.units[id]
    if tokenizer.kind == "bpe":
        values = byte_values()
        return bytes(values[character] for character in unit)
    return (unescape_special(unit) if tokenizer.kind == "word" else unit).encode()


def shown(tokenizer: Tokenizer, id: int) -> str:
    """What a person is shown, see `Tokenizer.token_text`."""
    if id < len(SPECIAL):
        return SPECIAL[id]
    raw = bytes_of(tokenizer, id)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"<{raw.hex(' ')}>"
