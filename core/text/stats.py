"""Statistics of a text from one pass: size, lines, words, and how to read it.

Text is counted in blocks. Characters are counted in all of it; lines and words only in the first
8 Mi characters, unless they can still decide the reading (`CorpusStats.examined` says how far).
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import Cancelled, InputError
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.text.corpus import (
    CONVERSATIONS,
    Corpus,
    empty_corpus_error,
    find_chat_reading,
    find_task,
    read_samples,
)
from core.text.encoding import Encoding
from core.text.messages import CLASSIFY, CONTINUE, MAX_LABELS
from core.text.readers import (
    BLOCK_BYTES,
    check_regular,
    is_records,
    read_chunks,
    read_records,
    translate_errors,
    unpacked_size,
)

# A text is read as lines if it is at most this long a list of lines at most this long.
MAX_LIST_LINES = 10_000
MAX_LIST_LINE_WORDS = 64
MAX_LIST_LINE_CHARACTERS = 1 << 20
# Lines and words are counted up to these limits.
EXAMINED_CHARACTERS = 1 << 23
MAX_DISTINCT_WORDS = 1 << 20
# Scripts without blanks: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
UNSPACED_CHARACTERS_PER_WORD = 2


def estimate_words(text: str, separated: int) -> int:
    """Return the words of a text, also in scripts that do not separate them.

    Args:
        separated: number of words that are separated by white space.
    """
    if text.isascii():
        return separated
    return max(separated, len(re.findall(_UNSPACED, text)) // UNSPACED_CHARACTERS_PER_WORD)


@dataclass(frozen=True, kw_only=True)
class CorpusStats:
    """Measures of a corpus; the fields from `lines` on are limited to the examined part.

    Attributes:
        size: bytes of its files, unpacked; approximate for `.gz` files.
        sha256: of the file; for several files, of their relative names and hashes.
        reading: one of `core.text.corpus.READINGS`, as the corpus says or by rule.
        reason: why this reading, for people.
        characters: of the text, newlines included.
        spaces: blanks in the whole text, extrapolated from the examined part.
        lines: lines or records that are not empty.
        longest_words, longest_characters: of the longest line; its words as `estimate_words`.
        blank_between: whether an empty line separates others.
        words, distinct_words: separated by white space, punctuation and case kept.
        examined: the number of leading characters in which lines and words were counted.
        task: what a model of it does, one of `core.text.messages.TASKS`.
        labels: of a task "classify", the most frequent first.
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
    task: str = CONTINUE
    labels: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all of the text was examined."""
        return self.examined == self.characters


@dataclass
class StatsAccumulator:
    """Counts a text block by block; the fields mean the same as in `CorpusStats`.

    Attributes:
        has_text: whether there was anything but white space.
        distinct_words, distinct_characters: the sets themselves.
        has_short_lines: whether every line so far ended within `MAX_LIST_LINE_CHARACTERS`.
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
    has_short_lines: bool = True
    distinct_words: set[str] = field(default_factory=set)
    distinct_characters: set[str] = field(default_factory=set)
    _unfinished_line: str = ""
    _line_words: int = 0  # of the parts of an endless line before `_unfinished_line`
    _line_characters: int = 0
    _has_line_before: bool = False
    _is_after_blank: bool = False
    _is_done_with_lines: bool = False

    def add(self, text: str) -> None:
        """Count a block of a plain text; it may end within a line."""
        counts_lines = self._update_counts_lines()
        self._count_characters(text)
        if not counts_lines:
            return
        self._examine(text)
        *whole, self._unfinished_line = (self._unfinished_line + text).split("\n")
        for line in whole:
            self._end_line(line)
        if len(self._unfinished_line) > MAX_LIST_LINE_CHARACTERS:
            self.has_short_lines = False
            self._count_part(self._unfinished_line)
            self._line_characters += len(self._unfinished_line)
            self._unfinished_line = ""

    def end_file(self) -> None:
        """End the last line of a file; blank lines do not reach into the next file."""
        if self._unfinished_line or self._line_characters:
            self._end_line(self._unfinished_line)
        self._unfinished_line, self._has_line_before, self._is_after_blank = "", False, False

    def add_record(self, text: str) -> None:
        """Count a record as one line, even if it contains newlines."""
        counts_lines = self._update_counts_lines()
        self._count_characters(text)
        if counts_lines:
            self._examine(text)
            self._end_line(text)

    def _update_counts_lines(self) -> bool:
        """Whether to count lines and words; once they were skipped, they stay skipped."""
        is_large = (
            self.examined >= EXAMINED_CHARACTERS or len(self.distinct_words) >= MAX_DISTINCT_WORDS
        )
        is_line_list = (
            self.lines <= MAX_LIST_LINES
            and self.longest_words <= MAX_LIST_LINE_WORDS
            and not self.blank_between
            and self.has_short_lines
        )
        self._is_done_with_lines |= is_large and not is_line_list
        return not self._is_done_with_lines

    def _count_characters(self, text: str) -> None:
        self.characters += len(text)
        self.has_text = self.has_text or not (text.isspace() or not text)

    def _examine(self, text: str) -> None:
        self.examined += len(text)
        self.spaces += text.count(" ")
        self.distinct_characters.update(text)

    def _end_line(self, line: str) -> None:
        """Count a line, of which only the end is given if parts of it were counted before."""
        self._count_part(line)
        words, characters = self._line_words, self._line_characters + len(line.rstrip())
        self._line_words = self._line_characters = 0
        if not words:
            self._is_after_blank = self._has_line_before
            return
        self.blank_between |= self._is_after_blank
        self._has_line_before, self._is_after_blank = True, False
        self.lines += 1
        self.longest_words = max(self.longest_words, words)
        self.longest_characters = max(self.longest_characters, characters)

    def _count_part(self, part: str) -> None:
        words = part.split()
        self.words += len(words)
        self.distinct_words.update(words)
        self._line_words += estimate_words(part, len(words))


def compute_stats(
    corpus: Corpus,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> CorpusStats:
    """Read all of the text twice: to hash it, and to check and count it.

    Raises:
        InputError: a file that is not text, or no text in any of them.
        Cancelled: `cancelled` returned true.
    """
    sha256 = fingerprint(corpus, progress, cancelled)
    counts, bytes_before = StatsAccumulator(), 0
    total, chat_reading = corpus.size, find_chat_reading(corpus)
    labels: Counter[str] = Counter()
    for index, path in enumerate(corpus.files):
        if chat_reading:
            offsets = _count_messages(counts, labels, corpus, chat_reading, index)
        else:
            count_file = _count_records if is_records(path) else _count_blocks
            offsets = count_file(counts, path, corpus.codec)
        for offset in offsets:
            if cancelled():
                raise Cancelled
            progress(min(bytes_before + offset, total), total, "reading the text")
        bytes_before += unpacked_size(path)
    if not counts.has_text:
        raise empty_corpus_error(corpus)
    reading, reason = choose_reading(corpus, counts, chat_reading)
    task = find_task(corpus, reading)
    return CorpusStats(
        name=corpus.name,
        size=total,
        sha256=sha256,
        reading=reading,
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
        task=task,
        labels=check_labels(corpus, labels) if task == CLASSIFY else (),
    )


def check_labels(corpus: Corpus, counts: Counter[str]) -> tuple[str, ...]:
    """Return the labels, the most frequent first.

    Raises:
        InputError: there are too many to be labels.
    """
    if len(counts) > MAX_LABELS:
        raise InputError(
            f"{corpus.name} has more than {MAX_LABELS} different labels.",
            "Name the columns prompt,completion if they are answers instead.",
        )
    return tuple(label for label, _ in counts.most_common())


def _count_messages(
    counts: StatsAccumulator, labels: Counter[str], corpus: Corpus, reading: str, file: int
) -> Iterator[int]:
    """Count the conversations of a file; yields an offset about once per block.

    Args:
        labels: the last message of each is counted here, up to one more than may be.
    """
    part = dataclasses.replace(corpus, files=(corpus.files[file],))
    last_offset = 0
    for sample in read_samples(part, reading):
        counts.add_record(sample.text)
        label = sample.messages[-1].content
        if label in labels or len(labels) <= MAX_LABELS:
            labels[label] += 1
        if sample.offset - last_offset >= BLOCK_BYTES:
            last_offset = sample.offset
            yield sample.offset


def _count_blocks(counts: StatsAccumulator, path: Path, encoding: Encoding) -> Iterator[int]:
    """Count a plain text; yields the offset of every block."""
    for offset, _, text in read_chunks(path, encoding, BLOCK_BYTES):
        counts.add(text)
        yield offset
    counts.end_file()


def _count_records(counts: StatsAccumulator, path: Path, encoding: Encoding) -> Iterator[int]:
    """Count the records of a file; yields an offset about once per block."""
    last_offset = 0
    for offset, _, text in read_records(path, encoding):
        counts.add_record(text)
        if offset - last_offset >= BLOCK_BYTES:
            last_offset = offset
            yield offset


def choose_reading(
    corpus: Corpus, counts: StatsAccumulator, chat_reading: str | None
) -> tuple[str, str]:
    """Return the reading and the reason: "lines" for records and for a short list of short lines.

    A reading that the corpus itself names comes first, then what its records hold.

    Args:
        chat_reading: of `find_chat_reading`, which reads the beginning of every file.
    """
    if corpus.reading is not None:
        return corpus.reading, "set by the corpus"
    if chat_reading:
        noun = "a conversation" if chat_reading == CONVERSATIONS else "a prompt with its completion"
        return chat_reading, f"each record is {noun}"
    if all(is_records(path) for path in corpus.files):
        return "lines", "one record per line"
    if counts.lines > MAX_LIST_LINES:
        return "text", f"more than {MAX_LIST_LINES:,} lines"
    if counts.blank_between:
        return "text", "blank lines between other lines"
    if counts.longest_words > MAX_LIST_LINE_WORDS:
        return "text", f"a line of more than {MAX_LIST_LINE_WORDS} words"
    if not counts.has_short_lines:
        return "text", f"a line of more than {MAX_LIST_LINE_CHARACTERS >> 20} Mi characters"
    return "lines", f"{counts.lines:,} lines, none over {MAX_LIST_LINE_WORDS} words"


def fingerprint(
    corpus: Corpus,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> str:
    """Return the SHA-256 of the corpus's file; of several, of their relative names and hashes.

    Raises:
        InputError: a file cannot be read.
        Cancelled: `cancelled` returned true.
    """
    total, done, hashes = _stored_size(corpus), 0, []
    for path in corpus.files:
        digest = hashlib.sha256()
        check_regular(path)
        with translate_errors(path), path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                if cancelled():
                    raise Cancelled
                digest.update(block)
                done += len(block)
                progress(done, total, "checking the text for changes")
        hashes.append(digest.hexdigest())
    if len(hashes) == 1:
        return hashes[0]
    root = os.path.commonpath([path.parent for path in corpus.files])
    names = (path.relative_to(root).as_posix() for path in corpus.files)
    listing = "".join(f"{value}  {name}\n" for value, name in zip(hashes, names, strict=True))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def _stored_size(corpus: Corpus) -> int:
    """Return the bytes of the corpus's files on disk."""
    total = 0
    for path in corpus.files:
        with translate_errors(path):
            total += path.stat().st_size
    return total
