"""What is told of a text: counts, the reading that suits it, its hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from core.errors import Cancelled, InputError
from core.text import stats
from core.text.corpus import Corpus
from core.text.stats import CorpusStats, fingerprint
from tests.support.texts import one, write


def described(tmp_path: Path, text: str | bytes, name: str = "a.txt") -> CorpusStats:
    return stats.compute_stats(one(write(tmp_path / name, text)))


def test_facts_are_counted(tmp_path: Path) -> None:
    """The choice of a size and a tokenizer rests on them."""
    text = "one two\r\nthree  two\n"
    found = described(tmp_path, text)
    assert (found.size, found.characters, found.spaces) == (len(text), len(text) - 1, 3)
    assert (found.lines, found.longest_words, found.longest_characters) == (2, 2, 10)
    assert (found.words, found.distinct_words, found.distinct_characters) == (4, 3, 9)
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert found.complete


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
    """Lines only for a short list of short lines; the limits themselves still belong to it."""
    found = described(tmp_path, text)
    assert found.reading == reading
    assert found.reason


def test_records_are_read_as_lines_and_a_corpus_may_say_itself(tmp_path: Path) -> None:
    """A record is one sample, whatever its length."""
    text = json.dumps({"text": "w " * 100 + "\n\nmore"})
    assert described(tmp_path, text, "a.jsonl").reading == "lines"
    path = write(tmp_path / "b.txt", "a b")
    assert stats.compute_stats(one(path, reading="text")).reading == "text"


def test_a_gap_between_two_files_is_no_blank_line(tmp_path: Path) -> None:
    """A file that ends with an empty line is still a list of lines."""
    files = tuple(write(tmp_path / name, f"\n{name} x\n\n") for name in ("a", "b"))
    assert stats.compute_stats(Corpus(name="ab", files=files)).reading == "lines"


def test_blocks_change_no_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and words across two blocks must be counted once."""
    text = "".join(f"line {n} of the text\n" * (1 + n % 3) for n in range(500))
    whole = described(tmp_path, text)
    monkeypatch.setattr(stats, "BLOCK_BYTES", 37)
    assert described(tmp_path, text) == whole


def test_a_large_text_is_examined_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting the words of a gigabyte would take longer than reading it; the part is told."""
    monkeypatch.setattr(stats, "EXAMINED_CHARACTERS", 1000)
    monkeypatch.setattr(stats, "BLOCK_BYTES", 100)
    found = described(tmp_path, "a word\n\n" * 1000)
    assert found.characters == 8000
    assert abs(found.spaces - 1000) < 20
    assert 1000 <= found.examined < 1200
    assert not found.complete
    assert found.reading == "text"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"caf\xe9 \n" * 9, r"line 1\b"),
        (b"a\0b", "zero byte"),
        (b"a\n" * 99_999 + b"\xff", "line 100000"),
    ],
    ids=["other encoding", "binary", "at the end"],
)
def test_facts_check_the_whole_text(tmp_path: Path, data: bytes, said: str) -> None:
    """A bad byte at the end must be found before a night of training."""
    with pytest.raises(InputError, match=said):
        described(tmp_path, data)


def test_facts_can_be_stopped_and_tell_how_far_they_are(tmp_path: Path) -> None:
    """A large text must not block the interface."""
    path = write(tmp_path / "a.txt", "some words\n" * 300_000)
    told: list[tuple[int, int, str]] = []
    stats.compute_stats(one(path), lambda *what: told.append(what))
    assert 4 < len(told) < 20
    assert all(0 <= done <= total == path.stat().st_size for done, total, _ in told)
    with pytest.raises(Cancelled):
        stats.compute_stats(one(path), cancelled=lambda: True)


def test_the_hash_of_many_files_sees_names_and_contents(tmp_path: Path) -> None:
    """A renamed or changed file is another text; another place for the folder is not."""

    def hashed(folder: str, **texts: str) -> str:
        files = tuple(write(tmp_path / folder / name, text) for name, text in texts.items())
        return fingerprint(Corpus(name="x", files=files))

    first = hashed("one", a="x", b="y")
    assert hashed("two", a="x", b="y") == first
    assert len({first, hashed("three", a="x", c="y"), hashed("four", a="x", b="z")}) == 3
