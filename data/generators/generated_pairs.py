"""The result of a generator of pairs: a corpus and a held-out part, both as CSV with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

Pair = tuple[str, str]


@dataclass(frozen=True)
class GeneratedPairs:
    """Pairs to train on and pairs held out, with the names of the two columns."""

    columns: Pair
    corpus: tuple[Pair, ...]
    heldout: tuple[Pair, ...]

    def to_files(self) -> dict[str, bytes]:
        """Return the content of each file by its name."""
        return {
            "corpus.csv": to_csv(self.columns, self.corpus),
            "heldout.csv": to_csv(self.columns, self.heldout),
        }


def to_csv(columns: Pair, rows: Iterable[Pair]) -> bytes:
    """Write CSV as RFC 4180 quotes it, in UTF-8, with a line feed after each record."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue().encode()
