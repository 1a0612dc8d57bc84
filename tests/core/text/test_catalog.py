"""Texts seen before, found again by their hash, and copies of what was piped in."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
from pathlib import Path

import pytest

from core.errors import DamagedError, InputError, StorageError
from core.paths import Home, find_home
from core.text import stats
from core.text.catalog import find_by_hash, register_corpus
from core.text.corpus import read_samples
from core.text.resolve import resolve_corpus
from core.text.stats import fingerprint
from tests.support.texts import home_with_shelf, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_with_shelf(tmp_path, monkeypatch)


def test_standard_input_is_stored_once(home: Home) -> None:
    """A run is resumed after the pipe is gone; the same text twice must not fill the disk."""
    for _ in range(2):
        found = resolve_corpus("-", home, stdin=io.BytesIO("piped ü\n".encode()))
    digest = hashlib.sha256("piped ü\n".encode()).hexdigest()
    assert [path.name for path in home.corpora.iterdir()] == [f"{digest}.txt"]
    assert [sample.text for sample in read_samples(found, "lines")] == ["piped ü"]
    assert home.corpora.stat().st_mode & 0o777 == 0o700


def test_empty_standard_input_is_refused(home: Home) -> None:
    """A failed command before the pipe gives nothing."""
    with pytest.raises(InputError, match="Nothing came"):
        resolve_corpus("-", home, stdin=io.BytesIO())
    assert list(home.corpora.iterdir()) == []


def test_standard_input_that_cannot_be_stored_says_where(home: Home) -> None:
    """A full disk is no traceback."""
    write(home.root, "a file where the folder should be")
    with pytest.raises(StorageError, match="corpora"):
        resolve_corpus("-", home, stdin=io.BytesIO(b"x"))


def test_a_text_is_found_again_by_its_hash(home: Home, tmp_path: Path) -> None:
    """A run stores the hash only."""
    write(tmp_path / "a.txt", "café\n".encode("latin-1"))
    found = resolve_corpus("a.txt", home, encoding="latin-1")
    about = stats.compute_stats(found)
    register_corpus(found, about, home)
    again = find_by_hash(about.sha256, home)
    assert (again.files, again.codec, again.name) == (found.files, found.codec, "a")
    register_corpus(dataclasses.replace(found, encoding="cp1252", errors="replace"), about, home)
    again = find_by_hash(about.sha256, home, "a", found.encoding, found.errors)
    assert again.codec == found.codec, "a run reads its text as it did, however others read it"


def test_a_changed_text_is_refused(home: Home, tmp_path: Path) -> None:
    """Resuming on another text would continue another experiment in silence."""
    path = write(tmp_path / "a.txt", "one")
    found = resolve_corpus("a.txt", home)
    about = stats.compute_stats(found)
    register_corpus(found, about, home)
    os.utime(path, (1, 1))
    assert find_by_hash(about.sha256, home).files == (path,), "only touched, still the same"
    write(path, "two")
    with pytest.raises(InputError, match="has changed"):
        find_by_hash(about.sha256, home)
    path.unlink()
    with pytest.raises(InputError, match="no longer there"):
        find_by_hash(about.sha256, home)


def test_bundled_texts_are_found_without_memory(home: Home) -> None:
    """A run copied to another machine finds the corpus that came with the program there."""
    digest = fingerprint(resolve_corpus("lang", home))
    assert find_by_hash(digest, home, "lang").bundled
    with pytest.raises(InputError, match="has changed"):
        find_by_hash(digest, home, "tales")
    with pytest.raises(InputError, match="is not known here") as caught:
        find_by_hash(digest, home, "nobody")
    assert "Name the text itself once" in caught.value.hint


def test_piped_text_is_found_in_a_home_that_was_moved(home: Home, tmp_path: Path) -> None:
    """The copy travels with the home, so must the way to it."""
    found = resolve_corpus("-", home, stdin=io.BytesIO(b"piped"))
    about = stats.compute_stats(found)
    register_corpus(found, about, home)
    home.root.rename(tmp_path / "elsewhere")
    moved = find_home(tmp_path / "elsewhere")
    assert find_by_hash(about.sha256, moved).files == (moved.corpora / f"{about.sha256}.txt",)


def test_damaged_memory_is_named(home: Home) -> None:
    """A torn file in the home must not end in a traceback, nor pass for a text never seen."""
    for text in ("{", "[]", '{"format": 99}', '{"format": 1, "name": "x"}'):
        write(home.corpora / f"{'0' * 64}.json", text)
        with pytest.raises(DamagedError, match=r"0{64}\.json"):
            find_by_hash("0" * 64, home)
