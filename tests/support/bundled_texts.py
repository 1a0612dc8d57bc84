"""For tests of the bundled corpora: their names, and their files as they are installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import data

FOLDER = Path(data.__path__[0])
NAMES = ("arithmetic", "dialogues", "lang", "questions", "sentiment", "stories", "translation")
LINES = tuple(name for name in NAMES if name != "stories")
HELD_OUT = ("arithmetic", "questions", "sentiment", "translation")


@cache
def read(name: str, file: str = "corpus.txt") -> str:
    """A file of a bundled corpus."""
    return (FOLDER / name / file).read_bytes().decode("utf-8")


def lines(name: str, file: str = "corpus.txt") -> list[str]:
    """Its lines."""
    return read(name, file).removesuffix("\n").split("\n")
