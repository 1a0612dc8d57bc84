"""Counting a text as it goes by in blocks: characters, lines, words.

Characters are all counted; blanks, lines and words only while that can still matter, see
`Counts.busy`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_LINES = 10_000
MOST_WORDS = 64
LONGEST_LINE = 1 << 20
EXAMINED = 1 << 23
MOST_DISTINCT = 1 << 20


@dataclass
class Counts:
    """The counts of `core.text.stats.Facts`, under the same names.

    Attributes:
        printed: whether anything but white space was there.
        different, letters: the words and characters met.
        short_lines: whether every line met so far has ended within a million characters.
    """

    characters: int = 0
    spaces: int = 0
    printed: bool = False
    examined: int = 0
    lines: int = 0
    longest_words: int = 0
    longest_characters: int = 0
    blank_between: bool = False
    words: int = 0
    short_lines: bool = True
    different: set[str] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)
    _held: str = ""
    _begun: bool = False
    _gap: bool = False
    _closed: bool = False

    @property
    def few_lines(self) -> bool:
        """Whether the text so far is a short list of short lines."""
        return (
            self.lines <= MOST_LINES
            and self.longest_words <= MOST_WORDS
            and not self.blank_between
            and self.short_lines
        )

    @property
    def busy(self) -> bool:
        """Whether lines and words are still counted."""
        if self._closed:
            return False
        large = self.examined >= EXAMINED or len(self.different) >= MOST_DISTINCT
        self._closed = large and not self.few_lines
        return not self._closed

    def add(self, text: str) -> None:
        """Counts a block of a plain text; it may end within a line."""
        busy = self.busy
        self._add_characters(text)
        if not busy:
            return
        self._examine(text)
        *whole, self._held = (self._held + text).split("\n")
        for line in whole:
            self._add_words(line)
        if len(self._held) > LONGEST_LINE:
            self.short_lines = False
            self.end()

    def end(self) -> None:
        """The file has ended, and with it its last line and any gap."""
        if self._held:
            self._add_words(self._held)
        self._held, self._begun, self._gap = "", False, False

    def add_line(self, text: str) -> None:
        """Counts a record as one line, whatever is in it."""
        busy = self.busy
        self._add_characters(text)
        if busy:
            self._examine(text)
            self._add_words(text)

    def _add_characters(self, text: str) -> None:
        self.characters += len(text)
        self.printed = self.printed or not (text.isspace() or not text)

    def _examine(self, text: str) -> None:
        self.examined += len(text)
        self.spaces += text.count(" ")
        self.letters.update(text)

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
        self.different.update(words)
