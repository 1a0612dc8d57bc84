"""The result of a generator, and holding out lines to test a model on.

`data.generate` writes the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

MIN_WORD_COUNT = 5


@dataclass(frozen=True)
class GeneratedText:
    """The text of a corpus, and of its held-out part, which may be empty."""

    corpus: str
    heldout: str = ""

    @classmethod
    def from_lines(cls, corpus: Iterable[str], heldout: Iterable[str] = ()) -> GeneratedText:
        """Join lines, each with a newline."""
        return cls(*("".join(f"{line}\n" for line in lines) for lines in (corpus, heldout)))

    def to_files(self) -> dict[str, bytes]:
        """Return the content of each file by its name."""
        files = {"corpus.txt": self.corpus, "heldout.txt": self.heldout}
        return {name: text.encode() for name, text in files.items() if text}


def hold_out(
    random: Random, lines: Sequence[str], count: int, candidates: Iterable[str] | None = None
) -> GeneratedText:
    """Hold out `count` lines whose words all stay at least `MIN_WORD_COUNT` times in the rest.

    Args:
        candidates: the lines that may be held out; by default all.
    """
    remaining = Counter(word for line in lines for word in line.split())
    order = list(lines if candidates is None else candidates)
    random.shuffle(order)
    heldout: dict[str, None] = {}
    for line in order:
        if len(heldout) == count:
            break
        used = Counter(line.split())
        if all(remaining[word] - times >= MIN_WORD_COUNT for word, times in used.items()):
            remaining -= used
            heldout[line] = None
    assert len(heldout) == count, f"only {len(heldout)} of {count} lines can be held out"
    return GeneratedText.from_lines((line for line in lines if line not in heldout), heldout)
