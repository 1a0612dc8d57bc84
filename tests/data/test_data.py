"""The bundled corpora are as promised: described, clean, varied, of few megabytes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import pytest

from core.text.corpus import bundled_corpora
from data.generators.parts import MIN_WORD_COUNT
from tests.support.bundled_texts import FOLDER, HELD_OUT, LINES, NAMES, lines, read

LANG = "80e813541a23d5806b7da8b57c2ce4372b20e28ec1a0efa9eb3fb4b78a49c42d"


def test_all_are_bundled_and_described() -> None:
    """A list with an empty column, or a corpus nobody may use, is no offer."""
    found = bundled_corpora()
    assert [corpus.name for corpus in found] == list(NAMES)
    for corpus in found:
        for field in ("title", "use", "description", "licence", "prompt"):
            assert getattr(corpus, field), (corpus.name, field)
            assert "\n" not in getattr(corpus, field)
        assert corpus.reading in ("lines", "text")
        assert corpus.tokenizer in ("word", "char", "bpe")
        assert (corpus.heldout is not None) == (corpus.name in HELD_OUT)


def test_the_twenty_sentences_are_the_tutorials() -> None:
    """The first model a person trains reproduces the tutorial's result only on its text."""
    assert hashlib.sha256(read("lang").encode()).hexdigest() == LANG
    assert len(lines("lang")) == 20
    assert "MIT licence does not cover" in " ".join(read("lang", "NOTE.md").split())


def test_counts_in_descriptions_are_right() -> None:
    """A number in prose goes stale in silence."""
    for corpus in bundled_corpora():
        if corpus.name == "lang":
            continue  # the tutorial's text, of which a test of its own counts the lines
        whole = read(corpus.name).strip()
        count = len(whole.split("\n\n" if corpus.name == "stories" else "\n"))
        assert f"{count:,} " in corpus.description
        if corpus.heldout:
            assert f"{len(lines(corpus.name, 'heldout.txt'))} more" in corpus.description


@pytest.mark.parametrize(
    ("name", "file"),
    [(name, "corpus.txt") for name in LINES] + [(name, "heldout.txt") for name in HELD_OUT],
)
def test_lines_are_short_and_all_different(name: str, file: str) -> None:
    """A blank or a long line, or too many, would have the text read as one stream."""
    found = lines(name, file)
    assert read(name, file).endswith(found[-1] + "\n")
    assert len(found) <= 10_000
    assert len(set(found)) == len(found)
    for line in found:
        assert line == " ".join(line.split())
        assert 1 <= len(line.split()) <= 64


def test_no_leftover_of_a_template() -> None:
    """A bracket of the generator's own, a wrong article, or a blank before a comma."""
    article = re.compile(r"\b[Aa] (?:[aeio]|un[^i]|ug)\w+|\b[Aa]n (?!hour|[aeio]|u[^s])\w+")
    for name in NAMES:
        english = re.sub(" / fr: .*", "", read(name))
        assert not re.findall(r"[\[\]{}|]", english), name
        assert not article.findall(english), name
    for name in ("dialogues", "lang", "stories"):
        assert not re.findall(r" [,.!?]|[,.!?][,.]", read(name)), name


@pytest.mark.parametrize("name", HELD_OUT)
def test_held_out_lines_are_new_in_known_words(name: str) -> None:
    """A line also learnt proves nothing, and a word never learnt cannot be encoded."""
    learnt = lines(name)
    apart = lines(name, "heldout.txt")
    assert not set(learnt) & set(apart)
    units = list if name == "arithmetic" else str.split
    counts = Counter(unit for line in learnt for unit in units(line))
    assert all(counts[unit] >= MIN_WORD_COUNT for line in apart for unit in units(line))


def test_prompts_are_in_known_words() -> None:
    """The example that shows a corpus's use must not be refused."""
    for corpus in bundled_corpora():
        assert corpus.prompt
        if corpus.tokenizer == "word":
            known = set(read(corpus.name).split())
            assert set(corpus.prompt.split()) <= known, corpus.name
        elif corpus.tokenizer == "char":
            assert set(corpus.prompt) <= set(read(corpus.name))


def test_all_together_are_small() -> None:
    """They are in every installation."""
    files = [path for path in FOLDER.glob("*/*") if path.suffix in (".txt", ".toml", ".md")]
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_stories_are_many_and_different() -> None:
    """Ten thousand copies of one tale would teach to recite."""
    text = read("stories")
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


def test_both_verdicts_are_as_frequent() -> None:
    """Where one is rarer, always saying the other looks like skill."""
    for file in ("corpus.txt", "heldout.txt"):
        verdicts = Counter(line.rpartition(" => ")[2] for line in lines("sentiment", file))
        assert set(verdicts) == {"good", "bad"}
        assert 0.45 <= verdicts["good"] / verdicts.total() <= 0.55


def test_dialogues_take_turns() -> None:
    """Whoever speaks twice, or alone, is no partner."""
    for line in lines("dialogues"):
        turns = re.findall(r"\b([AB]): ", line)
        assert turns == ["A", "B", "A", "B"][: len(turns)]
        assert 2 <= len(turns) <= 4
