"""For tests that read texts: files to read, and a home with a shelf of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.text import corpus
from core.text.corpus import Corpus


def write(path: Path, text: str | bytes) -> Path:
    """Puts a text, or its bytes, into a file; the path again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(path: Path, **fields: str) -> Corpus:
    """The corpus of this one file."""
    return Corpus(name=path.stem, files=(path,), **fields)  # type: ignore[arg-type]


def one_text(path: Path, text: str | bytes) -> Corpus:
    """A file with this text, as a corpus."""
    return one(write(path, text))


def home_with_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with two bundled corpora, `lang` and `tales`."""
    shelf = tmp_path / "shelf"
    for name, text in (("lang", "Python is fun.\n"), ("tales", "Once.\n\nTwice.\n")):
        (shelf / name).mkdir(parents=True)
        (shelf / name / "corpus.txt").write_text(text)
        about = f'title = "{name.title()}"\nprompt = "Py"\nreading = "lines"\n'
        (shelf / name / "about.toml").write_text(about)
    (shelf / "tales" / "heldout.txt").write_text("Thrice.")
    monkeypatch.setattr(corpus, "bundled_folder", lambda: shelf)
    monkeypatch.chdir(tmp_path)
    return find_home(tmp_path / "home")
