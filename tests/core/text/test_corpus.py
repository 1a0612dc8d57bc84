"""Bundled corpora, and how a text is cut into samples."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core.errors import InputError
from core.paths import Home
from core.text import corpus, stats
from core.text.corpus import Corpus, possible_readings, read_samples
from tests.support.texts import corpus_of_file, corpus_of_text, home_with_bundled_corpora, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_with_bundled_corpora(tmp_path, monkeypatch)


def test_bundled_corpora_are_described(home: Home) -> None:
    """The list of texts is built from the about files."""
    first, second = corpus.bundled_corpora()
    assert (first.name, first.title, first.prompt, first.heldout) == ("lang", "Lang", "Py", None)
    assert second.heldout is not None
    assert second.heldout.read_text() == "Thrice."


def test_lines_lose_trailing_white_space_and_empty_ones_are_skipped(tmp_path: Path) -> None:
    """Indentation is text; trailing blanks and carriage returns are not."""
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\n\r\n  two \t\r\n \nthree")
    samples = list(read_samples(corpus_of_file(path), "lines"))
    assert [sample.text for sample in samples] == ["one", "  two", "three"]
    assert [sample.offset for sample in samples] == [3, 10, 21]


def test_documents_end_where_files_and_records_end(tmp_path: Path) -> None:
    """Documents are separated by <eos>."""
    long = "word " * 20_000
    first = write(tmp_path / "a.txt", long)
    second = write(tmp_path / "b.jsonl", '{"text": "x"}\n{"text": ""}\n{"text": "y"}\n')
    samples = list(read_samples(Corpus(name="ab", files=(first, second)), "text"))
    assert "".join(sample.text for sample in samples if sample.file == 0) == long
    ends = [sample.ends_document for sample in samples]
    assert ends == [False] * (len(samples) - 3) + [True, True, True]
    assert [sample.file for sample in samples[-2:]] == [1, 1]


@pytest.mark.parametrize("text", ["", " \n\t\r\n ", "\ufeff"])
@pytest.mark.parametrize("reading", ["lines", "text"])
def test_nothing_but_white_space_is_refused(tmp_path: Path, text: str, reading: str) -> None:
    """A run on an empty text would fail later, with a less helpful error."""
    empty = corpus_of_file(write(tmp_path / "a.txt", text))
    with pytest.raises(InputError, match="no text in"):
        list(read_samples(empty, reading))
    with pytest.raises(InputError, match="no text in"):
        stats.compute_stats(empty)


@pytest.mark.parametrize(
    ("name", "text", "readings"),
    [
        ("a.txt", "one\ntwo\n", ("lines", "text")),
        ("a.csv", "text,label\nfine,good\n", ("lines", "text", "pairs")),
        ("a.csv", "name,age\nAnn,5\n", ("lines", "text")),
        ("a.jsonl", '{"text": "one"}\n', ("lines", "text")),
        ("a.jsonl", '{"messages": []}\n', ("conversations",)),
        ("a.jsonl", '{"prompt": "a", "completion": "b"}\n', ("pairs",)),
    ],
)
def test_only_readings_that_a_file_allows_are_possible(
    name: str, text: str, readings: tuple[str, ...], tmp_path: Path
) -> None:
    corpus = corpus_of_text(tmp_path / name, text)
    assert possible_readings(corpus) == readings
    chosen = dataclasses.replace(corpus, reading=readings[0])
    assert possible_readings(chosen) == readings
