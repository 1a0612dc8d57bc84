"""The game of Blank: words masked at random, which the person and the models guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from core.server.replies import FillPlace
from tui.explore.blank_text import BlankText, Choice

MAX_OPTIONS = 10
MAX_SHOWN_ANSWER = 40
ANSWER_SIGN = "•"  # the person's own, not yet judged


class Player(StrEnum):
    """Who guesses, as the score names them."""

    YOU = "You"
    ENCODER = "model"
    DECODER = "decoder"


def is_same_word(guess: str, word: str) -> bool:
    """Whether two words are the same but for spaces around them and the case of letters."""
    return guess.strip().casefold() == word.strip().casefold()


@dataclass
class Score:
    """How many blanks each player got right, over all rounds.

    Attributes:
        rounds: that have ended.
        right: by player; without a decoder there are two.
        asked: how many blanks each was asked for.
    """

    rounds: int = 0
    right: dict[Player, int] = field(default_factory=dict)
    asked: dict[Player, int] = field(default_factory=dict)

    def add(self, round_: Round) -> None:
        """Count a round that has ended."""
        self.rounds += 1
        for player in round_.players:
            words = round_.words
            self.asked[player] = self.asked.get(player, 0) + len(words)
            right = sum(round_.is_right(player, word) for word in words)
            self.right[player] = self.right.get(player, 0) + right

    def __str__(self) -> str:
        """In words, such as "You 3 of 5, model 4 of 5"; empty before the first round has ended."""
        return ", ".join(map(self._of, self.asked))

    @property
    def brief(self) -> str:
        """The same without the decoder."""
        return ", ".join(self._of(player) for player in self.asked if player != Player.DECODER)

    def _of(self, player: Player) -> str:
        return f"{player} {self.right[player]:,} of {self.asked[player]:,}"


@dataclass
class Round:
    """Masked words and the guesses at them.

    Attributes:
        truth: the word by its number.
        guesses: of the models, likewise.
        options: what can be chosen for a word instead of typing, in alphabetical order.
        answers: the person's.
    """

    truth: Mapping[int, str]
    guesses: Mapping[Player, Mapping[int, str]]
    options: Mapping[int, Sequence[Choice]] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)

    @property
    def words(self) -> Sequence[int]:
        """The numbers of the words to guess."""
        return list(self.truth)

    @property
    def players(self) -> Sequence[Player]:
        """The person first."""
        return [Player.YOU, *self.guesses]

    @property
    def is_over(self) -> bool:
        """Whether every word was answered."""
        return len(self.answers) == len(self.truth)

    def guess(self, player: Player, word: int) -> str:
        """What a player put in."""
        return (self.answers if player == Player.YOU else self.guesses[player]).get(word, "")

    def is_right(self, player: Player, word: int) -> bool:
        """Whether a player's guess is the word."""
        return is_same_word(self.guess(player, word), self.truth[word])

    def next_word(self, after: int) -> int | None:
        """The next word without an answer, around the end; None if all have one."""
        left = [word for word in self.words if word not in self.answers]
        return next((word for word in left if word > after), next(iter(left), None))

    def result(self, player: Player) -> str:
        """How many a player got right, such as "You 1 of 2"."""
        right = sum(self.is_right(player, word) for word in self.words)
        return f"{player} {right:,} of {len(self.words):,}"


def choose_words(text: BlankText, places: Sequence[int], rng: Random) -> list[int]:
    """The numbers of words to guess, in order: those of tokens that were chosen at random.

    A word is masked whole, so of words of several tokens only so many are taken that about as many
    tokens are masked as were chosen. Words with typed blanks are left out.
    """
    typed, chosen = text.typed_blanks, set(places) - text.typed_blanks
    words = [
        number
        for number, word in enumerate(text.words)
        if not chosen.isdisjoint(word) and typed.isdisjoint(word) and text.word_text(number).strip()
    ]
    rng.shuffle(words)
    taken, masked = [], 0
    for number in words:
        if masked < len(chosen):
            taken.append(number)
            masked += len(text.words[number])
    return sorted(taken)


def start_round(text: BlankText, places: Sequence[FillPlace]) -> Round:
    """A round about the masked words of a text that have an original.

    Args:
        places: what the model server says about all masked tokens.
    """
    typed, by_place = text.typed_blanks, {place.place: place for place in places}
    words = [
        number
        for number in text.masked_words
        if typed.isdisjoint(text.words[number]) and by_place.keys() >= set(text.words[number])
    ]
    guesses = {Player.ENCODER: {word: _guess(text, word, by_place) for word in words}}
    if all(place.decoder is not None for place in places):
        guesses[Player.DECODER] = {
            word: _guess(text, word, by_place, of_decoder=True) for word in words
        }
    truth = {word: text.word_text(word).strip() for word in words}
    return Round(truth, guesses, {word: _options(text, word, by_place) for word in words})


def _guess(
    text: BlankText, word: int, places: Mapping[int, FillPlace], *, of_decoder: bool = False
) -> str:
    """The likeliest tokens of a word, joined."""
    texts = []
    for index in text.words[word]:
        place = places[index]
        best = (place.decoder or []) if of_decoder else place.candidates
        texts += [best[0].text] if best else []
    return "".join(texts).strip()


def _options(text: BlankText, word: int, places: Mapping[int, FillPlace]) -> list[Choice]:
    """What can be chosen for a word of one token: its likeliest ones and the word itself, sorted.

    Their order says nothing about what the model would choose. A word of several tokens has none.
    """
    if len(text.words[word]) > 1:
        return []
    place = places[text.words[word][0]]
    token = text.tokens[place.place]
    words = (each for each in place.candidates if each.text.strip())
    choices = [Choice(each.id, each.text) for each in words][:MAX_OPTIONS]
    if token.id not in [choice.id for choice in choices]:
        choices = [*choices[: MAX_OPTIONS - 1], Choice(token.id, token.text)]
    return sorted(choices, key=lambda choice: (choice.text.strip().casefold(), choice.id))


def round_words(round_: Round) -> dict[int, str]:
    """What is shown for the words of a round: an answer, and once it is over whether it is right.

    Words without an answer are blanks.
    """
    if not round_.is_over:
        return {word: f"{ANSWER_SIGN}{_cut(answer)}" for word, answer in round_.answers.items()}
    return {
        word: f"{truth}✓"
        if round_.is_right(Player.YOU, word)
        else f"{_cut(round_.answers[word])}✗→{truth}"
        for word, truth in round_.truth.items()
    }


def _cut(answer: str) -> str:
    """An answer of a length that leaves the text in view, such as a pasted page."""
    return answer if len(answer) <= MAX_SHOWN_ANSWER else f"{answer[: MAX_SHOWN_ANSWER - 1]}…"
