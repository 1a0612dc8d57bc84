"""Resolving what a person names: a bundled text, a file, a folder, a pattern, standard input."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError, NotFoundError
from core.paths import Home
from core.text import resolve
from core.text.corpus import read_samples
from core.text.resolve import resolve_corpus
from tests.support.texts import home_with_bundled_corpora, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_with_bundled_corpora(tmp_path, monkeypatch)


def test_a_bundled_name_wins_over_a_file_of_that_name(home: Home, tmp_path: Path) -> None:
    """`./lang` names the file, as with commands in a shell."""
    write(tmp_path / "lang", "mine")
    assert resolve_corpus("lang", home).bundled
    corpus = resolve_corpus("./lang", home)
    assert not corpus.bundled
    assert corpus.files == (tmp_path / "lang",)


def test_a_folder_gives_its_text_files_in_order(home: Home, tmp_path: Path) -> None:
    """Other files are skipped and counted in the description; hidden ones are ignored."""
    for name in ("b.txt", "a/z.md", "a/.git/x", ".hidden", "c.txt.gz"):
        text = gzip.compress(b"packed") if name.endswith("gz") else "text"
        write(tmp_path / "texts" / name, text)
    write(tmp_path / "texts" / "picture.png", b"\x89PNG\0\0")
    write(tmp_path / "texts" / "empty.txt", b" \n")
    os.mkfifo(tmp_path / "texts" / "pipe")
    corpus = resolve_corpus("texts", home)
    assert [file.name for file in corpus.files] == ["b.txt", "c.txt.gz", "z.md"]
    assert corpus.name == "texts"
    assert corpus.description == "3 files, 2 skipped (not text)"


def test_a_pattern_matches_files_in_order(home: Home, tmp_path: Path) -> None:
    """`**` matches subfolders; an existing file wins over a pattern of the same spelling."""
    for name in ("b.txt", "a.txt", "deep/er/c.txt", "no.md"):
        write(tmp_path / "texts" / name, "text")
    assert [f.name for f in resolve_corpus("texts/*.txt", home).files] == ["a.txt", "b.txt"]
    assert len(resolve_corpus("texts/**/*.txt", home).files) == 3
    write(tmp_path / "odd[1].txt", "text")
    assert resolve_corpus("odd[1].txt", home).files == (tmp_path / "odd[1].txt",)


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/Alice.txt", "Alice"), ("chat.jsonl.gz", "chat"), ("README.md", "README.md"), ("x", "x")],
)
def test_a_file_names_its_corpus(home: Home, tmp_path: Path, path: str, name: str) -> None:
    """Runs are named after their corpus."""
    write(tmp_path / path, "text")
    assert resolve_corpus(path, home).name == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tale", "Did you mean tales"),
        ("Alic.txt", "Did you mean Alice.txt"),
        ("none/*.txt", "No file matches"),
        ("hollow", "no text in the folder"),
        ("/dev/null", "not a regular file"),
        ("pipe", "not a regular file"),
        ("", "no text named"),
        ("a\0b", "no text named"),
        ("x" * 5000, "cannot be read"),
        ("Alice.txt/more", "no text named"),
    ],
)
def test_errors_for_missing_texts_suggest_what_to_do(
    home: Home, tmp_path: Path, spec: str, message: str
) -> None:
    """Never a traceback from the file system."""
    write(tmp_path / "Alice.txt", "text")
    write(tmp_path / "hollow" / "picture", b"\0\0")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError) as caught:
        resolve_corpus(spec, home)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "suggested"),
    [
        ("a_long_folder/story.txt", "a_long_folder/stories.txt"),
        ("a_long_folder/enc.txt", None),
        ("a_long_folder/picture.txt", None),
        ("a_long_folder/hidden.txt", None),
        ("a_long_folder/inner.txt", None),
    ],
)
def test_only_text_files_with_a_similar_name_are_suggested(
    home: Home, tmp_path: Path, spec: str, suggested: str | None
) -> None:
    """Neither a common folder nor a common suffix makes names similar."""
    folder = tmp_path / "a_long_folder"
    for name in ("stories.txt", "setup.sh", "dot.txt", ".hidden.txt", "inner/text.txt"):
        write(folder / name, "text")
    write(folder / "picture.png", b"\0\0")
    with pytest.raises(NotFoundError) as caught:
        resolve_corpus(spec, home)
    hint = caught.value.hint.partition(" Name a file")[0]
    assert hint == (f"Did you mean {suggested}?" if suggested else caught.value.hint)


def test_the_chosen_encoding_belongs_to_the_corpus(home: Home, tmp_path: Path) -> None:
    """A resumed run must read the same text."""
    write(tmp_path / "a.txt", "café".encode("latin-1"))
    corpus = resolve_corpus("a.txt", home, encoding="latin-1")
    assert [sample.text for sample in read_samples(corpus, "text")] == ["café"]
    assert resolve_corpus("a.txt", home, encoding="utf-8:replace").errors == "replace"
    assert resolve_corpus("a.txt", home, replace=True).errors == "replace"
    with pytest.raises(NotFoundError):
        resolve_corpus("b.txt", home, encoding="latin-1")
    with pytest.raises(InputError, match="always read as UTF-8"):
        resolve_corpus("lang", home, encoding="latin-1")


def test_resolving_texts_imports_nothing_heavy() -> None:
    """The app lists corpora before its first frame: no numpy, no tokenizers, no torch."""
    code = (
        "import sys, core.text.resolve, core.text.stats, core.text.catalog\n"
        "heavy = {'numpy', 'tokenizers', 'torch', 'gzip', 'tomllib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(resolve.__file__).parents[2])
