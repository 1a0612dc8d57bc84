"""French and English nouns and adjectives.

Every "h" at the beginning of a noun is silent. `data.generators.phrases` applies the rules of
agreement; verbs are in `data.generators.verbs`.
"""

from __future__ import annotations

from dataclasses import dataclass

VOWELS = "aeiouhâéèêîôœ"


@dataclass(frozen=True)
class Noun:
    """A noun in both languages.

    Attributes:
        en, ens, fr, frs: singular and plural.
        feminine: its gender in French.
        kind: semantic class, which verbs and adjectives select.
    """

    en: str
    ens: str
    fr: str
    frs: str
    feminine: bool
    kind: str


@dataclass(frozen=True)
class Adjective:
    """An adjective; the French forms are masculine, feminine, and both plurals.

    Attributes:
        liaison: the masculine form before a vowel.
        before: whether it comes before its noun.
    """

    en: str
    forms: tuple[str, str, str, str]
    liaison: str
    before: bool

    def inflect(self, feminine: bool, plural: bool) -> str:
        """Return the French form for a gender and a number."""
        return self.forms[feminine + 2 * plural]


def _nouns(kind: str, feminine: bool, entries: str) -> list[Noun]:
    """Parse entries "en fr", with "/" before an irregular plural."""
    nouns = []
    for entry in entries.split(", "):
        en, fr = entry.split()
        one, _, many = en.partition("/")
        un, _, des = fr.partition("/")
        nouns.append(Noun(one, many or f"{one}s", un, des or f"{un}s", feminine, kind))
    return nouns


NOUNS: tuple[Noun, ...] = (
    *_nouns(
        "person",
        False,
        "boy garçon, man/men homme, friend ami, teacher professeur, doctor médecin, farmer fermier,"
        " baker boulanger, neighbour voisin, student étudiant, king roi, baby/babies bébé,"
        " child/children enfant",
    ),
    *_nouns("person", True, "girl fille, woman/women femme, queen reine, singer chanteuse"),
    *_nouns("family", False, "brother frère, father père, uncle oncle, cousin cousin"),
    *_nouns(
        "family", True, "sister sœur, mother mère, aunt tante, grandmother grand-mère/grands-mères"
    ),
    *_nouns(
        "animal",
        False,
        "cat chat, dog chien, horse cheval/chevaux, bird oiseau/oiseaux, rabbit lapin,"
        " duck canard, wolf/wolves loup, bear ours/ours, donkey âne, pig cochon, lion lion,"
        " elephant éléphant",
    ),
    *_nouns(
        "animal",
        True,
        "cow vache, mouse/mice souris/souris, hen poule, goat chèvre, frog grenouille",
    ),
    *_nouns(
        "food", False, "cake gâteau/gâteaux, egg œuf, sandwich/sandwiches sandwich, melon melon"
    ),
    *_nouns(
        "food",
        True,
        "apple pomme, orange orange, pear poire, tomato/tomatoes tomate, carrot carotte,"
        " banana banane, cherry/cherries cerise",
    ),
    *_nouns("dish", False, "bread pain, cheese fromage, rice riz, honey miel"),
    *_nouns("dish", True, "soup soupe, salad salade, meat viande"),
    *_nouns("drink", False, "milk lait, coffee café, tea thé, juice jus"),
    *_nouns("drink", True, "water eau, lemonade limonade"),
    *_nouns("text", False, "book livre, newspaper journal/journaux, poem poème"),
    *_nouns("text", True, "letter lettre, story/stories histoire"),
    *_nouns(
        "thing", False, "bag sac, umbrella parapluie, knife/knives couteau/couteaux, ball ballon"
    ),
    *_nouns(
        "thing",
        True,
        "key clé, chair chaise, clock horloge, lamp lampe, flower fleur, bottle bouteille,"
        " guitar guitare, table table",
    ),
    *_nouns("opening", True, "door porte, window fenêtre, box/boxes boîte, suitcase valise"),
    *_nouns("vehicle", False, "boat bateau/bateaux, train train, plane avion, bus/buses bus/bus"),
    *_nouns("vehicle", True, "car voiture"),
    *_nouns("clothes", False, "hat chapeau/chapeaux, coat manteau/manteaux, glove gant"),
    *_nouns(
        "clothes",
        True,
        "shirt chemise, dress/dresses robe, shoe chaussure, scarf/scarves écharpe, skirt jupe",
    ),
)


def _adjective(en: str, forms: str, before: bool = False) -> Adjective:
    """Forms "m f", with plurals in s, or "m f mp fp"; "m/l" has a form before a vowel."""
    given = forms.split()
    masculine, _, liaison = given[0].partition("/")
    feminine = given[1] if len(given) > 1 else masculine
    plurals = (given[2], given[3]) if len(given) > 2 else (f"{masculine}s", f"{feminine}s")
    return Adjective(en, (masculine, feminine, *plurals), liaison or masculine, before)


ADJECTIVES: dict[str, Adjective] = {
    adjective.en: adjective
    for adjective in (
        _adjective("small", "petit petite", before=True),
        _adjective("big", "grand grande", before=True),
        _adjective("young", "jeune", before=True),
        _adjective("pretty", "joli jolie", before=True),
        _adjective("old", "vieux/vieil vieille vieux vieilles", before=True),
        _adjective("beautiful", "beau/bel belle beaux belles", before=True),
        _adjective("new", "nouveau/nouvel nouvelle nouveaux nouvelles", before=True),
        _adjective("good", "bon bonne bons bonnes", before=True),
        _adjective("red", "rouge"),
        _adjective("yellow", "jaune"),
        _adjective("white", "blanc blanche"),
        _adjective("black", "noir noire"),
        _adjective("green", "vert verte"),
        _adjective("blue", "bleu bleue"),
        _adjective("grey", "gris grise gris grises"),
        _adjective("happy", "heureux heureuse heureux heureuses"),
        _adjective("sad", "triste"),
        _adjective("tired", "fatigué fatiguée"),
        _adjective("sick", "malade"),
        _adjective("clever", "intelligent intelligente"),
        _adjective("brave", "courageux courageuse courageux courageuses"),
        _adjective("ready", "prêt prête"),
        _adjective("angry", "fâché fâchée"),
        _adjective("calm", "calme"),
        _adjective("clean", "propre"),
        _adjective("dirty", "sale"),
        _adjective("heavy", "lourd lourde"),
        _adjective("expensive", "cher chère"),
        _adjective("broken", "cassé cassée"),
        _adjective("cold", "froid froide"),
        _adjective("hot", "chaud chaude"),
        _adjective("slow", "lent lente"),
        _adjective("fast", "rapide"),
        _adjective("long", "long longue", before=True),
        _adjective("short", "court courte"),
        _adjective("interesting", "intéressant intéressante"),
        _adjective("open", "ouvert ouverte"),
        _adjective("closed", "fermé fermée"),
    )
}

# Adjectives by the kind of noun that they may modify, and those used only after "is".
ADJECTIVES_BY_NOUN_KIND: dict[str, str] = {
    "person": "small young old pretty beautiful happy sad tired sick clever brave",
    "family": "clever brave happy sad tired",
    "animal": "small big young old beautiful white black grey tired sick clever",
    "food": "small good beautiful",
    "dish": "good cold hot",
    "drink": "good cold hot",
    "text": "new old good long short interesting beautiful",
    "thing": "small big new old pretty red blue green white black heavy broken",
    "opening": "small big old red blue green white grey open closed",
    "vehicle": "new old red blue green white black grey fast slow",
    "clothes": "new old pretty beautiful red yellow blue green white black grey clean dirty",
}
PREDICATES_BY_NOUN_KIND: dict[str, str] = {
    "person": "tired happy sad sick clever brave ready angry calm young old",
    "family": "tired happy sad sick clever brave ready angry calm young old",
    "animal": "tired happy sad sick clever calm young old small big",
    "food": "small cold good",
    "dish": "cold hot good expensive",
    "drink": "cold hot good expensive",
    "text": "long short interesting old expensive",
    "thing": "small big old heavy expensive broken red blue white black clean dirty",
    "opening": "open closed red blue white green big small heavy",
    "vehicle": "slow fast expensive red yellow blue white black",
    "clothes": "clean dirty expensive red yellow blue white black green",
}
# Unidiomatic or ambiguous in French: "petit ami" is more than a small friend.
UNIDIOMATIC = {
    *(("small", noun) for noun in ("friend", "child", "baby", "king", "queen")),
    *(("pretty", noun) for noun in ("man", "king", "doctor", "farmer", "baker", "knife")),
    *(("old", noun) for noun in ("girl", "boy", "baby", "child", "student")),
    *(("young", noun) for noun in ("baby", "child")),
    *(("beautiful", noun) for noun in ("egg", "sandwich", "newspaper")),
    *(("hot", noun) for noun in ("cheese", "honey", "salad", "lemonade", "juice")),
    *(("long", "newspaper"), ("short", "newspaper")),
    *((adjective, "flower") for adjective in ("broken", "heavy", "clean", "dirty")),
    *((adjective, "bag") for adjective in ("broken",)),
    *((adjective, "ball") for adjective in ("broken", "heavy")),
    *((adjective, "key") for adjective in ("red", "blue", "green", "white", "black")),
    *((adjective, "knife") for adjective in ("red", "blue", "green", "white", "black")),
}
