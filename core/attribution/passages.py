"""From tokens of a corpus to their passage in the source file, and the lines around it.

Only the sample with the tokens is read, never a whole file, except packed files, which can only be
read from their beginning.
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
from core.errors import StateError
from core.text.corpus import CHAT_READINGS, TEXT, Corpus
from core.text.encoding import Encoding, normalize_newlines
from core.text.messages import parse_conversation
from core.text.readers import (
    CHUNK_BYTES,
    TextSource,
    is_records,
    open_text,
    parse_record,
    split_lines,
)
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.vocabulary import iter_word_spans

CONTEXT_CHARACTERS = 160  # on each side of a passage
MAX_SAMPLE_BYTES = 1 << 26
BYTES_BEFORE_LINE = 1 << 16
BYTES_AFTER_LINE = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Some tokens in their source file.

    Attributes:
        line: number of the line, from 1.
        offset: byte of the file (unpacked) at which they begin; for a record that of its line.
        before, text, after: the text of the tokens, and up to `CONTEXT_CHARACTERS` around it.
    """

    file: Path
    line: int
    offset: int
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class PassageReader:
    """Reads passages from the files of a corpus.

    Attributes:
        newline_counts: per file, see `core.attribution.corpus_index.count_newlines`.
    """

    corpus: Corpus
    tokens: TokenFile
    tokenizer: Tokenizer
    newline_counts: list[NDArray[np.int64]]

    def passage(self, position: int, count: int) -> Passage:
        """Read the passage of `count` tokens from a position of the token file on.

        Raises:
            InputError: the file cannot be read, or has changed.
        """
        index, sample_offset, sample = self.tokens.locate(position)
        path, start = self.corpus.files[index], int(self.tokens.starts[sample])
        samples = int(np.searchsorted(self.tokens.starts, position + count, "left")) - sample
        with open_text(path, self.corpus.codec) as source:
            raw = self._read_samples(source, sample, sample + max(1, samples), sample_offset)
            if self.tokens.reading in CHAT_READINGS:
                text, left, right = self._find_in_messages(source, raw, start, position, count)
            else:
                text = self._decode_sample(source, raw, sample)
                left, right = self._find_characters(text, start, position, count)
            if not self._is_same(text[left:right], position, count):
                raise StateError(f"{path} has changed since it was read.", "Name the text again.")
            offset = sample_offset
            if not is_records(path) and self.tokens.reading not in CHAT_READINGS:
                offset += _count_bytes(raw, source.encoding, left)
            line = find_line_at(self.newline_counts[index], source, offset)
        return Passage(
            file=path,
            line=line,
            offset=offset,
            before=text[max(0, left - CONTEXT_CHARACTERS) : left],
            text=text[left:right],
            after=text[right : right + CONTEXT_CHARACTERS],
        )

    def _find_in_messages(
        self, source: TextSource, raw: bytes, start: int, position: int, count: int
    ) -> tuple[str, int, int]:
        """Return the messages of a conversation as one text, and the range of some tokens in it.

        The messages stand one below the other, as in `CorpusSample.text`. The tokens are of one
        message: `<|end|>` is in no copied passage but as the last.
        """
        encoding = source.encoding
        record = raw.decode(encoding.name, encoding.errors)
        contents = [m.content for m in parse_conversation(source.path, record, encoding)]
        before = self.tokens.ids[start:position]
        ends = np.flatnonzero(before == EOS)
        number = len(ends)
        if number >= len(contents):
            return "", 0, 0
        role = start + (int(ends[-1]) + 1 if number else 1)  # its token begins the message
        message = contents[number]
        is_end = int(self.tokens.ids[position + count - 1]) == EOS
        left, right = self._find_characters(message, role, position, count - is_end)
        shift = sum(len(content) + 1 for content in contents[:number])
        return "\n".join(contents), shift + left, shift + right

    @cached_property
    def _token_sizes(self) -> NDArray[np.int64]:
        """(V,) bytes of each token."""
        ids = range(self.tokenizer.vocab_size)
        return np.array([len(self.tokenizer.token_bytes(id)) for id in ids], np.int64)

    def _find_characters(self, text: str, start: int, position: int, count: int) -> tuple[int, int]:
        """Return the range of characters of some tokens in the text of their sample.

        The text is not tokenised again: words are separated by white space, characters are tokens,
        and for BPE the bytes of the tokens are counted.
        """
        first = position - start - (self.tokens.reading != TEXT)
        if self.tokenizer.kind == "char":
            return first, first + count
        if self.tokenizer.kind == "word":
            words = list(islice(iter_word_spans(text), first, first + count))
            return (words[0][0], words[-1][1]) if words else (0, 0)
        sizes, ids = self._token_sizes, self.tokens.ids
        before = int(sizes[ids[start:position]].sum())
        after = before + int(sizes[ids[position : position + count]].sum())
        raw = np.frombuffer(text.encode(), np.uint8)
        is_first_byte = (raw & 0xC0) != 0x80  # of a character (UTF-8)
        # A token may begin or end within a character, which is then included as a whole.
        return int(is_first_byte[: before + 1].sum()) - 1, int(is_first_byte[:after].sum())

    def _is_same(self, text: str, position: int, count: int) -> bool:
        """Whether the text gives these tokens again, as far as they determine it."""
        ids = [int(id) for id in self.tokens.ids[position : position + count]]
        ids = [id for id in ids if id != EOS]
        if self.tokenizer.kind != "bpe":
            return self.tokenizer.encode(text) == ids
        return b"".join(map(self.tokenizer.token_bytes, ids)) in text.encode()

    def _read_samples(self, source: TextSource, sample: int, end: int, offset: int) -> bytes:
        """Read the bytes from a sample at `offset` to sample `end`, or to the end of its file."""
        offsets, file_ends = self.tokens.offsets, self.tokens.first_samples[1:]
        source.file.seek(offset)
        if is_records(source.path):
            return source.file.readline(MAX_SAMPLE_BYTES)
        if end >= len(offsets) or any(sample < file_end <= end for file_end in file_ends):
            return source.file.read(MAX_SAMPLE_BYTES)
        return source.file.read(int(offsets[end]) - offset)

    def _decode_sample(self, source: TextSource, raw: bytes, sample: int) -> str:
        """Return the text of a sample as it was tokenised."""
        is_line = self.tokens.reading != TEXT
        text = raw.decode(source.encoding.name, source.encoding.errors)
        if is_records(source.path):
            text = parse_record(str(source.path), text, source.encoding)
            if not is_line:
                # A long record is divided into samples, all with the offset of its line.
                first = max(0, sample - MAX_SAMPLE_BYTES // CHUNK_BYTES)
                offsets = self.tokens.offsets[first : sample + 1]
                skipped = int((offsets == offsets[-1]).sum()) - 1
                text = text[skipped * CHUNK_BYTES :]
        elif is_line:
            text = text.partition("\n")[0]
        return text.rstrip() if is_line else normalize_newlines(text)


def _count_bytes(raw: bytes, encoding: Encoding, count: int) -> int:
    """Return the number of bytes of the first `count` characters; CRLF is one character."""
    text = raw.decode(encoding.name, encoding.errors)
    for match in re.finditer("\r\n", text) if "\r\n" in text else ():
        if match.start() >= count:
            break
        count += 1
    if "\ufffd" not in text[:count]:
        return len(text[:count].encode(encoding.name))

    def count_characters(size: int) -> int:
        decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
        return len(decoder.decode(raw[:size]))

    # U+FFFD may stand for any number of bytes.
    return bisect_left(range(len(raw)), count, key=count_characters)


@dataclass(frozen=True)
class PassageLine:
    """A line of a file: number from 1, byte offset and text."""

    number: int
    offset: int
    text: str


def read_lines_around(
    path: Path, encoding: Encoding, offset: int, number: int
) -> list[PassageLine]:
    """Read the lines around one, some tens of kilobytes on each side.

    Args:
        offset: a byte of the line.
        number: the line's number.

    Raises:
        InputError: the file cannot be read.
    """
    with open_text(path, encoding) as source:
        width = len(source.encoding.newline)
        begin = max(source.start, offset - (offset - source.start) % width - BYTES_BEFORE_LINE)
        source.file.seek(begin)
        before = source.file.read(offset - begin - (offset - begin) % width)
        after = source.file.read(BYTES_AFTER_LINE)
        lines_before = split_lines(before, source.encoding.newline)
        lines_after = split_lines(after, source.encoding.newline)
        if begin > source.start and len(lines_before) > 1:
            lines_before = lines_before[1:]  # cut at its beginning
        if len(after) == BYTES_AFTER_LINE and len(lines_after) > 1:
            lines_after = lines_after[:-1]  # cut at its end
        whole = [*lines_before[:-1], lines_before[-1] + lines_after[0], *lines_after[1:]]
        first_number = number - len(lines_before) + 1
        line_offset = offset - (offset - begin) % width
        line_offset -= sum(map(len, lines_before)) + width * (len(lines_before) - 1)
        lines = []
        for index, raw in enumerate(whole):
            text = raw.decode(source.encoding.name, "replace").removesuffix("\r")
            lines.append(PassageLine(first_number + index, line_offset, text))
            line_offset += len(raw) + width
    if len(lines) > 1 and not lines[-1].text and len(after) < BYTES_AFTER_LINE:
        del lines[-1]  # there is no line after the last newline
    return lines
