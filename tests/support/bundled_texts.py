"""Names and files of the bundled corpora."""

from __future__ import annotations

import csv
import dataclasses
from functools import cache
from pathlib import Path

import data
from core.text.corpus import CorpusSample, bundled_corpora, read_samples

FOLDER = Path(data.__path__[0])
NAMES = ("arithmetic", "dialogues", "lang", "questions", "sentiment", "stories", "translation")
TASKS_OF_CORPORA = {
    "arithmetic": "answer",
    "dialogues": "converse",
    "questions": "answer",
    "sentiment": "classify",
    "translation": "translate",
}


@cache
def samples_of(name: str, *, heldout: bool = False) -> list[CorpusSample]:
    """Read the records of a task corpus, or of its held-out part."""
    corpus = next(corpus for corpus in bundled_corpora() if corpus.name == name)
    assert corpus.heldout
    assert corpus.reading
    files = (corpus.heldout,) if heldout else corpus.files
    return list(read_samples(dataclasses.replace(corpus, files=files), corpus.reading))


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
