"""The files behind a token map: written once as a folder, then only read.

`ids`, `starts`, `offsets` and, for lines, `kept` are plain arrays in the machine's byte order;
`meta.json`, written last, says what they hold. S samples, N tokens, as in
`core.dataset.token_store`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from core.errors import DamagedError
from core.system.files import read_json, write_json
from core.text.corpus import CorpusSample
from core.tokenizer.special_tokens import EOS, SOS

TOKEN_FORMAT = 1
METADATA_FILE, IDS_FILE, STARTS_FILE, OFFSETS_FILE, VALIDATION_FILE = (
    "meta.json",
    "ids",
    "starts",
    "offsets",
    "kept",
)
VALIDATION_ONE_IN = 10
UINT16_VOCAB_SIZE = np.iinfo(np.uint16).max + 1


@dataclass(frozen=True, kw_only=True)
class TokenMetadata:
    """What the arrays hold; the fields that `TokenFile` has too mean the same."""

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
        """The bytes of each file."""
        sizes = {
            IDS_FILE: self.tokens * np.dtype(self.dtype).itemsize,
            STARTS_FILE: (self.samples + 1) * 8,
            OFFSETS_FILE: self.samples * 8,
        }
        return sizes | {VALIDATION_FILE: self.samples} if self.reading == "lines" else sizes


def is_validation_line(line: str) -> bool:
    """Whether the hash of a line puts it into validation: one in ten, the same for equal lines."""
    digest = hashlib.blake2b(line.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % VALIDATION_ONE_IN == 0


class TokenWriter:
    """Writes samples as they come; nothing of them stays in memory.

    Args:
        folder: an empty one.
        reading: "lines" or "text".
        vocab_size: decides the size of an id.
        files: how many the corpus has.
    """

    def __init__(self, folder: Path, reading: str, vocab_size: int, files: int) -> None:
        self._folder, self._reading, self._vocab_size = folder, reading, vocab_size
        self._dtype = np.dtype(np.uint16 if vocab_size <= UINT16_VOCAB_SIZE else np.uint32)
        names = (
            (IDS_FILE, STARTS_FILE, OFFSETS_FILE, VALIDATION_FILE)
            if reading == "lines"
            else (IDS_FILE, STARTS_FILE, OFFSETS_FILE)
        )
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

    def add(self, samples: Sequence[CorpusSample], ids: Sequence[list[int]]) -> None:
        """Writes samples and the ids of their texts.

        Raises:
            OSError: they could not be written.
        """
        framed = [self._framed(s, i) for s, i in zip(samples, ids, strict=True)]
        lengths = np.fromiter(map(len, framed), np.int64, len(framed))  # (S of the call,)
        flat = np.fromiter(chain.from_iterable(framed), self._dtype, int(lengths.sum()))
        flat.tofile(self._open[IDS_FILE])
        (self._tokens + np.cumsum(lengths) - lengths).tofile(self._open[STARTS_FILE])
        np.array([sample.offset for sample in samples], np.int64).tofile(self._open[OFFSETS_FILE])
        if self._reading == "lines":
            kept = bytes(is_validation_line(sample.text) for sample in samples)
            self._open[VALIDATION_FILE].write(kept)
        self._note_files(samples)
        self._tokens += int(lengths.sum())
        self._longest = max(self._longest, int(lengths.max()))

    def _framed(self, sample: CorpusSample, ids: list[int]) -> list[int]:
        if self._reading == "lines":
            return [SOS, *ids, EOS]
        return [*ids, EOS] if sample.ends_document else ids

    def _note_files(self, samples: Sequence[CorpusSample]) -> None:
        for number, sample in enumerate(samples, self._samples):
            while len(self._first_samples) <= sample.file:
                self._first_samples.append(number)
        self._samples += len(samples)

    def finish(self) -> None:
        """Writes the end and what the files hold, and waits until all is on the disk.

        Raises:
            OSError: it could not be written.
        """
        np.array([self._tokens], np.int64).tofile(self._open[STARTS_FILE])
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
    """What the files in a folder hold; None where they are missing or not whole."""
    try:
        values: dict[str, Any] = read_json(folder / METADATA_FILE)
        meta = TokenMetadata(**values | {"first_samples": tuple(values.get("first_samples", ()))})
        same = meta.format == TOKEN_FORMAT and meta.byteorder == sys.byteorder
        whole = all((folder / n).stat().st_size == size for n, size in meta.sizes().items())
    except (OSError, DamagedError, TypeError):
        return None
    return meta if same and whole else None
