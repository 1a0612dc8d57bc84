"""Names and files of the bundled corpora."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import data

FOLDER = Path(data.__path__[0])
NAMES = ("arithmetic", "dialogues", "lang", "questions", "sentiment", "stories", "translation")
LINE_NAMES = tuple(name for name in NAMES if name != "stories")
HELD_OUT_NAMES = ("arithmetic", "questions", "sentiment", "translation")


@cache
def read_text(name: str, file: str = "corpus.txt") -> str:
    """Read a file of a bundled corpus."""
    return (FOLDER / name / file).read_bytes().decode("utf-8")


def read_lines(name: str, file: str = "corpus.txt") -> list[str]:
    """Read the lines of a file of a bundled corpus."""
    return read_text(name, file).removesuffix("\n").split("\n")


@cache
def read_pairs(name: str, file: str = "corpus.csv") -> list[tuple[str, str]]:
    """Read the pairs of a file of a bundled corpus, without its header."""
    _, *rows = csv.reader(read_text(name, file).splitlines())
    return [(first, second) for first, second in rows]
