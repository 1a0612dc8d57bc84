"""The bundled corpora: as generated, as promised, and true in what they say."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

import data
from core.corpus import bundled
from data import generate
from data.generators.facts import ASKED
from data.generators.french import NOUNS, Noun
from data.generators.parts import LEAST, hold_out
from data.generators.phrases import PRONOUNS, conjugated, denied, elided, noun_phrase
from data.generators.templates import deal, expand, with_article
from data.generators.verbs import VERBS

FOLDER = Path(data.__path__[0])
NAMES = ("arithmetic", "dialogues", "lang", "questions", "sentiment", "stories", "translation")
LINES = tuple(name for name in NAMES if name != "stories")
HELD_OUT = ("arithmetic", "questions", "sentiment", "translation")
LANG = "80e813541a23d5806b7da8b57c2ce4372b20e28ec1a0efa9eb3fb4b78a49c42d"


@cache
def read(name: str, file: str = "corpus.txt") -> str:
    return (FOLDER / name / file).read_bytes().decode("utf-8")


def lines(name: str, file: str = "corpus.txt") -> list[str]:
    return read(name, file).removesuffix("\n").split("\n")


# As generated


def test_files_are_as_generated() -> None:
    """A corpus edited by hand, or a generator changed without its files, cannot be made again."""
    assert generate.differing(FOLDER) == []


def test_strings_hash_differently_each_time_and_nothing_changes() -> None:
    """An order taken from a set would differ from run to run."""
    code = (
        "import hashlib; from data.generators import sentiment, translation, questions;"
        "parts = [m.generate() for m in (sentiment, translation, questions)];"
        "print(hashlib.sha256(repr(parts).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(FOLDER.parent), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_changed_or_missing_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` in CI is of use only if it fails; any other option is refused, not ignored."""
    made = {"arithmetic": generate.GENERATORS["arithmetic"]}
    monkeypatch.setattr(generate, "GENERATORS", made)
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "arithmetic" / "heldout.txt").write_text("1+1=3\n")
    assert generate.main(["--check"]) == 1
    assert "heldout.txt is not as generated" in capsys.readouterr().err
    assert generate.main(["--chekc"]) == 2


# As promised


def test_all_are_bundled_and_described() -> None:
    """A list with an empty column, or a corpus nobody may use, is no offer."""
    found = bundled()
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
    for corpus in bundled():
        if corpus.name == "lang":
            continue
        whole = read(corpus.name).strip()
        count = len(whole.split("\n\n" if corpus.name == "stories" else "\n"))
        assert f"{count:,} " in corpus.description
        if corpus.heldout:
            assert f"{len(lines(corpus.name, 'heldout.txt'))} more" in corpus.description


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("file", ["corpus.txt", "heldout.txt"])
def test_lines_are_short_and_all_different(name: str, file: str) -> None:
    """A blank or a long line, or too many, would have the text read as one stream."""
    if file == "heldout.txt" and name not in HELD_OUT:
        return
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
    if name != "arithmetic":
        counts = Counter(word for line in learnt for word in line.split())
        assert all(counts[word] >= LEAST for line in apart for word in line.split())


def test_prompts_are_in_known_words() -> None:
    """The example that shows a corpus's use must not be refused."""
    for corpus in bundled():
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


# True in what they say


def test_all_sums_are_right() -> None:
    """A wrong one would be learnt as well."""
    seen = set()
    for file in ("corpus.txt", "heldout.txt"):
        for line in lines("arithmetic", file):
            match = re.fullmatch(r"(\d\d?)\+(\d\d?)=(\d+)", line)
            assert match
            a, b, total = map(int, match.groups())
            assert a + b == total
            seen.add((a, b))
    assert len(seen) == 100 * 100


def test_mirror_images_are_held_out_together() -> None:
    """34+12 in the corpus would give 12+34 away."""
    apart = {line.partition("=")[0] for line in lines("arithmetic", "heldout.txt")}
    assert {"+".join(reversed(sum.split("+"))) for sum in apart} == apart
    assert "12+34" in apart


def test_no_question_has_two_answers() -> None:
    """The same words asked again must be answered alike; so must what is held out."""
    answers: dict[str, str] = {}
    for file in ("corpus.txt", "heldout.txt"):
        for line in lines("questions", file):
            question, mark, answer = line.partition(" A: ")
            assert mark
            assert answer
            assert answers.setdefault(question, answer) == answer


def test_held_out_facts_are_asked_otherwise_in_the_corpus() -> None:
    """A fact that is told nowhere cannot be known."""
    learnt = lines("questions")
    known = Counter(line.partition(" A: ")[2] for line in learnt)
    facts = [line for line in lines("questions", "heldout.txt") if line.startswith("Q: ")]
    assert len(facts) >= 100
    assert all(known[line.partition(" A: ")[2]] for line in facts)


@pytest.mark.parametrize(
    ("story", "answer"),
    [
        (r"(?:.* )?(\w+) is in the (\w+) \. .*Q: where is \1 \?", r"\1 is in the \2"),
        (r"(\w+) is (\w+) than (\w+) \. Q: who is \2 \?", r"\1 is \2 than \3"),
        (r"(?:.* )?(\w+) likes (\w+) \. .*Q: who likes \2 \?", r"\1 likes \2"),
        (r"(?:.* )?(\w+) has (\w+) (\w+) \. .*Q: how many \3 has \1 \?", r"\1 has \2 \3"),
    ],
)
def test_tales_are_answered_rightly(story: str, answer: str) -> None:
    """The answer is in the tale; a slot mixed up would make it wrong."""
    found = 0
    for line in lines("questions"):
        if match := re.fullmatch(f"{story} A: (.*)", line):
            assert match[match.re.groups] == match.expand(answer), line
            found += 1
    assert found > 50


def test_facts_are_pairs() -> None:
    """A comma forgotten between two facts makes one wrong fact of them."""
    for asked in ASKED:
        firsts = [re.split("[: ]", fact, maxsplit=1)[0] for fact in asked.facts.split(", ")]
        assert all(first.replace("-", "").isalpha() for first in firsts)


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
    """Articles, owners and adjectives go with gender, number and the next sound."""
    found = noun_phrase(Random(0), _noun(noun), plural=plural, article=article, adjective=adjective)
    assert found == (en, fr)


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
    """A verb agrees with who does it; "je" and "ne" lose their vowel before another one."""
    found = next(each for each in VERBS if each.en == verb)
    said = [conjugated(who, found.en, found.ens, found.forms)[1] for who in PRONOUNS]
    assert ", ".join(said) == expected


def test_french_denies_around_the_verb() -> None:
    """ "ne ... pas" encloses the verb, and loses its vowel like "je"."""
    love, sleep = (next(verb for verb in VERBS if verb.en == en) for en in ("love", "sleep"))
    assert denied(PRONOUNS[0], "sleep", sleep.forms) == ("I do not sleep", "je ne dors pas")
    assert denied(PRONOUNS[3], "love", love.forms) == ("she does not love", "elle n'aime pas")
    assert elided("que", "elle dort") == "qu'elle dort"
    assert elided("que", "tu dors") == "que tu dors"


def test_french_is_written_as_it_is_spoken() -> None:
    """Whatever rule was forgotten: no vowel meets "le", "la", "je", "ne", "que", "ma"."""
    vowel = "[aeiouyâàéèêëîïôöùûüœh]"
    wrong = (
        rf"\b(le|la|je|ne|que|de|ma|ta|sa|nouveau|beau) {vowel}",
        rf"\b(un|le|mon|ton|son|notre) vieux {vowel}",
        rf"\b[ldjn]'(?!{vowel})",
        r"\b(un|le|mon|ton|son) (belle|vieille|nouvelle|petite|jolie|bonne)\b",
        r"\b(une|la|ma|ta|sa) (beau|bel|vieux|vieil|nouveau|nouvel|petit|joli|bon)\b",
        r"\b(\w+) \1\b",
    )
    for line in lines("translation"):
        french = line.partition(" / fr: ")[2]
        assert not any(re.search(mistake, french) for mistake in wrong), french


# The tools


def test_templates_fill_slots_and_articles() -> None:
    """A capital, an article and a nested choice come out as in a sentence."""
    slots = {"toy": "old kite", "he": "she"}
    assert expand(Random(1), "[A toy]! [He] {saw|saw} [a toy]{|}.", slots) == (
        "An old kite! She saw an old kite."
    )
    found = {expand(Random(seed), "{a|{b|c}}", {}) for seed in range(30)}
    assert found == {"a", "b", "c"}
    nouns = ("cat", "old cat", "umbrella", "useless umbrella", "unfair price")
    said = ["a cat", "an old cat", "an umbrella", "a useless umbrella", "an unfair price"]
    assert [with_article(noun) for noun in nouns] == said


def test_dealt_slots_differ() -> None:
    """A tale of two people with one name has no answer."""
    for seed in range(50):
        slots = deal(Random(seed), {"name": "Ann,Ben,Tom", "way": "left,right"})
        assert len({slots["name"], slots["name2"], slots["name3"]}) == 3
        assert {slots["way"], slots["way2"]} == {"left", "right"}


def test_holding_out_keeps_every_word() -> None:
    """A word may leave the corpus only as long as it is often enough in what stays."""
    many = [f"number {n} of many" for n in range(9)]
    with pytest.raises(AssertionError, match="only 0 of 1"):
        hold_out(Random(0), many, 1)
    parts = hold_out(Random(0), ["red cat", *(["red dog"] * 2), *(["red"] * 9)], 1, ["red"])
    assert parts.heldout == "red\n"
    assert "red\n" not in parts.corpus.replace("red cat\n", "").replace("red dog\n", "")
