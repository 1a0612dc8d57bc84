"""The bundled opinions: labels, words, what is held out, agreement."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from data.generators.neutral_sentences import BALANCED, FAINT_PRAISE
from data.generators.opinion_frames import (
    NEGATIVE,
    NEUTRAL,
    PLAIN,
    POSITIVE,
    VERBS_PLAIN,
    VERDICTS,
    Frame,
    list_reserving,
    list_turned,
)
from data.generators.opinion_writer import CARRIERS, RESERVED, OpinionWriter, split_words
from tests.support.bundled_texts import read_pairs

FUNCTION_WORDS = (
    "a an the this these my our it they he she him her them i we me us you is are was were be been"
    " being do does did done have has had not no nor neither and or but although though even so as"
    " than at by of to for in on with from about what how who why whether if would could should can"
    " cannot will may must there here all any anyone everyone nobody nothing something everything"
    " some others that which t s ve don isn wasn aren weren didn"
)
SUBJECT = r"(?:(?:[Tt]h|[Mm]y|[Oo]ur)\w* \w+|[Ii]t|[Tt]hey)"
PRONOUN = r"(?:it|he|she|him|her|they|them|It|He|She|They)"
WAS = "(?:was|were|is|are)"
# Other slots hold an opinion word.
SLOT_PATTERNS = {
    **dict.fromkeys(("X", "x"), SUBJECT),
    **dict.fromkeys(("It", "it", "them"), PRONOUN),
    **dict.fromkeys(("was", "is", "were"), WAS),
    "wasnt": f"{WAS}(?: not|n't)",
    "a_bad_n": r"(?:an? )?([\w-]+) \w+",
    "a_good_n": r"(?:an? )?([\w-]+) \w+",
    **dict.fromkeys(("n", "met", "relative", "hoped_feared", "feared_hoped"), r"\w+"),
}
FILES = ("corpus.csv", "heldout.csv")


@pytest.mark.parametrize("file", FILES)
def test_labels_are_balanced(file: str) -> None:
    """Otherwise a constant answer would look like skill."""
    labels = Counter(label for _, label in read_pairs("sentiment", file))
    assert set(labels) == {NEGATIVE, NEUTRAL, POSITIVE}
    assert all(0.22 <= count / labels.total() <= 0.42 for count in labels.values())


def test_texts_are_distinct_and_none_is_held_out_twice() -> None:
    """A held-out sentence of the corpus would prove nothing."""
    texts = [text for file in FILES for text, _ in read_pairs("sentiment", file)]
    assert len(set(texts)) == len(texts)
    assert len(read_pairs("sentiment", "heldout.csv")) >= 300


def test_the_corpus_has_many_content_words() -> None:
    """At least 600, of which 150 are reserved for new constructions."""
    words = {word for text, _ in read_pairs("sentiment") for word in _words(text)}
    content = {word for word in words if word not in FUNCTION_WORDS.split() and word.isalpha()}
    assert len(content) >= 600
    assert len(RESERVED) >= 150
    assert set(RESERVED) <= words


def test_everyday_words_are_known() -> None:
    """The words a person tries first."""
    words = {word for text, _ in read_pairs("sentiment") for word in re.findall(r"\w+", text)}
    expected = (
        "film movie food soup service hotel book phone love hate great awful boring wonderful"
        " terrible okay fine friendly rude cheap expensive delicious good bad best worst"
    )
    assert set(expected.split()) <= words


@pytest.mark.parametrize("label", [POSITIVE, NEGATIVE])
def test_reserved_words_are_held_out_with_their_constructions(label: str) -> None:
    """The corpus has no frame of a family with a word reserved for that family."""
    held_out: set[str] = set()
    for family, _, template in (*list_reserving(label), *BALANCED):
        pattern = _frame_pattern(template)
        reserved = {word for word, of in RESERVED.items() if of == family}
        for text, _ in read_pairs("sentiment"):
            for match in pattern.finditer(text):
                assert not reserved.intersection(_words(" ".join(match.groups()))), text
        for text, _ in read_pairs("sentiment", "heldout.csv"):
            for match in pattern.finditer(text):
                held_out |= reserved.intersection(_words(" ".join(match.groups())))
    assert held_out


def test_every_reserved_word_is_held_out() -> None:
    """A word without a held-out sentence would test nothing."""
    words = {word for text, _ in read_pairs("sentiment", "heldout.csv") for word in _words(text)}
    assert set(RESERVED) <= words


@pytest.mark.parametrize("word", ["not", "but", "nothing", "nobody", "never", "neither", "good"])
def test_no_single_word_decides(word: str) -> None:
    """Words of negation and contrast occur with every label."""
    labels = {label for text, label in read_pairs("sentiment") if word in _words(text)}
    assert labels == {NEGATIVE, NEUTRAL, POSITIVE}


def test_opinion_words_occur_with_both_verdicts() -> None:
    """No adjective, verb or participle gives the label away."""
    uses: dict[str, Counter[str]] = {word: Counter() for word in CARRIERS}
    for text, label in read_pairs("sentiment"):
        for word in set(_words(text)) & set(CARRIERS):
            uses[word][label] += 1
    one_sided = [word for word, labels in uses.items() if not {NEGATIVE, POSITIVE} <= set(labels)]
    assert len(one_sided) <= len(CARRIERS) // 50


@pytest.mark.parametrize("label", [POSITIVE, NEGATIVE])
def test_frames_are_sentences(label: str) -> None:
    """Every frame starts with a capital or a slot, and ends with a stop."""
    frames = (*PLAIN, *VERBS_PLAIN, *FAINT_PRAISE, *BALANCED)
    for _, _, template in (*frames, *list_turned(label), *VERDICTS[label]):
        assert re.match(r"\[[A-Z]|\{?[A-Z]", template), template
        assert template[-1] in ".!?", template


@pytest.mark.parametrize(
    ("frame", "singular", "plural"),
    [
        (("", "", "[X] [was] [good]."), r"\w+ [\w ]*\b(was|is) \w+\.", r"\w+ \w+ (were|are) \w+\."),
        (("", "", "What [a_good_n]!"), r"What (an? )?[\w é]+!", r"What [a-z]+ \w+s!"),
    ],
)
def test_verbs_and_articles_agree(frame: Frame, singular: str, plural: str) -> None:
    """ "the chips were", "what crispy chips"; "an elegant hotel"."""
    writer = OpinionWriter(Random(0), heldout=False)
    for _ in range(300):
        sentence = writer.write(POSITIVE, [frame])
        assert re.fullmatch(f"{singular}|{plural}", sentence), sentence


@pytest.mark.parametrize("file", FILES)
def test_english_is_clean(file: str) -> None:
    """Articles, agreement, spaces and stops; one sentence in twenty is typed in haste."""
    article = re.compile(r"\b[Aa] (?:[aeio]|un[^i]|ug|hon)\w+|\b[Aa]n (?!hon|hour|[aeio]|u[^s])\w+")
    hasty = 0
    for text, _ in read_pairs("sentiment", file):
        assert text == " ".join(text.split())
        assert not re.search(r"[\[\]{}|]| [,.!?]|[,.!?][,.]", text), text
        assert not article.search(text), text
        if "othing about" not in text:  # "Nothing about the shoes was ugly."
            assert not re.search(r"\b(shoes|boots|chips|noodles|tickets) (was|is)\b", text), text
        assert not re.search(r"\b[Ww]e\b.*\bmy (phone|lamp|bag)|\bthis \w+s (are|were)\b", text), (
            text
        )
        hasty += text[0].islower()
    assert hasty <= len(read_pairs("sentiment", file)) * 0.08


def _words(text: str) -> list[str]:
    return [part for word in split_words(text) for part in word.split("'")]


def _frame_pattern(template: str) -> re.Pattern[str]:
    """Return a pattern of the sentences of a frame, with a group for each opinion word."""
    pattern = re.escape(template.rstrip(".?")).replace("\\[", "[").replace("\\]", "]")
    pattern = re.sub(r"\\{(.*?)\\}", r"(?:\1)", pattern).replace(r"\|", "|")
    pattern = re.sub(r"\[(\w+)\]", lambda slot: SLOT_PATTERNS.get(slot[1], r"([\w-]+)"), pattern)
    return re.compile(pattern)
