"""Known texts: corpus by hash, and stored copies of standard input."""

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
from core.text.catalog import SOURCE_FILE, find_by_hash, forget_piped_text, register_corpus
from core.text.corpus import read_samples
from core.text.piped import remove_leftovers
from core.text.resolve import open_corpus, resolve_corpus
from core.text.stats import fingerprint
from tests.support.texts import home_with_bundled_corpora, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_with_bundled_corpora(tmp_path, monkeypatch)


def _train_on_stdin(data: bytes, home: Home) -> str:
    """Register a text from standard input as a run does; returns its hash."""
    with open_corpus("-", home, stdin=io.BytesIO(data)) as corpus:
        described = stats.compute_stats(corpus)
        register_corpus(corpus, described, home)
    return described.sha256


def test_standard_input_is_kept_once_for_runs(home: Home) -> None:
    """The pipe is gone when a run is resumed; equal texts share one file."""
    text = "piped ü\n".encode()
    digest = hashlib.sha256(text).hexdigest()
    assert {_train_on_stdin(text, home) for _ in range(2)} == {digest}
    assert {path.name for path in home.corpora.iterdir()} == {f"{digest}.txt", f"{digest}.json"}
    corpus = find_by_hash(digest, home)
    assert [sample.text for sample in read_samples(corpus, "lines")] == ["piped ü"]
    assert home.corpora.stat().st_mode & 0o777 == 0o700


def test_standard_input_is_not_kept_unless_registered(home: Home) -> None:
    with open_corpus("-", home, stdin=io.BytesIO(b"piped")) as corpus:
        assert [sample.text for sample in read_samples(corpus, "lines")] == ["piped"]
        remove_leftovers(home)
        assert corpus.files[0].exists(), "its process is alive"
    assert list(home.corpora.iterdir()) == []


def test_standard_input_is_not_kept_after_an_error_which_names_it(home: Home) -> None:
    with (
        pytest.raises(InputError, match=r"^Standard input.* is not utf-8") as raised,
        open_corpus("-", home, stdin=io.BytesIO(b"caf\xe9 au lait")) as corpus,
    ):
        stats.compute_stats(corpus)
    assert ".stdin" not in str(raised.value)
    assert list(home.corpora.iterdir()) == []


def test_what_a_killed_process_left_of_standard_input_is_removed(home: Home) -> None:
    home.corpora.mkdir(parents=True)
    write(home.corpora / ".stdin-0123", "left")
    kept = write(home.corpora / "other.txt", "x")
    remove_leftovers(home)
    assert list(home.corpora.iterdir()) == [kept]


def test_a_forgotten_text_leaves_nothing(home: Home) -> None:
    digest, other = _train_on_stdin(b"one", home), _train_on_stdin(b"two", home)
    for name, source in (("a", digest), ("b", other)):
        write(home.cache / "tokens" / name / SOURCE_FILE, source)
    forget_piped_text(digest, home)
    assert {path.name for path in home.corpora.iterdir()} == {f"{other}.txt", f"{other}.json"}
    assert [path.name for path in (home.cache / "tokens").iterdir()] == ["b"]


def test_empty_standard_input_is_refused(home: Home) -> None:
    """A command that fails before the pipe produces no output."""
    with (
        pytest.raises(InputError, match="input is empty"),
        open_corpus("-", home, stdin=io.BytesIO()),
    ):
        pass
    assert list(home.corpora.iterdir()) == []


def test_error_for_unstorable_standard_input_names_the_folder(home: Home) -> None:
    """A full disk must not end in a traceback."""
    write(home.root, "a file in place of the folder")
    with (
        pytest.raises(StorageError, match="corpora"),
        open_corpus("-", home, stdin=io.BytesIO(b"x")),
    ):
        pass


def test_a_registered_text_is_found_by_its_hash(home: Home, tmp_path: Path) -> None:
    """A run stores only the hash, and reads the text with its own encoding."""
    write(tmp_path / "a.txt", "café\n".encode("latin-1"))
    corpus = resolve_corpus("a.txt", home, encoding="latin-1")
    described = stats.compute_stats(corpus)
    register_corpus(corpus, described, home)
    again = find_by_hash(described.sha256, home)
    assert (again.files, again.codec, again.name) == (corpus.files, corpus.codec, "a")
    register_corpus(
        dataclasses.replace(corpus, encoding="cp1252", errors="replace"), described, home
    )
    again = find_by_hash(described.sha256, home, "a", corpus.encoding, corpus.errors)
    assert again.codec == corpus.codec, "another run read it differently"


def test_a_changed_text_is_refused(home: Home, tmp_path: Path) -> None:
    """Resuming on a different text would silently continue a different experiment."""
    path = write(tmp_path / "a.txt", "one")
    corpus = resolve_corpus("a.txt", home)
    described = stats.compute_stats(corpus)
    register_corpus(corpus, described, home)
    os.utime(path, (1, 1))
    assert find_by_hash(described.sha256, home).files == (path,), (
        "touched, but with the same content"
    )
    write(path, "two")
    with pytest.raises(InputError, match="has changed"):
        find_by_hash(described.sha256, home)
    path.unlink()
    with pytest.raises(InputError, match="no longer there"):
        find_by_hash(described.sha256, home)


def test_a_bundled_text_is_found_without_a_record(home: Home) -> None:
    """A run copied to another machine uses the bundled corpus there."""
    digest = fingerprint(resolve_corpus("lang", home))
    assert find_by_hash(digest, home, "lang").bundled
    with pytest.raises(InputError, match="has changed"):
        find_by_hash(digest, home, "tales")
    with pytest.raises(InputError, match="is not known on this machine") as caught:
        find_by_hash(digest, home, "unknown")
    assert "Start a run on the text itself" in caught.value.hint


def test_piped_text_is_found_after_the_home_was_moved(home: Home, tmp_path: Path) -> None:
    """The stored copy moves with the home, its recorded path does not."""
    digest = _train_on_stdin(b"piped", home)
    home.root.rename(tmp_path / "elsewhere")
    moved = find_home(tmp_path / "elsewhere")
    assert find_by_hash(digest, moved).files == (moved.corpora / f"{digest}.txt",)


def test_error_for_a_damaged_record_names_the_file(home: Home) -> None:
    """A damaged record must neither end in a traceback nor count as an unknown text."""
    for text in ("{", "[]", '{"format": 99}', '{"format": 1, "name": "x"}'):
        write(home.corpora / f"{'0' * 64}.json", text)
        with pytest.raises(DamagedError, match=r"0{64}\.json"):
            find_by_hash("0" * 64, home)
