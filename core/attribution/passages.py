"""From a token of a corpus to its place in the source file, and the lines around such a place.

Only the part that holds the token is read. A file is never read whole, but for packed ones, which
can only be read from their beginning.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.attribution.corpus_index import find_line_at
from core.dataset.token_store import TokenFile
from core.errors import InputError
from core.text.corpus import Corpus
from core.text.encoding import Encoding
from core.text.readers import (
    CHUNK_BYTES,
    TextSource,
    is_records,
    normalize_newlines,
    open_text,
    parse_record,
    split_lines,
)
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.vocabulary import iter_word_spans

CONTEXT_CHARACTERS = 160  # characters on each side of what was found
MAX_SAMPLE_BYTES = 1 << 26
BYTES_BEFORE_LINE, BYTES_AFTER_LINE = 1 << 16, 1 << 17  # bytes read around a line


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Where some tokens stand.

    Attributes:
        file: its path.
        line: from 1.
        offset: the byte of the file (unpacked) at which they begin; of a record that of its line.
        before, text, after: what stands there; the first and the last are cut.
    """

    file: Path
    line: int
    offset: int
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class PassageReader:
    """Finds tokens in the files of a corpus.

    Attributes:
        lines: for each file the newlines before each block, see `core.attribution.corpus_index`.
    """

    corpus: Corpus
    tokens: TokenFile
    tokenizer: Tokenizer
    newline_counts: list[NDArray[np.int64]]

    def passage(self, token: int, count: int) -> Passage:
        """Where `count` tokens stand, the first of which is number `token` of the corpus.

        Raises:
            InputError: the file cannot be read, or is not what it was.
        """
        index, begin, sample = self.tokens.locate(token)
        path, start = self.corpus.files[index], int(self.tokens.starts[sample])
        parts = int(np.searchsorted(self.tokens.starts, token + count, "left")) - sample
        with open_text(path, self.corpus.codec) as source:
            raw = self._raw(source, sample, sample + max(1, parts), begin)
            text = self._text(source, raw, sample)
            left, right = self._span(text, start, token, count)
            if not self._same(text[left:right], token, count):
                raise InputError(f"{path} has changed since it was read.", "Name the text again.")
            offset = begin
            if not is_records(path):
                offset += _bytes_before(raw, source.encoding, left)
            line = find_line_at(self.newline_counts[index], source, offset)
        return Passage(
            file=path,
            line=line,
            offset=offset,
            before=text[max(0, left - CONTEXT_CHARACTERS) : left],
            text=text[left:right],
            after=text[right : right + CONTEXT_CHARACTERS],
        )

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        """(V,) the bytes of each token."""
        ids = range(self.tokenizer.vocab_size)
        return np.array([len(self.tokenizer.token_bytes(id)) for id in ids], np.int64)

    def _span(self, text: str, start: int, token: int, count: int) -> tuple[int, int]:
        """The characters of a sample's text that some of its tokens stand for.

        Found without making tokens of it once more: words are parted by blanks, characters are
        tokens, and of pieces the bytes are counted.
        """
        first = token - start - (self.tokens.reading == "lines")
        if self.tokenizer.kind == "char":
            return first, first + count
        if self.tokenizer.kind == "word":
            words = list(islice(iter_word_spans(text), first, first + count))
            return (words[0][0], words[-1][1]) if words else (0, 0)
        sizes, ids = self._sizes, self.tokens.ids
        before = int(sizes[ids[start:token]].sum())
        after = before + int(sizes[ids[token : token + count]].sum())
        raw = np.frombuffer(text.encode(), np.uint8)
        begins = (raw & 0xC0) != 0x80  # the first byte of a character (UTF-8)
        # A piece may begin or end within a character: the whole of it is shown.
        return int(begins[: before + 1].sum()) - 1, int(begins[:after].sum())

    def _same(self, text: str, token: int, count: int) -> bool:
        """Whether that is what the tokens stand for, as far as they know."""
        ids = [int(id) for id in self.tokens.ids[token : token + count]]
        found = self.tokenizer.encode(text)
        if self.tokenizer.kind != "bpe":
            return found == ids
        wanted = b"".join(map(self.tokenizer.token_bytes, ids))
        return wanted in text.encode()

    def _raw(self, source: TextSource, sample: int, following: int, begin: int) -> bytes:
        """The bytes from a sample to another one, or to the end of the file."""
        offsets, ends = self.tokens.offsets, self.tokens.first_samples[1:]
        source.file.seek(begin)
        if is_records(source.path):
            return source.file.readline(MAX_SAMPLE_BYTES)
        if following >= len(offsets) or any(sample < end <= following for end in ends):
            return source.file.read(MAX_SAMPLE_BYTES)
        return source.file.read(int(offsets[following]) - begin)

    def _text(self, source: TextSource, raw: bytes, sample: int) -> str:
        """The text of a sample as it was made into tokens."""
        lines = self.tokens.reading == "lines"
        text = raw.decode(source.encoding.name, source.encoding.errors)
        if is_records(source.path):
            text = parse_record(str(source.path), text, source.encoding)
            if not lines:
                # A long record is parted; all its parts begin at its line.
                same = self.tokens.offsets[
                    max(0, sample - MAX_SAMPLE_BYTES // CHUNK_BYTES) : sample + 1
                ]
                skipped = int((same == same[-1]).sum()) - 1
                text = text[skipped * CHUNK_BYTES :]
        elif lines:
            text = text.partition("\n")[0]
        return text.rstrip() if lines else normalize_newlines(text)


def _bytes_before(raw: bytes, encoding: Encoding, count: int) -> int:
    """The bytes that make the first `count` characters, of which CRLF is one."""
    text = raw.decode(encoding.name, encoding.errors)
    for found in re.finditer("\r\n", text) if "\r\n" in text else ():
        if found.start() >= count:
            break
        count += 1
    if "\ufffd" not in text[:count]:
        return len(text[:count].encode(encoding.name))

    def characters(size: int) -> int:
        decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
        return len(decoder.decode(raw[:size]))

    return bisect_left(range(len(raw)), count, key=characters)


@dataclass(frozen=True)
class PassageLine:
    """A line of a file: its number from 1, its first byte and its text."""

    number: int
    offset: int
    text: str


def read_lines_around(
    path: Path, encoding: Encoding, offset: int, number: int
) -> list[PassageLine]:
    """The lines around one, as many as fit into some tens of kilobytes on each side.

    Args:
        offset: a byte of the line.
        number: the line's.

    Raises:
        InputError: the file cannot be read.
    """
    with open_text(path, encoding) as source:
        width = len(source.encoding.newline)
        begin = max(source.start, offset - (offset - source.start) % width - BYTES_BEFORE_LINE)
        source.file.seek(begin)
        before = source.file.read(offset - begin - (offset - begin) % width)
        after = source.file.read(BYTES_AFTER_LINE)
        ahead = split_lines(before, source.encoding.newline)
        behind = split_lines(after, source.encoding.newline)
        if begin > source.start and len(ahead) > 1:
            ahead = ahead[1:]  # it began before
        if len(after) == BYTES_AFTER_LINE and len(behind) > 1:
            behind = behind[:-1]
        whole = [*ahead[:-1], ahead[-1] + behind[0], *behind[1:]]
        first = number - len(ahead) + 1
        name = source.encoding.name
        at = offset - (offset - begin) % width - sum(map(len, ahead)) - width * (len(ahead) - 1)
        found = []
        for place, raw in enumerate(whole):
            text = raw.decode(name, "replace").removesuffix("\r")
            found.append(PassageLine(first + place, at, text))
            at += len(raw) + width
    if found and not found[-1].text and len(after) < BYTES_AFTER_LINE and len(found) > 1:
        del found[-1]  # behind the last newline there is no line
    return found
