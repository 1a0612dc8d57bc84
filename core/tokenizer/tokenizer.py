"""What turns text into token ids and back: words, characters, or byte-level BPE.

Over the `tokenizers` library, loaded when a tokenizer is made. Ids 0, 1, 2 are special and never
come out of a text: `<eos>` written in a text is text. Nothing is guessed when loading: the
vocabulary is read from `tokenizer.json` and everything around it is built here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DamagedError, InputError
from core.system.files import read_regular_file, write_atomic, write_json
from core.tokenizer.special_tokens import UNKNOWN

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

    from core.tokenizer.decoding import TextStream

KINDS = ("word", "char", "bpe")
TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<pad>",
    "bos_token": "<sos>",
    "eos_token": "<eos>",
    # As here: what looks like a special token in a text is text.
    "split_special_tokens": True,
    "clean_up_tokenization_spaces": False,
}


class Tokenizer:
    """A trained tokenizer.

    Attributes:
        kind: "word" (white space parts them), "char" or "bpe".
        vocab_size: number of ids, the special ones included.
        unk_id: the id of what is not in the vocabulary; None for "bpe", which needs none.
        backend: the library's object.
    """

    def __init__(self, kind: str, backend: Backend) -> None:
        assert kind in KINDS
        self.kind = kind
        self.backend = backend
        self.vocab_size: int = backend.get_vocab_size()
        self.unk_id: int | None = None if kind == "bpe" else self.vocab_size - 1

    @classmethod
    def train(cls, kind: str, texts: Iterable[str], vocab_size: int | None = None) -> Tokenizer:
        """A tokenizer for these texts.

        Args:
            texts: for "word" and "char" all of the corpus, in its order.
            vocab_size: most ids; None is 2048 for "bpe" and about a million for the others.

        Raises:
            InputError: a size too small for this kind.
        """
        from core.tokenizer import vocabulary

        if kind == "bpe":
            return cls(kind, vocabulary.train_bpe(texts, vocab_size))
        units = vocabulary.count_units(kind, texts, vocab_size)
        return cls(kind, vocabulary.build_backend(kind, vocabulary.assign_ids(units)))

    def encode(self, text: str) -> list[int]:
        """The ids of a text; what a vocabulary does not hold becomes `unk_id`.

        Raises:
            InputError: the text holds half a character (a lone surrogate).
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, made by several threads at once where there are many texts."""
        try:
            found = self.backend.encode_batch_fast(texts, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise _half_character(texts, error) from None
        return [encoding.ids for encoding in found]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The characters of a text that each of its tokens stands for: begin and end.

        Raises:
            InputError: the text holds half a character.
        """
        try:
            found: list[tuple[int, int]] = self.backend.encode(
                text, add_special_tokens=False
            ).offsets
        except (TypeError, UnicodeEncodeError) as error:
            raise _half_character([text], error) from None
        return found

    def encode_prompt(self, text: str) -> list[int]:
        """The ids of a prompt.

        Raises:
            UnknownWordError: words (characters) that the vocabulary does not hold.
        """
        ids = self.encode(text)
        if self.unk_id is not None and self.unk_id in ids:
            from core.tokenizer.unknown_words import unknown_word_error

            raise unknown_word_error(self, text)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; special ones are left out, so is half a character at the end."""
        stream = self.stream()
        return "".join([stream.push(id) for id in ids]) + stream.flush()

    def stream(self, after: Iterable[int] = ()) -> TextStream:
        """A decoder of one id at a time, for text that follows the ids `after`."""
        from core.tokenizer.decoding import TextStream

        stream = TextStream(self)
        for id in after:
            stream.push(id)
        return stream

    def token_text(self, id: int) -> str:
        """What a person is shown for an id: the word, the piece, `<eos>`, or bytes as `<e4 bd>`."""
        from core.tokenizer.decoding import shown

        return shown(self, id)

    def token_bytes(self, id: int) -> bytes:
        """The bytes an id stands for; none for a special one; of a word without blanks."""
        from core.tokenizer.decoding import bytes_of

        return bytes_of(self, id)

    def id_of(self, unit: str) -> int | None:
        """The id of a word or character as it stands in a text; None if there is none."""
        from core.tokenizer.vocabulary import escape_special

        found: int | None = self.backend.token_to_id(escape_special(unit))
        return found

    @cached_property
    def units(self) -> list[str]:
        """Every token as the vocabulary holds it, by id."""
        vocabulary = self.backend.get_vocab()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    @cached_property
    def names(self) -> list[str]:
        """What a person is shown for every id, see `token_text`."""
        return [self.token_text(id) for id in range(self.vocab_size)]

    def to_json(self) -> str:
        """The content of `tokenizer.json`; the same for equal tokenizers."""
        text: str = self.backend.to_str()
        return text

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json` and `tokenizer_config.json`, which `transformers` loads too.

        Raises:
            OSError: one of them could not be written; it is as it was.
        """
        unknown = {} if self.unk_id is None else {"unk_token": UNKNOWN}
        # The tokenizer last: where it is, both are, also after a kill in between.
        write_json(folder / CONFIG_FILE, _CONFIG | unknown)
        write_atomic(folder / TOKENIZER_FILE, self.to_json().encode())

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """The tokenizer saved in a folder.

        Raises:
            DamagedError: it is not there, or is none of ours.
        """
        path = folder / TOKENIZER_FILE
        try:
            return cls.from_json(read_regular_file(path))
        except FileNotFoundError as error:
            raise DamagedError(f"The tokenizer {path} is missing: {error.strerror}.") from None
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"The tokenizer {path} cannot be used: {error}.") from None

    @classmethod
    def from_json(cls, data: bytes) -> Tokenizer:
        """The tokenizer whose `to_json` this is.

        Raises:
            ValueError: it is not one of ours.
        """
        from core.tokenizer import vocabulary

        kind, units, merges = vocabulary.parse_vocabulary(json.loads(data.decode()))
        return cls(kind, vocabulary.build_backend(kind, units, merges))


def _half_character(texts: Sequence[str], error: Exception) -> Exception:
    """The error for a lone surrogate, which no UTF-8 text can hold; any other stays."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as found:
            return InputError(
                f"There is half a character at position {found.start} of the text "
                f"{text[:20].encode('ascii', 'replace').decode()!r}.",
                "Write it in UTF-8.",
            )
    return error
