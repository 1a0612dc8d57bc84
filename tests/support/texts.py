"""Text files, corpora of one file, and a home with its own bundled corpora."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.text import corpus
from core.text.corpus import Corpus


def write(path: Path, text: str | bytes) -> Path:
    """Write a file, creating its folder, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def corpus_of_file(path: Path, **fields: str) -> Corpus:
    """Return the corpus of one file."""
    return Corpus(name=path.stem, files=(path,), **fields)  # type: ignore[arg-type]


def corpus_of_text(path: Path, text: str | bytes) -> Corpus:
    """Write a file and return it as a corpus."""
    return corpus_of_file(write(path, text))


def home_with_bundled_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home, with `lang` and `tales` as the only bundled corpora."""
    folder = tmp_path / "folder"
    for name, text in (("lang", "Python is fun.\n"), ("tales", "Once.\n\nTwice.\n")):
        (folder / name).mkdir(parents=True)
        (folder / name / "corpus.txt").write_text(text)
        about = f'title = "{name.title()}"\nprompt = "Py"\nreading = "lines"\n'
        (folder / name / "about.toml").write_text(about)
    (folder / "tales" / "heldout.txt").write_text("Thrice.")
    monkeypatch.setattr(corpus, "bundled_folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return find_home(tmp_path / "home")
