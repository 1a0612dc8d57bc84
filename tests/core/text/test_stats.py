"""Statistics of a text: counts, the reading that suits it, its hash."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from core.errors import Cancelled, InputError
from core.text import stats
from core.text.corpus import Corpus
from core.text.stats import CorpusStats, estimate_words, fingerprint
from tests.support.texts import corpus_of_file, write


def measure(tmp_path: Path, text: str | bytes, name: str = "a.txt") -> CorpusStats:
    return stats.compute_stats(corpus_of_file(write(tmp_path / name, text)))


def test_lines_words_and_characters_are_counted(tmp_path: Path) -> None:
    """Model size and tokenizer are chosen by these counts."""
    text = "one two\r\nthree  two\n"
    result = measure(tmp_path, text)
    assert (result.size, result.characters, result.spaces) == (len(text), len(text) - 1, 3)
    assert (result.lines, result.longest_words, result.longest_characters) == (2, 2, 10)
    assert (result.words, result.distinct_words, result.distinct_characters) == (4, 3, 9)
    assert result.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert result.complete


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("word", "lines"),
        ("a b\nc d\n", "lines"),
        ("\n\na b\nc d\n\n\n", "lines"),
        ("a b\n \nc d", "text"),
        (" ".join("w" * 64), "lines"),
        (" ".join("w" * 65), "text"),
        ("line\n" * 10_000, "lines"),
        ("line\n" * 10_001, "text"),
        ("x" * 1_100_000, "text"),
    ],
    ids=["word", "two", "around", "gap", "64", "65", "10000", "10001", "endless"],
)
def test_the_reading_follows_the_rule(tmp_path: Path, text: str, reading: str) -> None:
    """ "lines" only for a short list of short lines, limits included."""
    result = measure(tmp_path, text)
    assert result.reading == reading
    assert result.reason


def test_the_size_of_a_packed_text_is_that_of_the_text(tmp_path: Path) -> None:
    """Detects 535 kB for two million characters, and bits per byte of the packed file."""
    result = measure(tmp_path, gzip.compress(b"one line\n" * 5000), "a.txt.gz")
    assert result.size == result.characters == 45_000


def test_records_are_read_as_lines_unless_the_corpus_says_otherwise(tmp_path: Path) -> None:
    """A record is one sample, whatever its length."""
    text = json.dumps({"text": "w " * 100 + "\n\nmore"})
    assert measure(tmp_path, text, "a.jsonl").reading == "lines"
    path = write(tmp_path / "b.txt", "a b")
    assert stats.compute_stats(corpus_of_file(path, reading="text")).reading == "text"


def test_a_blank_line_between_two_files_does_not_count(tmp_path: Path) -> None:
    """Files that end with an empty line are still lists of lines."""
    files = tuple(write(tmp_path / name, f"\n{name} x\n\n") for name in ("a", "b"))
    assert stats.compute_stats(Corpus(name="ab", files=files)).reading == "lines"


def test_counts_do_not_depend_on_the_block_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines and words that span two blocks must be counted once."""
    text = "".join(f"line {n} of the text\n" * (1 + n % 3) for n in range(500))
    whole = measure(tmp_path, text)
    monkeypatch.setattr(stats, "BLOCK_BYTES", 37)
    assert measure(tmp_path, text) == whole


def test_only_the_beginning_of_a_large_text_is_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting the words of a gigabyte would take longer than reading it."""
    monkeypatch.setattr(stats, "EXAMINED_CHARACTERS", 1000)
    monkeypatch.setattr(stats, "BLOCK_BYTES", 100)
    result = measure(tmp_path, "a word\n\n" * 1000)
    assert result.characters == 8000
    assert abs(result.spaces - 1000) < 20
    assert 1000 <= result.examined < 1200
    assert not result.complete
    assert result.reading == "text"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"caf\xe9 \n" * 9, r"line 1\b"),
        (b"a\0b", "zero byte"),
        (b"a\n" * 99_999 + b"\xff", "line 100000"),
    ],
    ids=["other encoding", "binary", "at the end"],
)
def test_the_whole_text_is_checked(tmp_path: Path, data: bytes, message: str) -> None:
    """A bad byte at the end must be found before a night of training."""
    with pytest.raises(InputError, match=message):
        measure(tmp_path, data)


def test_computing_stats_reports_progress_and_can_be_cancelled(tmp_path: Path) -> None:
    """A large text must not block the app."""
    path = write(tmp_path / "a.txt", "some words\n" * 300_000)
    reports: list[tuple[int, int, str]] = []
    stats.compute_stats(corpus_of_file(path), lambda *report: reports.append(report))
    assert 4 < len(reports) < 20
    assert all(0 <= done <= total == path.stat().st_size for done, total, _ in reports)
    with pytest.raises(Cancelled):
        stats.compute_stats(corpus_of_file(path), cancelled=lambda: True)


def test_the_hash_of_several_files_depends_on_names_and_contents(tmp_path: Path) -> None:
    """Renaming or changing a file changes the hash; moving the folder does not."""

    def hash_files(folder: str, **texts: str) -> str:
        files = tuple(write(tmp_path / folder / name, text) for name, text in texts.items())
        return fingerprint(Corpus(name="x", files=files))

    first = hash_files("one", a="x", b="y")
    assert hash_files("two", a="x", b="y") == first
    assert len({first, hash_files("three", a="x", c="y"), hash_files("four", a="x", b="z")}) == 3


def test_an_endless_line_is_one_line(tmp_path: Path) -> None:
    """It was counted again with every mebibyte."""
    text = "word " * 900_000
    result = measure(tmp_path, f"{text}\nlast\n")
    assert (result.lines, result.reading) == (2, "text")
    assert result.longest_words == pytest.approx(900_000, abs=8), "a word may be cut in two"
    assert result.longest_characters == len(text.rstrip())


def test_words_of_scripts_without_blanks_are_estimated(tmp_path: Path) -> None:
    """A Chinese paragraph is not one short line of one word."""
    paragraphs = "\n".join(f"{n}" + "\u6f22\u5b57" * 100 for n in range(20))
    result = measure(tmp_path, paragraphs)
    assert (result.reading, result.longest_words) == ("text", 100)
    assert result.words == 20, "separated by white space, as before"
    assert estimate_words("caf\u00e9 au lait", 3) == 3
