"""Words offered in place of one that the model never saw. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from core.errors import MiniGPTError
from tui.common.sanitize import one_line
from tui.talk.keys import MOST_OFFERED


@dataclass(frozen=True)
class Offer:
    """What could be meant.

    Attributes:
        prompt: as it was sent.
        word: the first unknown one.
        words: known ones like it, best first.
        more: how many unknown words follow.
    """

    prompt: str
    word: str
    words: tuple[str, ...]
    more: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that take a word."""
        return tuple(str(number) for number in range(1, len(self.words) + 1))

    def replaced(self, number: int) -> str:
        """The prompt with word `number`, counted from 1, wherever the unknown one stands."""
        known = self.words[number - 1]
        alone = rf"(?<!\S){re.escape(self.word)}(?!\S)"
        return re.sub(alone, lambda _: known, self.prompt)

    def line(self) -> Content:
        """The choices with their keys."""
        said = Content.assemble(("never seen: ", "dim"), (one_line(self.word), "bold"))
        for number, word in enumerate(self.words, start=1):
            said = Content.assemble(
                said, "   ", (str(number), "bold $primary"), f" {one_line(word)}"
            )
        rest = f"   and {self.more} more unknown" if self.more else ""
        return Content.assemble(said, (rest, "dim"))


def offer(prompt: str, nearest: Mapping[str, Sequence[str]]) -> Offer | None:
    """The offer for the first unknown word that is like known ones; None if none is.

    Args:
        nearest: known words by unknown word, as the sampler names them.
    """
    for word, near in nearest.items():
        if near:
            words = tuple(str(known) for known in near[:MOST_OFFERED])
            return Offer(prompt, word, words, len(nearest) - 1)
    return None


def nearest_of(error: MiniGPTError) -> Mapping[str, Sequence[str]]:
    """Known words by unknown word, where that is what went wrong."""
    near = getattr(error, "nearest", None)
    return near if isinstance(near, Mapping) else {}
