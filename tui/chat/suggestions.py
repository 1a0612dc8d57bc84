"""What to do about an unknown word: similar known words, or reading it as <unk>."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from core.errors import MiniGPTError
from tui.chat.keys import AS_UNKNOWN, MAX_SUGGESTIONS
from tui.common.client import ServerError
from tui.common.sanitize import one_line


@dataclass(frozen=True)
class Suggestions:
    """Known words similar to an unknown word of a prompt.

    Attributes:
        prompt: as it was sent.
        word: the first unknown word that is similar to known ones, else the first one.
        words: known words, most similar first; may be empty.
        more: how many other unknown words the prompt has.
    """

    prompt: str
    word: str
    words: tuple[str, ...]
    more: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that use a word, and the one that reads it as <unk>."""
        return (AS_UNKNOWN, *(str(number) for number in range(1, len(self.words) + 1)))

    def corrected_prompt(self, number: int) -> str:
        """Return the prompt with word `number`, from 1, in place of every unknown one."""
        known = self.words[number - 1]
        whole_word = rf"(?<!\S){re.escape(self.word)}(?!\S)"
        return re.sub(whole_word, lambda _: known, self.prompt)

    def line(self) -> Content:
        """Render the words with their keys on one line."""
        line = Content.assemble(("unknown word: ", "dim"), (one_line(self.word), "bold"))
        line = Content.assemble(line, "   ", (AS_UNKNOWN, "bold $primary"), " as <unk>")
        for number, word in enumerate(self.words, start=1):
            line = Content.assemble(
                line, "   ", (str(number), "bold $primary"), f" {one_line(word)}"
            )
        rest = f"   and {self.more} more unknown" if self.more else ""
        return Content.assemble(line, (rest, "dim"))


def suggest(prompt: str, nearest: Mapping[str, Sequence[str]]) -> Suggestions | None:
    """Suggest words for an unknown word, best for one that has similar ones; None without any.

    Args:
        nearest: known words by unknown word, as the model server reports them.
    """
    if not nearest:
        return None
    word = next((word for word, similar in nearest.items() if similar), next(iter(nearest)))
    words = tuple(str(known) for known in nearest[word][:MAX_SUGGESTIONS])
    return Suggestions(prompt, word, words, len(nearest) - 1)


def nearest_words(error: MiniGPTError) -> Mapping[str, Sequence[str]]:
    """Return known words by unknown word, where unknown words caused the error."""
    return error.nearest if isinstance(error, ServerError) else {}
