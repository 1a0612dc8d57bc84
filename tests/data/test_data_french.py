"""French in the bundled translations: agreement, conjugation, elision."""

from __future__ import annotations

import re
from random import Random

import pytest

from data.generators.french import NOUNS, Noun
from data.generators.phrases import PRONOUNS, conjugate, elide, negate, noun_phrase
from data.generators.verbs import VERBS
from tests.support.bundled_texts import read_lines


@pytest.mark.parametrize(
    ("noun", "plural", "article", "adjective", "en", "fr"),
    [
        ("cat", False, "the", "", "the cat", "le chat"),
        ("mouse", False, "the", "small", "the small mouse", "la petite souris"),
        ("mouse", True, "two", "", "two mice", "deux souris"),
        ("friend", False, "the", "", "the friend", "l'ami"),
        ("friend", False, "the", "old", "the old friend", "le vieil ami"),
        ("friend", True, "the", "old", "the old friends", "les vieux amis"),
        ("bird", False, "a", "beautiful", "a beautiful bird", "un bel oiseau"),
        ("plane", False, "the", "new", "the new plane", "le nouvel avion"),
        ("plane", False, "my", "white", "my white plane", "mon avion blanc"),
        ("story", False, "my", "", "my story", "mon histoire"),
        ("story", False, "my", "beautiful", "my beautiful story", "ma belle histoire"),
        ("scarf", False, "her", "", "her scarf", "son écharpe"),
        ("scarf", True, "her", "green", "her green scarves", "ses écharpes vertes"),
        ("water", False, "the", "cold", "the cold water", "l'eau froide"),
        ("man", False, "the", "", "the man", "l'homme"),
        ("egg", False, "a", "", "an egg", "un œuf"),
        ("hat", True, "our", "grey", "our grey hats", "nos chapeaux gris"),
        ("grandmother", True, "our", "", "our grandmothers", "nos grands-mères"),
        ("horse", True, "the", "young", "the young horses", "les jeunes chevaux"),
    ],
)
def test_french_nouns_agree(
    noun: str, plural: bool, article: str, adjective: str, en: str, fr: str
) -> None:
    """Articles, possessives and adjectives agree in gender and number, and with the next sound."""
    phrase = noun_phrase(
        Random(0), _noun(noun), plural=plural, article=article, adjective=adjective
    )
    assert phrase == (en, fr)


def _noun(name: str) -> Noun:
    return next(noun for noun in NOUNS if noun.en == name)


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("eat", "je mange, tu manges, il mange, elle mange, nous mangeons, ils mangent"),
        ("love", "j'aime, tu aimes, il aime, elle aime, nous aimons, ils aiment"),
        ("see", "je vois, tu vois, il voit, elle voit, nous voyons, ils voient"),
        ("buy", "j'achète, tu achètes, il achète, elle achète, nous achetons, ils achètent"),
        ("drink", "je bois, tu bois, il boit, elle boit, nous buvons, ils boivent"),
        ("take", "je prends, tu prends, il prend, elle prend, nous prenons, ils prennent"),
        ("write", "j'écris, tu écris, il écrit, elle écrit, nous écrivons, ils écrivent"),
        ("come", "je viens, tu viens, il vient, elle vient, nous venons, ils viennent"),
    ],
)
def test_french_verbs_are_conjugated(verb: str, expected: str) -> None:
    """A verb agrees with its subject; "je" loses its vowel before another one."""
    entry = next(each for each in VERBS if each.en == verb)
    french = [conjugate(who, entry.en, entry.ens, entry.forms)[1] for who in PRONOUNS]
    assert ", ".join(french) == expected


def test_french_negation_encloses_the_verb() -> None:
    """ "ne ... pas", with elision of "ne"."""
    love, sleep = (next(verb for verb in VERBS if verb.en == en) for en in ("love", "sleep"))
    assert negate(PRONOUNS[0], "sleep", sleep.forms) == ("I do not sleep", "je ne dors pas")
    assert negate(PRONOUNS[3], "love", love.forms) == ("she does not love", "elle n'aime pas")
    assert elide("que", "elle dort") == "qu'elle dort"
    assert elide("que", "tu dors") == "que tu dors"


def test_no_line_violates_a_rule_of_elision_or_agreement() -> None:
    """No "le", "la", "je", "ne", "que" or "ma" comes before a vowel."""
    vowel = "[aeiouyâàéèêëîïôöùûüœh]"
    wrong = (
        rf"\b(le|la|je|ne|que|de|ma|ta|sa|nouveau|beau) {vowel}",
        rf"\b(un|le|mon|ton|son|notre) vieux {vowel}",
        rf"\b[ldjn]'(?!{vowel})",
        r"\b(un|le|mon|ton|son) (belle|vieille|nouvelle|petite|jolie|bonne)\b",
        r"\b(une|la|ma|ta|sa) (beau|bel|vieux|vieil|nouveau|nouvel|petit|joli|bon)\b",
        r"\b(\w+) \1\b",
    )
    for line in read_lines("translation"):
        _, mark, french = line.partition(" / fr: ")
        assert mark, line
        assert not any(re.search(mistake, french) for mistake in wrong), french
