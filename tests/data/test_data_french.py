"""French in the bundled translations: agreement, conjugation, elision."""

from __future__ import annotations

import re

import pytest

from data.generators.choices import ANIMAL_VERBS, HOLDS
from data.generators.french import ADJECTIVES, NOUNS, UNIDIOMATIC, Noun
from data.generators.phrases import (
    NAMED,
    PRONOUNS,
    conjugate,
    contract,
    elide,
    invert,
    negate,
    noun_phrase,
    past,
)
from data.generators.sentences import SENTENCE_KINDS
from data.generators.verbs import VERBS, Verb
from data.generators.word_chooser import WordChooser
from tests.support.bundled_texts import read_pairs


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
        ("friend", False, "this", "", "this friend", "cet ami"),
        ("house", True, "this", "", "these houses", "ces maisons"),
        ("water", False, "some", "cold", "some cold water", "de l'eau froide"),
        ("bread", False, "some", "good", "some good bread", "du bon pain"),
        ("egg", True, "some", "", "some eggs", "des œufs"),
        ("apple", True, "some", "good", "some good apples", "de bonnes pommes"),
        ("potato", True, "their", "hot", "their hot potatoes", "leurs pommes de terre chaudes"),
        ("school", False, "their", "big", "their big school", "leur grande école"),
    ],
)
def test_french_nouns_agree(
    noun: str, plural: bool, article: str, adjective: str, en: str, fr: str
) -> None:
    """Articles, possessives and adjectives agree in gender and number, and with the next sound."""
    phrase = noun_phrase(
        WordChooser(0), _noun(noun), plural=plural, article=article, adjective=adjective
    )
    assert phrase == (en, fr)


def _noun(name: str) -> Noun:
    return next(noun for noun in NOUNS if noun.en == name)


def _verb(name: str) -> Verb:
    return next(verb for verb in VERBS if verb.en == name)


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
        (
            "choose",
            "je choisis, tu choisis, il choisit, elle choisit, nous choisissons, ils choisissent",
        ),
        (
            "clean",
            "je nettoie, tu nettoies, il nettoie, elle nettoie, nous nettoyons, ils nettoient",
        ),
    ],
)
def test_french_verbs_are_conjugated(verb: str, expected: str) -> None:
    """A verb agrees with its subject; "je" loses its vowel before another one."""
    entry = _verb(verb)
    french = [conjugate(who, entry.en, entry.ens, entry.forms)[1] for who in PRONOUNS]
    assert ", ".join(french) == expected


@pytest.mark.parametrize(
    ("person", "verb", "negative", "english", "french"),
    [
        (0, "eat", False, "I ate", "j'ai mangé"),
        (3, "come", False, "she came", "elle est venue"),
        (5, "leave", False, "they left", "ils sont partis"),
        (4, "arrive", True, "we did not arrive", "nous ne sommes pas arrivés"),
        (1, "see", True, "you did not see", "tu n'as pas vu"),
        (2, "look for", False, "he looked for", "il a cherché"),
    ],
)
def test_the_past_has_its_auxiliary_and_agrees(
    person: int, verb: str, negative: bool, english: str, french: str
) -> None:
    """Verbs of motion take "être", and their participle agrees with the subject."""
    entry = next(each for each in VERBS if each.en == verb)
    assert past(PRONOUNS[person], entry, negative=negative) == (english, french)


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("run", "runs ran running"),
        ("see", "sees saw seeing"),
        ("dance", "dances danced dancing"),
        ("cry", "cries cried crying"),
        ("wash", "washes washed washing"),
        ("play", "plays played playing"),
        ("travel", "travels travelled travelling"),
        ("prefer", "prefers preferred preferring"),
    ],
)
def test_english_verbs_have_their_forms(verb: str, forms: str) -> None:
    """Endings change the last letters of some verbs."""
    entry = _verb(verb)
    assert f"{entry.ens} {entry.past} {entry.gerund}" == forms


def test_french_negation_encloses_the_verb() -> None:
    """ "ne ... pas", with elision of "ne"."""
    love, sleep = _verb("love"), _verb("sleep")
    assert negate(PRONOUNS[0], "sleep", sleep.forms) == ("I do not sleep", "je ne dors pas")
    assert negate(PRONOUNS[3], "love", love.forms) == ("she does not love", "elle n'aime pas")


@pytest.mark.parametrize(
    ("word", "text", "result"),
    [
        ("que", "elle dort", "qu'elle dort"),
        ("que", "tu dors", "que tu dors"),
        ("que", "Anna dort", "qu'Anna dort"),
        ("de", "œufs", "d'œufs"),
    ],
)
def test_a_vowel_is_lost_before_another(word: str, text: str, result: str) -> None:
    """Before a silent h too."""
    assert elide(word, text) == result


@pytest.mark.parametrize(
    ("preposition", "phrase", "result"),
    [
        ("à", "le marché", "au marché"),
        ("à", "la gare", "à la gare"),
        ("à", "l'école", "à l'école"),
        ("de", "les amis", "des amis"),
        ("de", "ma mère", "de ma mère"),
        ("de", "Anna", "d'Anna"),
        ("près de", "le lac", "près du lac"),
        ("à côté de", "un arbre", "à côté d'un arbre"),
    ],
)
def test_prepositions_contract_with_articles(preposition: str, phrase: str, result: str) -> None:
    """ "à" and "de" with "le" and "les"."""
    assert contract(preposition, phrase) == result


def test_inverted_verbs_have_a_link_after_a_vowel() -> None:
    """ "dort-il", but "joue-t-elle"."""
    sleep, play = _verb("sleep"), _verb("play")
    assert [invert(who, sleep.forms) for who in PRONOUNS[1:4]] == [
        "dors-tu",
        "dort-il",
        "dort-elle",
    ]
    assert [invert(who, play.forms) for who in PRONOUNS[2:4]] == ["joue-t-il", "joue-t-elle"]


def test_tables_name_known_words() -> None:
    """A misspelt name would silently have no effect."""
    nouns = {noun.en for noun in NOUNS}
    assert {noun for _, noun in UNIDIOMATIC} <= nouns
    assert {adjective for adjective, _ in UNIDIOMATIC} <= set(ADJECTIVES)
    assert {name for _, names in HOLDS.values() for name in names.split()} <= nouns
    assert {verb.en for verb in VERBS} >= ANIMAL_VERBS


def test_every_kind_of_sentence_yields_both_languages() -> None:
    """Whatever the random numbers; names are the same in both."""
    for seed in range(20):
        random = WordChooser(seed)
        for kind in SENTENCE_KINDS:
            english, french = kind(random)
            assert english == " ".join(english.split())
            assert french == " ".join(french.split())
            names = [name.en for name in NAMED if re.search(rf"\b{name.en}\b", english)]
            assert all(name in french for name in names), (english, french)


def test_no_line_violates_a_rule_of_elision_or_agreement() -> None:
    """No "le", "la", "je", "ne", "que" or "ma" comes before a vowel."""
    vowel = "[aeiouyâàéèêëîïôöùûüœh]"
    wrong = (
        rf"\b(le|la|je|ne|que|de|ma|ta|sa|ce) (?!yaourt|oui\b){vowel}",
        rf"\b(un|le|mon|ton|son|notre|leur|ce|cet) (vieux|nouveau|beau) {vowel}",
        rf"\b[ldjnm]'(?!{vowel})",
        rf"\bcet (?!{vowel})",
        r"\b(un|le|mon|ton|son|ce) (belle|vieille|nouvelle|petite|jolie|bonne|grande|mauvaise)\b",
        r"\b(une|la|ma|ta|sa|cette) (beau|bel|vieux|vieil|nouveau|nouvel|petit|joli|bon)\b",
        r"\b(une|la|ma|ta|sa|cette) (grand|mauvais|gentil)\b(?!-)",
        r"\b(à|de) les? ",
        r"\b(?!nous\b)(\w+) \1\b",
    )
    for file in ("corpus.csv", "heldout.csv"):
        for _, target in read_pairs("translation", file):
            french = target.lower()
            assert not any(re.search(mistake, french) for mistake in wrong), french
