"""The bundled corpora: described, clean, varied, small."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import pytest

from core.text.corpus import READINGS, bundled_corpora, find_task
from core.text.messages import ASSISTANT, SYSTEM, USER
from tests.support.bundled_texts import (
    FOLDER,
    NAMES,
    TASKS_OF_CORPORA,
    read_lines,
    read_text,
    samples_of,
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
        assert corpus.reading in READINGS
        assert corpus.tokenizer in ("word", "char", "bpe")
        assert (corpus.heldout is not None) == (corpus.name in TASKS_OF_CORPORA)
        task = find_task(corpus, corpus.reading)
        assert task == TASKS_OF_CORPORA.get(corpus.name, "continue")


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
        if corpus.name == "stories":
            count = len(read_text("stories").strip().split("\n\n"))
        else:
            count = len(samples_of(corpus.name))
            assert f"{len(samples_of(corpus.name, heldout=True))} " in corpus.description
        assert f"{count:,} " in corpus.description


@pytest.mark.parametrize("heldout", [False, True], ids=["corpus", "heldout"])
@pytest.mark.parametrize("name", TASKS_OF_CORPORA)
def test_messages_are_short_and_clean_and_no_record_comes_twice(name: str, heldout: bool) -> None:
    samples = samples_of(name, heldout=heldout)
    assert len({sample.text for sample in samples}) == len(samples)
    for text in (message.content for sample in samples for message in sample.messages):
        assert text == " ".join(text.split())
        assert 1 <= len(text.split()) <= 64
        assert not re.findall(r"[\[\]{}|]", text)


def test_articles_and_punctuation_are_right() -> None:
    """No template syntax, no wrong article, no blank before a comma."""
    article = re.compile(r"\b[Aa] (?:[aeio]|un[^i]|ug)\w+|\b[Aa]n (?!hour|[aeio]|u[^s])\w+")
    for name in NAMES:
        read = read_text(name) if name in ("lang", "stories") else english_of(name)
        assert not article.findall(read), name
        assert not re.findall(r" [,.]|[,.!?][,.]", read), name


def english_of(name: str) -> str:
    """What is in English in a task corpus."""
    messages = (sample.messages for sample in samples_of(name))
    roles = (USER,) if name == "translation" else (USER, ASSISTANT, SYSTEM)
    return "\n".join(m.content for chat in messages for m in chat if m.role in roles)


@pytest.mark.parametrize("name", TASKS_OF_CORPORA)
def test_no_held_out_record_is_in_the_corpus(name: str) -> None:
    assert not {s.text for s in samples_of(name)} & {s.text for s in samples_of(name, heldout=True)}


def test_the_task_corpora_are_small() -> None:
    """All of them together, as they are committed."""
    files = [path for name in TASKS_OF_CORPORA for path in (FOLDER / name).iterdir()]
    assert sum(path.stat().st_size for path in files) <= 2_000_000


def test_bundled_files_are_small() -> None:
    """They are part of every installation."""
    files = [path for name in NAMES for path in (FOLDER / name).iterdir()]
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
