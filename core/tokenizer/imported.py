"""Tokenizers of other programs, used through the `tokenizers` library with their own ids.

Byte-level BPE (Radford et al., 2019) and BPE over spaces written as "▁", with bytes as a fallback
(Kudo & Richardson, 2018, "SentencePiece"). Both spell every text. The run has the file
`tokenizer.json` as it came, and beside it `imported_tokenizer.json` with what that file does not
say. The name of a special token in a text is text, as everywhere in this program.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DamagedError, InputError
from core.system.files import read_json, read_regular_file, write_atomic, write_json
from core.tokenizer import vocabulary
from core.tokenizer.tokenizer import CONFIG_FILE, TOKENIZER_FILE, TextStream, Tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

FACTS_FILE = "imported_tokenizer.json"
MAX_FACTS_BYTES = 1 << 16
MAX_END_IDS = 64
NO_ID = -1
METASPACE = "\u2581"  # "▁", which stands for a space in the vocabulary
_BYTE = re.compile("<0x([0-9A-F]{2})>")
ADVICE = "Supported: byte-level BPE, and BPE with bytes as a fallback (docs/interop.md)."


@dataclass(frozen=True, kw_only=True)
class TokenizerFacts:
    """What `tokenizer.json` does not say.

    Attributes:
        vocab_size: of the model, which may have more rows than there are tokens.
        begin_id: the token before every text; null if texts begin without one.
        end_ids: the tokens that end a text, the usual one first; none if nothing ends one.
        pad_id: the token that fills batches elsewhere; null if there is none.
    """

    vocab_size: int
    begin_id: int | None
    end_ids: list[int]
    pad_id: int | None

    def __post_init__(self) -> None:
        """Raise ValueError if an id is not one of the vocabulary."""
        ids = [self.begin_id, self.pad_id, *self.end_ids]
        known = [id for id in ids if id is not None]
        is_valid = all(type(id) is int and 0 <= id < self.vocab_size for id in known)
        if not is_valid or len(known) > MAX_END_IDS:
            raise ValueError(f"its special tokens are not in the vocabulary: {str(known)[:80]}")


class ImportedTokenizer(Tokenizer):
    """A tokenizer of another program.

    Attributes:
        facts: what its file does not say.
        is_byte_level: whether its units are bytes; else spaces are written as "▁".
    """

    def __init__(self, data: bytes, facts: TokenizerFacts) -> None:
        """Build it from the content of `tokenizer.json`.

        Raises:
            ValueError: the content cannot be used; the message says why.
        """
        self._data = data
        self.is_byte_level = _check_pipeline(json.loads(data.decode()))
        self.kind, self.facts, self.backend = "bpe", facts, _build(data)
        ids = self.backend.get_vocab().values()
        if max(ids, default=-1) >= facts.vocab_size:
            raise ValueError(f"it has ids up to {max(ids)}; the model has {facts.vocab_size}")
        self.vocab_size, self.roles, self.mask_id, self.unk_id = facts.vocab_size, None, None, None

    @property
    def is_imported(self) -> bool:
        """See `Tokenizer.is_imported`."""
        return True

    @property
    def no_target(self) -> int:
        """See `Tokenizer.no_target`; every id may be in a text."""
        return NO_ID

    def with_roles(self) -> Tokenizer:
        """Refuse: the vocabulary stays as it is."""
        raise InputError(
            "An imported model keeps its vocabulary, which has no tokens for the roles of a "
            "conversation.",
            "Train it on text or lines: add --format text.",
        )

    def with_mask(self) -> Tokenizer:
        """Refuse: it is a decoder's."""
        raise InputError("An imported tokenizer has no <mask>.", "Train an encoder from scratch.")

    @property
    def end_ids(self) -> frozenset[int]:
        """See `Tokenizer.end_ids`."""
        return frozenset(self.facts.end_ids)

    @property
    def eos_id(self) -> int:
        """See `Tokenizer.eos_id`; without one, what else separates texts."""
        fallbacks = (*self.facts.end_ids, self.facts.begin_id, self.facts.pad_id, 0)
        return next(id for id in fallbacks if id is not None)

    def start_id(self, reading: str) -> int:
        """See `Tokenizer.start_id`."""
        return self.eos_id if self.facts.begin_id is None else self.facts.begin_id

    def has_start(self, reading: str) -> bool:
        """See `Tokenizer.has_start`."""
        return self.facts.begin_id is not None

    @property
    def special_ids(self) -> dict[str, int | None]:
        """See `Tokenizer.special_ids`."""
        facts = self.facts
        ends: Any = facts.end_ids[0] if len(facts.end_ids) == 1 else facts.end_ids or None
        begin = facts.begin_id
        return {"pad_token_id": facts.pad_id, "bos_token_id": begin, "eos_token_id": ends}

    @property
    def never_generated(self) -> tuple[int, ...]:
        """None: the model is used as it is elsewhere."""
        return ()

    @property
    def unit_ids(self) -> range:
        """All ids."""
        return range(self.vocab_size)

    def is_special(self, id: int) -> bool:
        """Whether an id is a special token, or stands for no token."""
        return id in self._special_ids

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        added = self.backend.get_added_tokens_decoder()
        unused = set(range(self.vocab_size)).difference(self.backend.get_vocab().values())
        return frozenset([id for id, token in added.items() if token.special]) | unused

    @cached_property
    def _added(self) -> dict[int, str]:
        return {id: token.content for id, token in self.backend.get_added_tokens_decoder().items()}

    @cached_property
    def units(self) -> list[str]:
        """Every token as the vocabulary stores it, by id."""
        units = [f"<unused {id}>" for id in range(self.vocab_size)]
        for unit, id in self.backend.get_vocab().items():
            units[id] = unit
        return units

    def token_bytes(self, id: int) -> bytes:
        """Return the UTF-8 bytes of an id: none for special tokens."""
        if self.is_special(id):
            return b""
        unit = self.units[id]
        if id in self._added:
            return unit.encode()
        if self.is_byte_level:
            values = vocabulary.byte_values()
            if all(character in values for character in unit):
                return bytes(values[character] for character in unit)
            return unit.encode()
        if byte := _BYTE.fullmatch(unit):
            return bytes([int(byte[1], 16)])
        return unit.replace(METASPACE, " ").encode()

    def stream(self, after: Iterable[int] = (), prompt: str = "") -> TextStream:
        """See `Tokenizer.stream`; at the beginning of a text, "▁" stands for nothing."""
        if self.is_byte_level:
            return super().stream(after, prompt)
        stream = _MetaspaceStream(self)
        for id in after:
            stream.push(id)
        return stream

    def id_of(self, unit: str) -> int | None:
        """Return the id of a token by its stored name; None if it is unknown."""
        id: int | None = self.backend.token_to_id(unit)
        return id

    def to_json(self) -> str:
        """Return what identifies it: the content of its file and its facts."""
        return self._data.decode() + json.dumps(dataclasses.asdict(self.facts), sort_keys=True)

    def save(self, folder: Path, reading: str, *, is_encoder: bool = False) -> None:
        """Write its file as it came, its facts, and what `transformers` has to know.

        Raises:
            OSError: one of them could not be written.
        """
        write_json(folder / FACTS_FILE, dataclasses.asdict(self.facts))
        write_json(folder / CONFIG_FILE, self._config())
        write_atomic(folder / TOKENIZER_FILE, self._data)

    def save_for_others(self, folder: Path, reading: str, *, is_encoder: bool = False) -> None:
        """See `Tokenizer.save_for_others`.

        The file is as it came, unless it adds another token before a text than this model has
        there: then that is corrected, as other programs go by the file.
        """
        write_json(folder / CONFIG_FILE, self._config())
        write_atomic(folder / TOKENIZER_FILE, self._data_for_others())

    def _config(self) -> dict[str, Any]:
        """The content of tokenizer_config.json."""
        names = {"bos_token": self.facts.begin_id, "pad_token": self.facts.pad_id}
        names["eos_token"] = self.facts.end_ids[0] if self.facts.end_ids else None
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            **{name: self.units[id] for name, id in names.items() if id is not None},
        }

    def _data_for_others(self) -> bytes:
        """The content of tokenizer.json; its pipeline adds the token this model begins with."""
        from tokenizers.processors import TemplateProcessing

        begin = self.facts.begin_id
        if begin == self.begin_id_of_file():
            return self._data
        content = json.loads(self._data.decode())
        content["post_processor"] = None
        if begin is not None:
            unit = self.units[begin]
            frame = TemplateProcessing(single=[unit, "$A"], special_tokens=[(unit, begin)])
            content["post_processor"] = json.loads(frame.__getstate__())
        return json.dumps(content, ensure_ascii=False).encode()

    def steps(self, part: str) -> list[dict[str, Any]]:
        """The steps of a part of its pipeline, such as "pre_tokenizer", as its file has them."""
        return _steps(json.loads(self._data.decode()).get(part))

    def begin_id_of_file(self) -> int | None:
        """The token that the file's own pipeline puts before every text; None if there is none.

        Raises:
            ValueError: it adds others, which are not supported.
        """
        with _library_errors():
            with_special: list[int] = self.backend.encode("a", add_special_tokens=True).ids
            plain: list[int] = self.backend.encode("a", add_special_tokens=False).ids
        added = len(with_special) - len(plain)
        if added == 0:
            return None
        if added != 1 or with_special[1:] != plain:
            raise ValueError("it adds special tokens other than one before a text")
        return with_special[0]


class _MetaspaceStream(TextStream):
    """Decodes units with "▁"; one at the beginning of a text stands for nothing."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self._is_start = True

    def push(self, id: int) -> str:
        """See `TextStream.push`."""
        text = super().push(id)
        if self._is_start and text:
            self._is_start = False
            return text.removeprefix(" ")
        return text


def load_imported(folder: Path) -> ImportedTokenizer | None:
    """Load the imported tokenizer of a run; None if its tokenizer is this program's.

    Raises:
        DamagedError: one of its files cannot be used.
    """
    facts = read_facts(folder)
    if facts is None:
        return None
    path = folder / TOKENIZER_FILE
    try:
        return ImportedTokenizer(read_regular_file(path), facts)
    except FileNotFoundError as error:
        raise DamagedError(f"The tokenizer {path} is missing: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"The tokenizer {path} cannot be used: {error}.") from None


def read_facts(folder: Path) -> TokenizerFacts | None:
    """The facts of a run's imported tokenizer; None if its tokenizer is this program's.

    Raises:
        DamagedError: they cannot be read.
    """
    path = folder / FACTS_FILE
    if not path.exists():
        return None
    try:
        return TokenizerFacts(**read_json(path, MAX_FACTS_BYTES))
    except (TypeError, ValueError) as error:
        raise DamagedError(f"{path} cannot be used: {str(error)[:200]}.") from None


def _build(data: bytes) -> Backend:
    """The library's tokenizer from the content of `tokenizer.json`.

    Raises:
        ValueError: the library cannot read it.
    """
    from tokenizers import Tokenizer as Backend

    with _library_errors():
        backend = Backend.from_str(data.decode())
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True  # the name of a special token in a text is text
    return backend


@contextmanager
def _library_errors() -> Iterator[None]:
    """Raise ValueError where the library does not get on with the content of a file.

    It says so by plain exceptions, and by its panics.
    """
    try:
        yield
    except BaseException as error:
        if type(error) is Exception or type(error).__name__ == "PanicException":
            raise ValueError(f"{str(error)[:200]}") from None
        raise


def _check_pipeline(value: Any) -> bool:
    """Whether its units are bytes, from the content of `tokenizer.json`.

    Raises:
        ValueError: it is of another kind, or does not spell every text.
    """
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict):
        raise ValueError("it has no vocabulary")
    if model.get("type", "BPE") != "BPE" or "merges" not in model:
        raise ValueError(f"its kind is {str(model.get('type'))[:40]!r}, not BPE")
    steps = {
        str(step.get("type"))
        for name in ("pre_tokenizer", "decoder", "normalizer")
        for step in _steps(value.get(name))
    }
    vocab = model.get("vocab")
    units = vocab.keys() if isinstance(vocab, dict) else set[str]()
    if "ByteLevel" in steps:
        if vocabulary.byte_values().keys() <= units:
            return True
        raise ValueError("it lacks some bytes")
    if model.get("byte_fallback") is True and steps & {"Metaspace", "ByteFallback"}:
        if {f"<0x{byte:02X}>" for byte in range(vocabulary.BYTE_COUNT)} <= units:
            return False
        raise ValueError("it lacks some bytes")
    raise ValueError("its BPE is neither byte-level nor falls back to bytes")


def _steps(value: Any) -> list[dict[str, Any]]:
    """The steps of a part of a pipeline, one by one."""
    if not isinstance(value, dict):
        return []
    for name in ("pretokenizers", "decoders", "normalizers"):
        if isinstance(nested := value.get(name), list):
            return [step for step in nested if isinstance(step, dict)]
    return [value]
