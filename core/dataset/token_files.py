"""The files of a token folder: written once, then only read.

`ids`, `starts`, `offsets`, for separate samples `kept` and for conversations `replies` are plain
arrays in native byte order;
`meta.json`, written last, describes them. Shapes: N tokens, S samples, as in
`core.dataset.token_store`.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.system.files import read_json, write_json
from core.text.corpus import CHAT_READINGS, LINES, TEXT, CorpusSample
from core.text.validation import is_validation_line
from core.tokenizer.chat_format import frame_messages
from core.tokenizer.special_tokens import EOS, SOS, RoleIds

TOKEN_FORMAT = 1
METADATA_FILE = "meta.json"
IDS_FILE = "ids"
STARTS_FILE = "starts"
OFFSETS_FILE = "offsets"
VALIDATION_FILE = "kept"  # per line or conversation 1 for validation, 0 for training
REPLIES_FILE = "replies"  # per token of a conversation 1 where the assistant wrote it, else 0
UINT16_VOCAB_SIZE = np.iinfo(np.uint16).max + 1


@dataclass(frozen=True, kw_only=True)
class TokenMetadata:
    """Description of the arrays; fields as in `core.dataset.token_store.TokenFile`."""

    format: int
    byteorder: str
    dtype: str
    tokens: int
    samples: int
    reading: str
    vocab_size: int
    longest: int
    first_samples: tuple[int, ...]

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file."""
        sizes = {
            IDS_FILE: self.tokens * np.dtype(self.dtype).itemsize,
            STARTS_FILE: (self.samples + 1) * 8,
            OFFSETS_FILE: self.samples * 8,
        }
        if self.reading != TEXT:
            sizes[VALIDATION_FILE] = self.samples
        if self.reading in CHAT_READINGS:
            sizes[REPLIES_FILE] = self.tokens
        return sizes


class TokenWriter:
    """Writes samples to the files of a token folder, without keeping them in memory.

    Args:
        folder: an empty folder.
        reading: one of `core.text.corpus.READINGS`.
        vocab_size: selects the dtype of ids, uint16 or uint32.
        files: number of files of the corpus.
        roles: the ids of the roles, for conversations and pairs.
        start_id, eos_id: before a line, and after a line or a document.
    """

    def __init__(
        self,
        folder: Path,
        reading: str,
        vocab_size: int,
        files: int,
        roles: RoleIds | None = None,
        *,
        start_id: int = SOS,
        eos_id: int = EOS,
    ) -> None:
        assert roles or reading not in CHAT_READINGS, "conversations need the roles' tokens"
        self._folder, self._reading, self._vocab_size = folder, reading, vocab_size
        self._roles, self._start_id, self._eos_id = roles, start_id, eos_id
        self._dtype = np.dtype(np.uint16 if vocab_size <= UINT16_VOCAB_SIZE else np.uint32)
        names = [IDS_FILE, STARTS_FILE, OFFSETS_FILE]
        if reading != TEXT:
            names.append(VALIDATION_FILE)
        if reading in CHAT_READINGS:
            names.append(REPLIES_FILE)
        self._open = {name: (folder / name).open("wb") for name in names}
        self._files = files
        self._first_samples = [0]
        self._tokens = self._samples = self._longest = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._open.values():
            file.close()

    def add(self, samples: Sequence[CorpusSample], ids: Sequence[list[list[int]]]) -> None:
        """Append samples and the ids of each of their texts (`CorpusSample.texts`).

        Raises:
            OSError: they could not be written.
        """
        if self._roles and self._reading in CHAT_READINGS:
            chats = [
                frame_messages(self._roles, sample.messages, texts)
                for sample, texts in zip(samples, ids, strict=True)
            ]
            framed = [chat.ids for chat in chats]
            for chat in chats:
                self._open[REPLIES_FILE].write(bytes(chat.is_reply))
        else:
            framed = [self._add_special(s, i) for s, (i,) in zip(samples, ids, strict=True)]
        lengths = np.fromiter(map(len, framed), np.int64, len(framed))  # (S of the call,)
        flat = np.fromiter(chain.from_iterable(framed), self._dtype, int(lengths.sum()))
        self._write(IDS_FILE, flat)
        self._write(STARTS_FILE, self._tokens + np.cumsum(lengths) - lengths)
        self._write(OFFSETS_FILE, np.array([sample.offset for sample in samples], np.int64))
        if self._reading != TEXT:
            flags = bytes(is_validation_line(sample.text) for sample in samples)
            self._open[VALIDATION_FILE].write(flags)
        self._record_first_samples(samples)
        self._tokens += int(lengths.sum())
        self._longest = max(self._longest, int(lengths.max()))

    def _write(self, name: str, values: NDArray[Any]) -> None:
        # `tofile` reports a full disk only as "N requested and M written".
        self._open[name].write(values.data)

    def _add_special(self, sample: CorpusSample, ids: list[int]) -> list[int]:
        if self._reading == LINES:
            return [self._start_id, *ids, self._eos_id]
        return [*ids, self._eos_id] if sample.ends_document else ids

    def _record_first_samples(self, samples: Sequence[CorpusSample]) -> None:
        for number, sample in enumerate(samples, self._samples):
            while len(self._first_samples) <= sample.file:
                self._first_samples.append(number)
        self._samples += len(samples)

    def finish(self) -> None:
        """Write the rest and `meta.json`, with the arrays synced to disk before it.

        Raises:
            OSError: it could not be written.
        """
        self._write(STARTS_FILE, np.array([self._tokens], np.int64))
        for file in self._open.values():
            file.flush()
            os.fsync(file.fileno())
        missing = self._files - len(self._first_samples)
        meta = TokenMetadata(
            format=TOKEN_FORMAT,
            byteorder=sys.byteorder,
            dtype=self._dtype.name,
            tokens=self._tokens,
            samples=self._samples,
            reading=self._reading,
            vocab_size=self._vocab_size,
            longest=self._longest,
            first_samples=(*self._first_samples, *[self._samples] * missing),
        )
        write_json(self._folder / METADATA_FILE, dataclasses.asdict(meta))


def read_metadata(folder: Path) -> TokenMetadata | None:
    """Read the description of a token folder; None if it is missing, incomplete or foreign."""
    try:
        values = read_json(folder / METADATA_FILE)
        meta = TokenMetadata(**values | {"first_samples": tuple(values.get("first_samples", ()))})
        is_native = meta.format == TOKEN_FORMAT and meta.byteorder == sys.byteorder
        is_complete = all(
            (folder / name).stat().st_size == size for name, size in meta.sizes().items()
        )
    except (OSError, DamagedError, TypeError):
        return None
    return meta if is_native and is_complete else None
