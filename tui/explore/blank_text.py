"""A text whose words can be masked, with a cursor on one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.server.tokens import FillToken
from core.tokenizer.special_tokens import BLANK

BLANK_SIGN, LETTER_SIGN = "____", "_"
PIECE_JOIN = "+"  # between the pieces of a masked word
NO_WORD = "This blank was typed: there is no word to restore. Enter puts one in."


class Choice(NamedTuple):
    """A token put into a blank."""

    id: int
    text: str


@dataclass
class BlankText:
    """A text by its words, each of one token or of several.

    Attributes:
        tokens: of the text, as the model server lists them.
        blanks: indices of the tokens that are masked now.
        choices: the tokens put in instead of others, by index.
        at: number of the word at the cursor.
        words: the indices of the tokens of each word; special tokens belong to none.
        typed_blanks: indices of the blanks that were typed, which have no word to restore.
    """

    tokens: Sequence[FillToken] = ()
    blanks: set[int] = field(default_factory=set)
    choices: dict[int, Choice] = field(default_factory=dict)
    at: int = 0
    words: Sequence[Sequence[int]] = field(init=False)
    typed_blanks: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        words: dict[int, list[int]] = {}
        for place, token in enumerate(self.tokens):
            if token.word is not None:
                words.setdefault(token.word, []).append(place)
        self.words = list(words.values())
        self.typed_blanks = frozenset(
            place
            for place, token in enumerate(self.tokens)
            if token.word is not None and token.text.strip() == BLANK
        )
        self.blanks |= self.typed_blanks

    @property
    def word(self) -> Sequence[int]:
        """The indices of the tokens at the cursor; none without a text."""
        return self.words[self.at] if self.words else ()

    @property
    def place(self) -> int | None:
        """The index of the token that is asked for: the first masked one of the word, or its first.

        None without a text.
        """
        return next(
            (place for place in self.word if place in self.blanks), next(iter(self.word), None)
        )

    @property
    def is_masked(self) -> bool:
        """Whether the word at the cursor is masked, if only in part."""
        return any(place in self.blanks for place in self.word)

    @property
    def masked_words(self) -> list[int]:
        """The numbers of the words that are masked, if only in part."""
        return [
            number for number, word in enumerate(self.words) if not self.blanks.isdisjoint(word)
        ]

    @property
    def is_changed(self) -> bool:
        """Whether anything is masked or replaced that was not so when the text was opened."""
        return bool(self.choices) or self.blanks != self.typed_blanks

    # What the model server is asked

    @property
    def ids(self) -> list[int]:
        """The ids of the text as it was opened."""
        return [token.id for token in self.tokens]

    @property
    def asked_places(self) -> list[int]:
        """The tokens to mask: the blanks, and the word at the cursor if none of it is masked."""
        return sorted(self.blanks if self.is_masked else self.blanks | set(self.word))

    @property
    def fill(self) -> list[list[int]]:
        """The tokens put in that are not asked for, each as index and id."""
        asked = set(self.asked_places)
        return [
            [place, choice.id]
            for place, choice in sorted(self.choices.items())
            if place not in asked
        ]

    # What the person does

    def move(self, by: int) -> bool:
        """Move the cursor by words; False if it stays where it is."""
        return self.go_to(self.at + by)

    def go_to(self, word: int) -> bool:
        """Put the cursor on a word, or on the nearest beside it that has letters or signs.

        Returns:
            False if it is there.
        """
        if not self.words:
            return False
        before, wanted = self.at, max(0, min(len(self.words) - 1, word))
        ahead = range(wanted, len(self.words)), range(wanted, -1, -1)
        for number in (*ahead[wanted < before], *ahead[wanted >= before]):
            if any(self.tokens[place].text.strip() for place in self.words[number]):
                self.at = number
                break
        return self.at != before

    def next_blank(self, by: int = 1) -> int | None:
        """The number of the next masked word in a direction, around the ends; None without one."""
        masked = self.masked_words
        beyond = [number for number in masked if (number - self.at) * by > 0]
        ordered = beyond if by > 0 else beyond[::-1]
        around = masked if by > 0 else masked[::-1]
        return next(iter(ordered or around), None)

    def toggle(self) -> str:
        """Mask the word at the cursor, or restore the one that was there.

        Returns:
            Why nothing changed; empty if something did.
        """
        word = set(self.word)
        if not word:
            return ""
        if self.is_masked or word & set(self.choices):
            has_choice = bool(word & set(self.choices))
            self.blanks = (self.blanks - word) | (self.typed_blanks & word)
            for place in word:
                self.choices.pop(place, None)
            return NO_WORD if word <= self.typed_blanks and not has_choice else ""
        self.blanks |= word
        return ""

    def put(self, choice: Choice) -> None:
        """Put a token in at the cursor; into a word that is not masked, in place of all of it."""
        if (place := self.place) is None:
            return
        if not self.is_masked:
            self.blanks |= set(self.word)
        for each in set(self.word) & self.blanks:
            self.choices.pop(each, None)
        self.blanks.discard(place)
        self.choices[place] = choice

    def mask(self, words: Sequence[int]) -> None:
        """Mask these words besides those that are."""
        for number in words:
            self.blanks |= set(self.words[number])

    def restore(self) -> None:
        """Restore the text as it was opened."""
        self.blanks = set(self.typed_blanks)
        self.choices.clear()

    # What is shown

    def word_text(self, number: int) -> str:
        """The original text of a word, with the space before it; empty for a typed blank."""
        own = (place for place in self.words[number] if place not in self.typed_blanks)
        return "".join(self.tokens[place].text for place in own)

    def shown_words(self, shown: Mapping[int, str] | None = None) -> list[str]:
        """The texts of all words as they are shown, each with the space before it.

        Args:
            shown: other texts, by number of the word.
        """
        other = shown or {}
        return [
            self._lead(number) + other[number] if number in other else self._shown_word(number)
            for number in range(len(self.words))
        ]

    def text(self) -> str:
        """The text with its choices, and `[]` for each blank."""
        parts = []
        for number, word in enumerate(self.words):
            pieces = [BLANK if place in self.blanks else self._piece(place) for place in word]
            parts.append(self._lead(number) + "".join(pieces).removeprefix(" "))
        return "".join(parts)

    def _lead(self, number: int) -> str:
        """The space before a word, if it has one."""
        return " " if self.tokens[self.words[number][0]].text.startswith(" ") else ""

    def _piece(self, place: int) -> str:
        return self.choices[place].text if place in self.choices else self.tokens[place].text

    def _shown_word(self, number: int) -> str:
        word = self.words[number]
        if self.blanks.isdisjoint(word):
            return self._lead(number) + "".join(map(self._piece, word)).removeprefix(" ")
        is_letter = (p in self.typed_blanks or len(self.tokens[p].text) == 1 for p in word)
        is_spelled = len(word) > 1 and all(is_letter)
        sign, join = (LETTER_SIGN, "") if is_spelled else (BLANK_SIGN, PIECE_JOIN)
        pieces = [sign if place in self.blanks else self._piece(place).strip() for place in word]
        return self._lead(number) + join.join(pieces)
