"""What a generator gives, and how lines are kept apart to check a model on.

Knows nothing of files; `data.generate` writes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

MIN_WORD_COUNT = 5


@dataclass(frozen=True)
class Parts:
    """The text of a corpus, and of what is held out of it (empty where there is nothing)."""

    corpus: str
    heldout: str = ""

    @classmethod
    def of_lines(cls, corpus: Iterable[str], heldout: Iterable[str] = ()) -> Parts:
        """The lines, each with its newline."""
        return cls(*("".join(f"{line}\n" for line in lines) for lines in (corpus, heldout)))


def hold_out(
    random: Random, lines: Sequence[str], count: int, candidates: Iterable[str] | None = None
) -> Parts:
    """Keeps `count` lines apart whose words all stay in the others, `MIN_WORD_COUNT` times or more.

    Args:
        candidates: the lines that may be held out; None is all of them.
    """
    left = Counter(word for line in lines for word in line.split())
    order = list(lines if candidates is None else candidates)
    random.shuffle(order)
    apart: dict[str, None] = {}
    for line in order:
        if len(apart) == count:
            break
        used = Counter(line.split())
        if all(left[word] - times >= MIN_WORD_COUNT for word, times in used.items()):
            left -= used
            apart[line] = None
    assert len(apart) == count, f"only {len(apart)} of {count} lines can be held out"
    return Parts.of_lines((line for line in lines if line not in apart), apart)
