"""The bundled translations: counts, spelling, and what is held out."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

import pytest

from data.generators.everyday import (
    COMPARATIVES,
    IMPERATIVES,
    PHRASES,
    WORDS,
    parse_phrases,
    parse_table,
    spell_number,
)
from data.generators.french import NOUNS
from data.generators.translation import MIN_WORD_COUNT, find_word_pairs, split_words
from tests.support.bundled_texts import FOLDER, read_pairs

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def test_there_are_enough_pairs_and_words() -> None:
    """Many words, in a file that an installation can carry."""
    pairs = read_pairs("translation")
    assert 6_000 <= len(pairs) <= 8_000
    assert (FOLDER / "translation" / "corpus.csv").stat().st_size < 400_000
    assert len(read_pairs("translation", "heldout.csv")) >= 300
    english, french = (
        {word for pair in pairs for word in WORD.findall(pair[side].lower())} for side in (0, 1)
    )
    assert len(english) >= 850
    assert len(french) >= 1_000
    assert len(english | french) >= 1_800


def test_description_has_the_right_counts() -> None:
    """Numbers in the description must follow the files."""
    about = tomllib.loads((FOLDER / "translation" / "about.toml").read_text(encoding="utf-8"))
    assert f"{len(read_pairs('translation')):,} English" in about["description"]
    heldout = len(read_pairs("translation", "heldout.csv"))
    assert f"{heldout} sentences more" in about["description"]
    words = {word for source, _ in read_pairs("translation") for word in split_words(source)}
    assert set(split_words(about["prompt"])) <= words


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Hello.", "Bonjour."),
        ("hello", "Bonjour."),
        ("Thank you.", "Merci."),
        ("Good morning.", "Bonjour."),
        ("good morning", "Bonjour."),
        ("How are you?", "Comment vas-tu ?"),
        ("how are you", "Comment vas-tu ?"),
        ("the cat", "le chat"),
        ("the house", "la maison"),
        ("to eat", "manger"),
        ("to drink", "boire"),
        ("red", "rouge"),
        ("big", "grand"),
        ("today", "aujourd'hui"),
        ("tomorrow", "demain"),
        ("twenty-one", "vingt et un"),
    ],
)
def test_everyday_words_have_their_translation(source: str, target: str) -> None:
    """The first things that a person tries are not left to generalisation."""
    assert dict(read_pairs("translation"))[source] == target


@pytest.mark.parametrize(
    ("beginning", "count"),
    [("My name is", 20), ("Where is", 20), ("I would like", 20), ("It is", 20), ("Today is", 7)],
)
def test_everyday_sentences_begin_in_many_ways(beginning: str, count: int) -> None:
    """A name, a thing, a wish, the weather, the day: sentences with a slot."""
    pairs = read_pairs("translation")
    assert sum(source.startswith(f"{beginning} ") for source, _ in pairs) >= count


def test_each_source_has_one_translation() -> None:
    """An exact match could not be expected otherwise, not even but for capitals and marks."""
    targets: dict[str, set[str]] = {}
    for file in ("corpus.csv", "heldout.csv"):
        pairs = read_pairs("translation", file)
        assert len({source for source, _ in pairs}) == len(pairs)
        for source, target in pairs:
            targets.setdefault(source, set()).add(target)
    assert all(len(each) == 1 for each in targets.values())


def test_held_out_sentences_have_two_words_never_together_in_the_corpus() -> None:
    """In any of their forms; the model must have learnt the grammar of each."""
    together = {pair for source, _ in read_pairs("translation") for pair in find_word_pairs(source)}
    for source, _ in read_pairs("translation", "heldout.csv"):
        assert find_word_pairs(source) - together, source


@pytest.mark.parametrize(
    ("source", "pairs"),
    [
        ("The girls closed the boxes.", {("close", "girl"), ("box", "girl"), ("box", "close")}),
        ("I prefer Paul's ice cream!", {("ice cream", "prefer")}),
        ("she is bigger", set()),
    ],
)
def test_pairs_of_words_are_found_in_any_form(source: str, pairs: set[tuple[str, str]]) -> None:
    """Plurals, forms of verbs and comparatives count as their base form."""
    assert find_word_pairs(source) == pairs


def test_words_of_held_out_sentences_are_known() -> None:
    """Each is in the corpus several times, in the same form."""
    for side in (0, 1):
        counts = Counter(
            word for pair in read_pairs("translation") for word in split_words(pair[side])
        )
        for pair in read_pairs("translation", "heldout.csv"):
            assert all(counts[word] >= MIN_WORD_COUNT for word in split_words(pair[side])), pair


@pytest.mark.parametrize("file", ["corpus.csv", "heldout.csv"])
def test_sentences_are_spelt_as_people_write_them(file: str) -> None:
    """Capitals, attached marks in English, a blank before ? and ! in French."""
    for source, target in read_pairs("translation", file):
        for text in (source, target):
            assert text == " ".join(text.split())
            assert not re.search(r" [.,]|[.,!?]\w|[.?!]{2}|[_/|=]", text), text
            assert text[-1] != ",", text
        assert not re.search(r" [?!]", source), source
        assert not re.search(r"[^ ][?!]", target), target
        assert source[0].isupper() or source[-1] not in ".?!" or source == "okay", source
        if target[-1] in ".?!":
            assert target[0].isupper(), target
        if source[-1] in ".?!":
            assert source[-1] == target[-1], (source, target)


def test_english_articles_and_numbers_agree() -> None:
    """ "an old", "two balls", "these are", "he goes"."""
    plurals = {noun.ens for noun in NOUNS}
    singulars = {noun.en for noun in NOUNS} - plurals
    many = r"(?:two|three|four|five|six|seven|eight|nine|ten|these|how many)"
    for source, _ in read_pairs("translation"):
        text = source.lower()
        assert not re.search(r"\b(?:a [aeio]|a un|a um|an [^aeiouh ])\w*", text), source
        for noun in re.findall(rf"\b{many} (\w+)\b", text):
            assert noun not in singulars, source
        for noun in re.findall(r"\b(?:a|an|this) (\w+)\b", text):
            assert noun not in plurals or noun == "year", source
        assert not re.match(r"(?:he|she|it) (?:are|have|do|go)\b", text), source
        assert not re.match(r"(?:i|they|we|you) (?:is|has|does|goes)\b", text), source


def test_tables_have_no_entry_twice() -> None:
    """A second entry would silently replace the first."""
    for table in (WORDS, IMPERATIVES, COMPARATIVES):
        assert len(parse_table(table)) == table.count(" = ")
    assert len(parse_phrases()) == PHRASES.count(" = ")


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        (0, "zero", "zéro"),
        (16, "sixteen", "seize"),
        (20, "twenty", "vingt"),
        (31, "thirty-one", "trente et un"),
        (69, "sixty-nine", "soixante-neuf"),
    ],
)
def test_numbers_are_spelt(number: int, english: str, french: str) -> None:
    """Up to sixty-nine, after which French counts in twenties."""
    assert spell_number(number) == (english, french)
