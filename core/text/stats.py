"""What can be said about a text by reading it once: its size, its lines, how to read it.

A large text is read in blocks; what needs a look at each line or word is counted in its first
part only, and `examined` says how much that was.

Counting a text as it goes by in blocks: characters, lines, words.

Characters are all counted; blanks, lines and words only while that can still matter, see
`StatsAccumulator.busy`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import Cancelled
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.text.corpus import Corpus, empty_corpus_error
from core.text.encoding import Encoding
from core.text.readers import (
    BLOCK_BYTES,
    check_regular,
    is_records,
    read_chunks,
    read_records,
    translate_errors,
    unpacked_size,
)

MAX_LIST_LINES = 10_000
MAX_LIST_LINE_WORDS = 64
MAX_LIST_LINE_CHARACTERS = 1 << 20
EXAMINED_CHARACTERS = 1 << 23
MAX_DISTINCT_WORDS = 1 << 20


@dataclass
class StatsAccumulator:
    """The counts of `core.text.stats.CorpusStats`, under the same names.

    Attributes:
        printed: whether anything but white space was there.
        different, letters: the words and characters met.
        short_lines: whether every line met so far has ended within a million characters.
    """

    characters: int = 0
    spaces: int = 0
    has_text: bool = False
    examined: int = 0
    lines: int = 0
    longest_words: int = 0
    longest_characters: int = 0
    blank_between: bool = False
    words: int = 0
    short_lines: bool = True
    distinct_words: set[str] = field(default_factory=set)
    distinct_characters: set[str] = field(default_factory=set)
    _held: str = ""
    _begun: bool = False
    _gap: bool = False
    _closed: bool = False

    @property
    def is_line_list(self) -> bool:
        """Whether the text so far is a short list of short lines."""
        return (
            self.lines <= MAX_LIST_LINES
            and self.longest_words <= MAX_LIST_LINE_WORDS
            and not self.blank_between
            and self.short_lines
        )

    @property
    def is_counting_lines(self) -> bool:
        """Whether lines and words are still counted."""
        if self._closed:
            return False
        large = (
            self.examined >= EXAMINED_CHARACTERS or len(self.distinct_words) >= MAX_DISTINCT_WORDS
        )
        self._closed = large and not self.is_line_list
        return not self._closed

    def add(self, text: str) -> None:
        """Counts a block of a plain text; it may end within a line."""
        busy = self.is_counting_lines
        self._add_characters(text)
        if not busy:
            return
        self._examine(text)
        *whole, self._held = (self._held + text).split("\n")
        for line in whole:
            self._add_words(line)
        if len(self._held) > MAX_LIST_LINE_CHARACTERS:
            self.short_lines = False
            self.end()

    def end(self) -> None:
        """The file has ended, and with it its last line and any gap."""
        if self._held:
            self._add_words(self._held)
        self._held, self._begun, self._gap = "", False, False

    def add_line(self, text: str) -> None:
        """Counts a record as one line, whatever is in it."""
        busy = self.is_counting_lines
        self._add_characters(text)
        if busy:
            self._examine(text)
            self._add_words(text)

    def _add_characters(self, text: str) -> None:
        self.characters += len(text)
        self.has_text = self.has_text or not (text.isspace() or not text)

    def _examine(self, text: str) -> None:
        self.examined += len(text)
        self.spaces += text.count(" ")
        self.distinct_characters.update(text)

    def _add_words(self, line: str) -> None:
        words = line.split()
        if not words:
            self._gap = self._begun
            return
        self.blank_between |= self._gap
        self._begun, self._gap = True, False
        self.lines += 1
        self.words += len(words)
        self.longest_words = max(self.longest_words, len(words))
        self.longest_characters = max(self.longest_characters, len(line.rstrip()))
        self.distinct_words.update(words)


@dataclass(frozen=True, kw_only=True)
class CorpusStats:
    """What a text is like.

    Attributes:
        size: bytes of its files as they lie on the disk.
        sha256: of the file; of many files, of their names and hashes.
        reading: "lines" or "text": the corpus's own, else by rule.
        reason: why, in words.
        characters: of the text, line ends included.
        spaces: blanks, in the proportion of the examined part.
        lines: lines or records that are not empty.
        longest_words, longest_characters: of the longest line.
        blank_between: whether an empty line stands between others.
        words, distinct_words: parted by white space, with every capital and comma.
        distinct_characters: different ones.
        examined: the first characters, to which everything from `lines` on is limited.
    """

    name: str
    size: int
    sha256: str
    reading: str
    reason: str
    characters: int
    spaces: int
    lines: int
    longest_words: int
    longest_characters: int
    blank_between: bool
    words: int
    distinct_words: int
    distinct_characters: int
    examined: int

    @property
    def complete(self) -> bool:
        """Whether all of the text was examined."""
        return self.examined == self.characters


def compute_stats(
    corpus: Corpus,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> CorpusStats:
    """Reads all of the text, twice: for its hash, and to check and count it.

    Raises:
        InputError: a file that is no text, or no text in any of them.
        Cancelled: where `cancelled` said so.
    """
    sha256 = fingerprint(corpus, progress, cancelled)
    counts, before = StatsAccumulator(), 0
    total = corpus.size
    for path in corpus.files:
        read = _add_records if is_records(path) else _add_blocks
        for offset in read(counts, path, corpus.codec):
            if cancelled():
                raise Cancelled
            progress(min(before + offset, total), total, "reading the text")
        before += unpacked_size(path)
    if not counts.has_text:
        raise empty_corpus_error(corpus)
    return _facts(corpus, sha256, counts)


def _add_blocks(counts: StatsAccumulator, path: Path, encoding: Encoding) -> Iterator[int]:
    """Counts a plain text; gives how far it is, a block at a time."""
    for offset, _, text in read_chunks(path, encoding, BLOCK_BYTES):
        counts.add(text)
        yield offset
    counts.end()


def _add_records(counts: StatsAccumulator, path: Path, encoding: Encoding) -> Iterator[int]:
    """Counts the records of a file as lines; gives how far it is, about a block at a time."""
    told = 0
    for offset, _, text in read_records(path, encoding):
        counts.add_line(text)
        if offset - told >= BLOCK_BYTES:
            told = offset
            yield offset


def fingerprint(
    corpus: Corpus,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> str:
    """The SHA-256 of the corpus's file; of many files, of their relative names and hashes."""
    total, done, hashes = stored_size(corpus), 0, []
    for path in corpus.files:
        digest = hashlib.sha256()
        check_regular(path)
        with translate_errors(path), path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                if cancelled():
                    raise Cancelled
                digest.update(block)
                done += len(block)
                progress(done, total, "looking for changes in the text")
        hashes.append(digest.hexdigest())
    if len(hashes) == 1:
        return hashes[0]
    root = os.path.commonpath([path.parent for path in corpus.files])
    names = (path.relative_to(root).as_posix() for path in corpus.files)
    listing = "".join(f"{value}  {name}\n" for value, name in zip(hashes, names, strict=True))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def stored_size(corpus: Corpus) -> int:
    """Bytes of the corpus's files as they lie on the disk."""
    total = 0
    for path in corpus.files:
        with translate_errors(path):
            total += path.stat().st_size
    return total


def _facts(corpus: Corpus, sha256: str, counts: StatsAccumulator) -> CorpusStats:
    chosen, reason = choose_reading(corpus, counts)
    return CorpusStats(
        name=corpus.name,
        size=stored_size(corpus),
        sha256=sha256,
        reading=chosen,
        reason=reason,
        characters=counts.characters,
        spaces=counts.spaces * counts.characters // max(1, counts.examined),
        lines=counts.lines,
        longest_words=counts.longest_words,
        longest_characters=counts.longest_characters,
        blank_between=counts.blank_between,
        words=counts.words,
        distinct_words=len(counts.distinct_words),
        distinct_characters=len(counts.distinct_characters),
        examined=counts.examined,
    )


def choose_reading(corpus: Corpus, counts: StatsAccumulator) -> tuple[str, str]:
    """The reading and why: "lines" for records and for a short list of short lines."""
    if corpus.reading is not None:
        return corpus.reading, "as the corpus says"
    if all(is_records(path) for path in corpus.files):
        return "lines", "one record a line"
    if counts.lines > MAX_LIST_LINES:
        return "text", f"more than {MAX_LIST_LINES:,} lines"
    if counts.blank_between:
        return "text", "blank lines between the others"
    if counts.longest_words > MAX_LIST_LINE_WORDS:
        return "text", f"a line of more than {MAX_LIST_LINE_WORDS} words"
    if not counts.short_lines:
        return "text", "a line without an end"
    return "lines", f"{counts.lines:,} lines, none over {MAX_LIST_LINE_WORDS} words"
