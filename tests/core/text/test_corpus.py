"""Corpora: what came with the program, and how a text is cut into samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.paths import Home
from core.text import corpus, stats
from core.text.corpus import Corpus, read_samples
from tests.support.texts import home_with_shelf, one, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_with_shelf(tmp_path, monkeypatch)


def test_bundled_corpora_are_described(home: Home) -> None:
    """The list a person chooses from comes from the about files."""
    first, second = corpus.bundled_corpora()
    assert (first.name, first.title, first.prompt, first.heldout) == ("lang", "Lang", "Py", None)
    assert second.heldout is not None
    assert second.heldout.read_text() == "Thrice."


def test_lines_are_stripped_at_the_end_and_empty_ones_left_out(tmp_path: Path) -> None:
    """Indentation is text; a carriage return or blanks at the end are not."""
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\n\r\n  two \t\r\n \nthree")
    found = list(read_samples(one(path), "lines"))
    assert [sample.text for sample in found] == ["one", "  two", "three"]
    assert [sample.offset for sample in found] == [3, 10, 21]


def test_documents_end_where_files_and_records_end(tmp_path: Path) -> None:
    """Between two documents stands <eos>, nowhere else."""
    long = "word " * 20_000
    first = write(tmp_path / "a.txt", long)
    second = write(tmp_path / "b.jsonl", '{"text": "x"}\n{"text": ""}\n{"text": "y"}\n')
    found = list(read_samples(Corpus(name="ab", files=(first, second)), "text"))
    assert "".join(sample.text for sample in found if sample.file == 0) == long
    ends = [sample.ends_document for sample in found]
    assert ends == [False] * (len(found) - 3) + [True, True, True]
    assert [sample.file for sample in found[-2:]] == [1, 1]


@pytest.mark.parametrize("text", ["", " \n\t\r\n ", "\ufeff"])
@pytest.mark.parametrize("reading", ["lines", "text"])
def test_nothing_but_white_space_is_refused(tmp_path: Path, text: str, reading: str) -> None:
    """A run on nothing would fail later, in a place that does not know why."""
    found = one(write(tmp_path / "a.txt", text))
    with pytest.raises(InputError, match="no text in"):
        list(read_samples(found, reading))
    with pytest.raises(InputError, match="no text in"):
        stats.compute_stats(found)
