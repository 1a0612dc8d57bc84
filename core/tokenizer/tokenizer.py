"""Word, character and byte-level BPE tokenizers, and streaming from ids back to text.

Built on the `tokenizers` library, which is imported when a tokenizer is made. Ids 0, 1 and 2 are
special tokens and never come from a text: a literal `<eos>` in a text is text. Loading reads only
the vocabulary and the merges from `tokenizer.json`; the rest of the pipeline is built here. The
files also hold what other programs need: <sos> before lines, and which tokens are special.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DamagedError, InputError
from core.system.files import read_regular_file, write_atomic, write_json
from core.text.corpus import CHAT_READINGS
from core.tokenizer import vocabulary
from core.tokenizer.special_tokens import (
    CHAT_SPECIAL,
    EOS,
    MASK,
    NEVER_GENERATED,
    PAD,
    ROLE_TOKENS,
    SOS,
    SPECIAL,
    UNKNOWN,
    RoleIds,
    start_id,
)
from core.tokenizer.unknown_words import UnknownWordError, find_nearest_words

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

KINDS = ("word", "char", "bpe")
TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
# The ids of `core.tokenizer.chat_format`, for `apply_chat_template` of `transformers`.
CHAT_TEMPLATE = (
    "{{ '<sos>' }}"
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<pad>",
    "eos_token": "<eos>",
    # Converters and evaluation harnesses look special tokens up by encoding their names.
    "split_special_tokens": False,
    "clean_up_tokenization_spaces": False,
}


class Tokenizer:
    """A trained tokenizer.

    Attributes:
        kind: "word" (separated by white space), "char" or "bpe".
        vocab_size: number of ids, special tokens included.
        unk_id: the id of unknown words or characters; None for "bpe", which has none.
        mask_id: the id of `<mask>`; None unless it is for an encoder.
        roles: the ids that begin messages; None unless it is for conversations.
        backend: the tokenizer of the library.
    """

    def __init__(self, kind: str, backend: Backend) -> None:
        assert kind in KINDS
        self.kind = kind
        self.backend = backend
        self.vocab_size: int = backend.get_vocab_size()
        has_roles = backend.token_to_id(CHAT_SPECIAL[EOS]) == EOS
        first = self.vocab_size - len(ROLE_TOKENS)
        self.roles = RoleIds(first, first + 1, first + 2) if has_roles else None
        unit_count = first if has_roles else self.vocab_size
        has_mask = backend.token_to_id(MASK) == unit_count - 1
        self.mask_id: int | None = unit_count - 1 if has_mask else None
        unit_count -= has_mask
        self.unk_id: int | None = None if kind == "bpe" else unit_count - 1

    @classmethod
    def train(cls, kind: str, texts: Iterable[str], vocab_size: int | None = None) -> Tokenizer:
        """Train a tokenizer on texts.

        Args:
            texts: for "word" and "char" all of the corpus, in its order.
            vocab_size: the most ids; by default 2048 for "bpe" and about a million otherwise.

        Raises:
            InputError: the size is too small for this kind.
        """
        if kind == "bpe":
            return cls(kind, vocabulary.train_bpe(texts, vocab_size))
        units = vocabulary.count_units(kind, texts, vocab_size)
        return cls(kind, vocabulary.build_backend(kind, vocabulary.assign_ids(units)))

    def with_roles(self) -> Tokenizer:
        """Return it with the special tokens of conversations, the roles after all other ids."""
        return self if self.roles else self._extend(vocabulary.add_roles)

    def with_mask(self) -> Tokenizer:
        """Return it with `<mask>`, for an encoder; not for a tokenizer with roles.

        Raises:
            InputError: byte-level BPE has learnt a token of this name.
        """
        return self if self.mask_id is not None else self._extend(vocabulary.add_mask)

    def _extend(self, add: Callable[[Mapping[str, int]], dict[str, int]]) -> Tokenizer:
        """Return it with the vocabulary that `add` makes of its own."""
        _, ids, merges = vocabulary.parse_vocabulary(json.loads(self.to_json()))
        return Tokenizer(self.kind, vocabulary.build_backend(self.kind, add(ids), merges))

    @property
    def is_imported(self) -> bool:
        """Whether it is another program's, see `core.tokenizer.imported`."""
        return False

    @property
    def no_target(self) -> int:
        """What stands for a token that is not to be predicted: an id that no text has."""
        return PAD

    @property
    def end_ids(self) -> frozenset[int]:
        """The ids that end a text or a message."""
        return frozenset((EOS,))

    @property
    def eos_id(self) -> int:
        """The id that ends a text or a message in training."""
        return EOS

    def start_id(self, reading: str) -> int:
        """Return the id before the first token of a text, see `core.tokenizer.special_tokens`."""
        return start_id(reading)

    def has_start(self, reading: str) -> bool:
        """Whether every text begins with its start id; else only an empty one does."""
        return start_id(reading) == SOS

    @property
    def special_ids(self) -> dict[str, int | None]:
        """The ids of padding, start and end by their names in config.json."""
        return {"pad_token_id": PAD, "bos_token_id": SOS, "eos_token_id": EOS}

    @property
    def never_generated(self) -> tuple[int, ...]:
        """The ids that never follow a text: <pad>, <sos>, <mask> and the roles."""
        mask = () if self.mask_id is None else (self.mask_id,)
        return (*NEVER_GENERATED, *mask, *(self.roles or ()))

    @property
    def unit_ids(self) -> range:
        """The ids of words, characters or pieces: all but special tokens and <unk>."""
        ends = (self.unk_id, self.mask_id, self.roles and self.roles.system, self.vocab_size)
        return range(len(SPECIAL), next(end for end in ends if end is not None))

    def is_special(self, id: int) -> bool:
        """Whether an id is a special token."""
        return id < len(SPECIAL) or id in self._last_special_ids

    @cached_property
    def _last_special_ids(self) -> range:
        first = self.mask_id if self.mask_id is not None else self.roles and self.roles.system
        return range(self.vocab_size if first is None else first, self.vocab_size)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, `unk_id` for what the vocabulary lacks.

        Raises:
            InputError: the text contains half a character (a lone surrogate).
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text; many texts are encoded by several threads."""
        try:
            encodings = self.backend.encode_batch_fast(texts, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise _surrogate_error(texts, error) from None
        return [encoding.ids for encoding in encodings]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the range of characters (begin, end) of each token of a text.

        Raises:
            InputError: the text contains half a character (a lone surrogate).
        """
        try:
            encoding = self.backend.encode(text, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise _surrogate_error([text], error) from None
        offsets: list[tuple[int, int]] = encoding.offsets
        return offsets

    def encode_prompt(self, text: str) -> list[int]:
        """Return the ids of a prompt.

        Raises:
            UnknownWordError: the vocabulary lacks words or characters of it.
        """
        ids = self.encode(text)
        if self.unk_id is not None and self.unk_id in ids:
            raise self._unknown_word_error(text)
        return ids

    def _unknown_word_error(self, text: str) -> UnknownWordError:
        is_word = self.kind == "word"
        units = vocabulary.split_words(text) if is_word else list(text)
        missing = [unit for unit in dict.fromkeys(units) if self.id_of(unit) is None]
        if not is_word:
            return UnknownWordError("character", {unit: [] for unit in missing})
        known = [
            vocabulary.unescape_special(name) for name in self.units[len(SPECIAL) : self.unk_id]
        ]
        return UnknownWordError("word", find_nearest_words(missing, known))

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return the share of the tokens of some texts that the vocabulary lacks, from 0 to 1."""
        if self.unk_id is None:  # bytes spell everything
            return 0.0
        tokens = unknown = 0
        for ids in self.encode_batch(texts):
            tokens += len(ids)
            unknown += ids.count(self.unk_id)
        return unknown / max(1, tokens)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids, without special tokens or half a character at the end."""
        stream = self.stream()
        return "".join([stream.push(id) for id in ids])

    def stream(self, after: Iterable[int] = (), prompt: str = "") -> TextStream:
        """Return a decoder for one id at a time, for text that follows the ids `after`.

        Args:
            prompt: the text of `after` as typed. Words leave out its last space, which then
                separates the first word of the stream from it.
        """
        stream, last = TextStream(self), PAD
        for last in after:
            stream.push(last)
        if prompt[-1:].isspace() or (self.roles and last in self.roles):
            stream.begin_word()
        return stream

    def token_text(self, id: int) -> str:
        """Return an id for display: the piece, a name like `<eos>`, or bytes like `<e4 bd>`."""
        if self.is_special(id):
            return self.units[id]
        raw = self.token_bytes(id)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return f"<{raw.hex(' ')}>"

    def token_bytes(self, id: int) -> bytes:
        """Return the UTF-8 bytes of an id: none for special tokens, no spaces around words."""
        if self.is_special(id):
            return b""
        unit = self.units[id]
        if self.kind == "bpe":
            values = vocabulary.byte_values()
            return bytes(values[character] for character in unit)
        return (vocabulary.unescape_special(unit) if self.kind == "word" else unit).encode()

    def id_of(self, unit: str) -> int | None:
        """Return the id of a word or character of a text; None if it is unknown."""
        id: int | None = self.backend.token_to_id(
            vocabulary.escape_special(unit, self._special_names)
        )
        return id

    @cached_property
    def _special_names(self) -> frozenset[str]:
        return frozenset(name for id, name in enumerate(self.units) if self.is_special(id))

    @cached_property
    def units(self) -> list[str]:
        """Every token as the vocabulary stores it, by id."""
        ids = self.backend.get_vocab()
        return sorted(ids, key=ids.__getitem__)

    @cached_property
    def names(self) -> list[str]:
        """`token_text` of every id."""
        return [self.token_text(id) for id in range(self.vocab_size)]

    def to_json(self) -> str:
        """Return the content of `tokenizer.json`, the same for equal tokenizers."""
        text: str = self.backend.to_str()
        return text

    def save(self, folder: Path, reading: str, *, is_encoder: bool = False) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, which `transformers` can load.

        Args:
            reading: how the corpus is cut; for "lines", other programs begin a text with <sos>, and
                for "pairs" and "conversations" there is a template of a chat.
            is_encoder: whether it is for an encoder, for which other programs frame a text as in
                training, with <eos> after it. Always so with `<mask>`.

        Raises:
            OSError: one of them could not be written and was not changed.
        """
        start = start_id(reading)
        config = {**_CONFIG, "bos_token": self.token_text(start), "add_bos_token": start == SOS}
        if self.roles:
            config["eos_token"] = CHAT_SPECIAL[EOS]
        if reading in CHAT_READINGS:
            config["chat_template"] = CHAT_TEMPLATE
        if self.mask_id is not None:
            config["mask_token"] = MASK
        if self.unk_id is not None:
            config["unk_token"] = UNKNOWN
        frame = self._frame(reading, is_encoder=is_encoder or self.mask_id is not None)
        content = json.loads(self.to_json()) | vocabulary.pipeline_for_others(self.kind, *frame)
        if self.kind == "bpe":
            # The space before a masked piece is part of the piece: other programs drop it, too.
            for token in content["added_tokens"]:
                token["lstrip"] = token["content"] == MASK
        # The tokenizer last: if it is there, both are, even after a kill in between.
        write_json(folder / CONFIG_FILE, config)
        data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        write_atomic(folder / TOKENIZER_FILE, data.encode())

    def save_for_others(self, folder: Path, reading: str, *, is_encoder: bool = False) -> None:
        """Write what other programs read of it; arguments and errors as for `save`."""
        self.save(folder, reading, is_encoder=is_encoder)

    def _frame(self, reading: str, *, is_encoder: bool) -> tuple[dict[str, int], dict[str, int]]:
        """Return the special tokens that other programs put before and after a text."""
        if start_id(reading) != SOS:
            return {}, {}
        before, after = [SOS], [EOS] if is_encoder else []
        if is_encoder and self.roles and reading in CHAT_READINGS:
            before.append(self.roles.user)
        return {self.units[id]: id for id in before}, {self.units[id]: id for id in after}

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Load the tokenizer saved in a folder.

        Raises:
            DamagedError: it is missing, or was not written by this program.
        """
        from core.tokenizer.imported import load_imported  # a subclass of this class

        if imported := load_imported(folder):
            return imported
        path = folder / TOKENIZER_FILE
        try:
            return cls.from_json(read_regular_file(path))
        except FileNotFoundError as error:
            raise DamagedError(f"The tokenizer {path} is missing: {error.strerror}.") from None
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"The tokenizer {path} cannot be used: {error}.") from None

    @classmethod
    def from_json(cls, data: bytes) -> Tokenizer:
        """Rebuild a tokenizer from its `to_json`.

        Raises:
            ValueError: it was not written by this program.
        """
        kind, ids, merges = vocabulary.parse_vocabulary(json.loads(data.decode()))
        return cls(kind, vocabulary.build_backend(kind, ids, merges))


class TextStream:
    """Decodes ids one at a time, in whole characters.

    The pieces joined are `Tokenizer.decode` of all the ids: half a character at the end is dropped.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._has_word = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def begin_word(self) -> None:
        """Leave out the space before the next word."""
        self._has_word = False

    def push(self, id: int) -> str:
        """Return the characters that this id completes; a word comes with the space before it."""
        if self._tokenizer.is_special(id):
            return ""
        text = self._decoder.decode(self._tokenizer.token_bytes(id))
        if self._tokenizer.kind != "word":
            return text
        space = " " if self._has_word else ""
        self._has_word = True
        return space + text


def _surrogate_error(texts: Sequence[str], error: Exception) -> Exception:
    """Return the error for a lone surrogate, which UTF-8 cannot hold; any other unchanged."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as encode_error:
            return InputError(
                f"There is half a character at position {encode_error.start} of the text "
                f"{text[:20].encode('ascii', 'replace').decode()!r}.",
                "Write it in UTF-8.",
            )
    return error
