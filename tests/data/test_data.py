"""The bundled corpora: described, clean, varied, small."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import pytest

from core.text.corpus import bundled_corpora
from data.generators.generated_text import MIN_WORD_COUNT
from tests.support.bundled_texts import (
    FOLDER,
    HELD_OUT_NAMES,
    LINE_NAMES,
    NAMES,
    read_lines,
    read_text,
)

LANG = "80e813541a23d5806b7da8b57c2ce4372b20e28ec1a0efa9eb3fb4b78a49c42d"


def test_all_are_bundled_and_described() -> None:
    """Every column of the list is filled, the licence included."""
    corpora = bundled_corpora()
    assert [corpus.name for corpus in corpora] == list(NAMES)
    for corpus in corpora:
        for field in ("title", "use", "description", "licence", "prompt"):
            assert getattr(corpus, field), (corpus.name, field)
            assert "\n" not in getattr(corpus, field)
        assert corpus.reading in ("lines", "text")
        assert corpus.tokenizer in ("word", "char", "bpe")
        assert (corpus.heldout is not None) == (corpus.name in HELD_OUT_NAMES)


def test_lang_is_the_text_of_the_tutorial() -> None:
    """The tutorial's results can be reproduced only on its text."""
    assert hashlib.sha256(read_text("lang").encode()).hexdigest() == LANG
    assert len(read_lines("lang")) == 20
    assert "MIT licence does not cover" in " ".join(read_text("lang", "NOTE.md").split())


def test_counts_in_descriptions_are_right() -> None:
    """Numbers in descriptions must follow the files."""
    for corpus in bundled_corpora():
        if corpus.name == "lang":
            continue  # counted in the test of the tutorial's text
        whole = read_text(corpus.name).strip()
        count = len(whole.split("\n\n" if corpus.name == "stories" else "\n"))
        assert f"{count:,} " in corpus.description
        if corpus.heldout:
            assert f"{len(read_lines(corpus.name, 'heldout.txt'))} more" in corpus.description


@pytest.mark.parametrize(
    ("name", "file"),
    [(name, "corpus.txt") for name in LINE_NAMES]
    + [(name, "heldout.txt") for name in HELD_OUT_NAMES],
)
def test_lines_are_short_and_distinct(name: str, file: str) -> None:
    """Blank, long or too many lines would make the reading "text"."""
    lines = read_lines(name, file)
    assert read_text(name, file).endswith(lines[-1] + "\n")
    assert len(lines) <= 10_000
    assert len(set(lines)) == len(lines)
    for line in lines:
        assert line == " ".join(line.split())
        assert 1 <= len(line.split()) <= 64


def test_no_template_syntax_is_left() -> None:
    """Nor a wrong article, nor a blank before a comma."""
    article = re.compile(r"\b[Aa] (?:[aeio]|un[^i]|ug)\w+|\b[Aa]n (?!hour|[aeio]|u[^s])\w+")
    for name in NAMES:
        english = re.sub(" / fr: .*", "", read_text(name))
        assert not re.findall(r"[\[\]{}|]", english), name
        assert not article.findall(english), name
    for name in ("lang", "stories"):
        assert not re.findall(r" [,.!?]|[,.!?][,.]", read_text(name)), name


@pytest.mark.parametrize("name", HELD_OUT_NAMES)
def test_held_out_lines_are_new_but_use_known_words(name: str) -> None:
    """A line of the corpus proves nothing, and an unknown word cannot be encoded."""
    corpus_lines = read_lines(name)
    heldout = read_lines(name, "heldout.txt")
    assert not set(corpus_lines) & set(heldout)
    units = list if name == "arithmetic" else str.split
    counts = Counter(unit for line in corpus_lines for unit in units(line))
    assert all(counts[unit] >= MIN_WORD_COUNT for line in heldout for unit in units(line))


def test_prompts_use_known_words() -> None:
    """The example prompt of a corpus must be accepted."""
    for corpus in bundled_corpora():
        assert corpus.prompt
        if corpus.tokenizer == "word":
            known = set(read_text(corpus.name).split())
            assert set(corpus.prompt.split()) <= known, corpus.name
        elif corpus.tokenizer == "char":
            assert set(corpus.prompt) <= set(read_text(corpus.name))


def test_bundled_files_are_small() -> None:
    """They are part of every installation."""
    files = [path for path in FOLDER.glob("*/*") if path.suffix in (".txt", ".toml", ".md")]
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_stories_are_many_and_varied() -> None:
    """Ten thousand variants of one tale would only be memorised."""
    text = read_text("stories")
    assert 1_000_000 <= len(text.encode()) <= 1_600_000
    stories = text.strip().split("\n\n")
    assert len(set(stories)) == len(stories)
    windows: Counter[tuple[str, ...]] = Counter()
    for story in stories:
        words = story.split()
        assert 60 <= len(words) <= 150
        windows.update(tuple(words[i : i + 8]) for i in range(len(words) - 7))
    rare = sum(count for count in windows.values() if count <= 3)
    assert rare > 0.7 * windows.total()


