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
    """Parse entries "en fr", with "/" before an irregular plural and "_" for a blank."""
    nouns = []
    for entry in entries.split(", "):
        en, fr = (word.replace("_", " ") for word in entry.split())
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
        " child/children enfant, waiter serveur,"
        " dentist dentiste",
    ),
    *_nouns(
        "person",
        True,
        "girl fille, woman/women femme, queen reine, singer chanteuse, nurse infirmière",
    ),
    *_nouns(
        "family",
        False,
        "brother frère, father père, uncle oncle, cousin cousin, son fils/fils, husband mari,"
        " grandfather grand-père/grands-pères",
    ),
    *_nouns(
        "family",
        True,
        "sister sœur, mother mère, aunt tante, grandmother grand-mère/grands-mères,"
        " daughter fille, wife/wives femme",
    ),
    *_nouns(
        "animal",
        False,
        "cat chat, dog chien, horse cheval/chevaux, bird oiseau/oiseaux, rabbit lapin,"
        " duck canard, bear ours/ours, pig cochon, elephant éléphant,"
        " monkey singe, snake serpent",
    ),
    *_nouns(
        "animal",
        True,
        "cow vache, mouse/mice souris/souris, hen poule",
    ),
    *_nouns(
        "food",
        False,
        "cake gâteau/gâteaux, egg œuf, sandwich/sandwiches sandwich",
    ),
    *_nouns(
        "food",
        True,
        "apple pomme, orange orange, pear poire, tomato/tomatoes tomate, carrot carotte,"
        " banana banane, potato/potatoes pomme_de_terre/pommes_de_terre,"
        " strawberry/strawberries fraise, pizza pizza",
    ),
    *_nouns(
        "dish",
        False,
        "bread pain, cheese fromage, rice riz, butter beurre, sugar sucre, salt sel,"
        " chicken poulet, fish poisson, chocolate chocolat",
    ),
    *_nouns("dish", True, "soup soupe, salad salade, meat viande, ice_cream glace"),
    *_nouns("drink", False, "milk lait, coffee café, tea thé, juice jus, wine vin"),
    *_nouns("drink", True, "water eau, beer bière"),
    *_nouns("text", False, "book livre, newspaper journal/journaux"),
    *_nouns("text", True, "letter lettre, story/stories histoire, question question"),
    *_nouns(
        "thing",
        False,
        "bag sac, umbrella parapluie, knife/knives couteau/couteaux, ball ballon,"
        " phone téléphone, computer ordinateur, glass/glasses verre, pencil crayon, pen stylo,"
        " toy jouet, gift cadeau/cadeaux, bed lit",
    ),
    *_nouns(
        "thing",
        True,
        "key clé, chair chaise, clock horloge, lamp lampe, flower fleur, bottle bouteille,"
        " guitar guitare, table table, cup tasse,"
        " television télévision",
    ),
    *_nouns("opening", True, "door porte, window fenêtre, box/boxes boîte, suitcase valise"),
    *_nouns("opening", False, "fridge frigo"),
    *_nouns("vehicle", False, "train train, bus/buses bus/bus"),
    *_nouns("vehicle", True, "car voiture"),
    *_nouns("craft", False, "boat bateau/bateaux, plane avion, bike vélo"),
    *_nouns(
        "clothes",
        False,
        "hat chapeau/chapeaux, coat manteau/manteaux",
    ),
    *_nouns(
        "clothes",
        True,
        "shirt chemise, dress/dresses robe, shoe chaussure, scarf/scarves écharpe, skirt jupe,"
        " sock chaussette, jacket veste",
    ),
    *_nouns("body", False, "arm bras/bras, foot/feet pied, back dos/dos, eye œil/yeux"),
    *_nouns("body", True, "head tête, tooth/teeth dent, hand main, leg jambe, ear oreille"),
    *_nouns("nature", False, "tree arbre"),
    *_nouns("nature", True, "mountain montagne, river rivière, moon lune"),
    *_nouns(
        "place",
        False,
        "garden jardin, park parc, village village, restaurant restaurant, hotel hôtel,"
        " museum musée, shop magasin, hospital hôpital, airport aéroport, cinema cinéma",
    ),
    *_nouns(
        "place",
        True,
        "house maison, kitchen cuisine, forest forêt, school école, station gare,"
        " church/churches église, library/libraries bibliothèque, bank banque, farm ferme,"
        " room chambre, street rue",
    ),
)


def _adjective(en: str, forms: str, before: bool = False) -> Adjective:
    """Forms "m f", with plurals in s, or "m f mp fp"; "m/l" has a form before a vowel."""
    given = [form.replace("_", " ") for form in forms.split()]
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
        _adjective("bad", "mauvais mauvaise mauvais mauvaises", before=True),
        _adjective("red", "rouge"),
        _adjective("yellow", "jaune"),
        _adjective("white", "blanc blanche"),
        _adjective("black", "noir noire"),
        _adjective("green", "vert verte"),
        _adjective("blue", "bleu bleue"),
        _adjective("grey", "gris grise gris grises"),
        _adjective("pink", "rose"),
        _adjective("happy", "heureux heureuse heureux heureuses"),
        _adjective("sad", "triste"),
        _adjective("tired", "fatigué fatiguée"),
        _adjective("sick", "malade"),
        _adjective("clever", "intelligent intelligente"),
        _adjective("ready", "prêt prête"),
        _adjective("angry", "fâché fâchée"),
        _adjective("kind", "gentil gentille", before=True),
        _adjective("funny", "drôle"),
        _adjective("strong", "fort forte"),
        _adjective("busy", "occupé occupée"),
        _adjective("late", "en_retard en_retard en_retard en_retard"),
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
        _adjective("empty", "vide"),
        _adjective("full", "plein pleine"),
        _adjective("fresh", "frais fraîche frais fraîches"),
        _adjective("delicious", "délicieux délicieuse délicieux délicieuses"),
        _adjective("dangerous", "dangereux dangereuse dangereux dangereuses"),
        _adjective("quiet", "tranquille"),
        _adjective("difficult", "difficile"),
        _adjective("easy", "facile"),
    )
}

# Adjectives by the kind of noun that they may modify, and those used only after "is".
ADJECTIVES_BY_NOUN_KIND: dict[str, str] = {
    "person": "small young old pretty beautiful happy sad tired sick clever kind strong",
    "family": "clever happy sad tired kind",
    "animal": "small big young old beautiful white black grey tired sick clever dangerous",
    "food": "small big good fresh delicious",
    "dish": "good cold hot fresh delicious",
    "drink": "good cold hot fresh",
    "text": "new old good bad long short interesting beautiful difficult easy",
    "thing": "small big new old pretty red blue green white black pink yellow heavy broken",
    "opening": "small big old red blue green white grey open closed heavy",
    "vehicle": "new old red blue green white black grey fast slow",
    "craft": "new old red blue green white black grey fast slow",
    "clothes": "new old pretty beautiful red yellow blue green white black grey pink clean dirty",
    "body": "",
    "nature": "small big beautiful",
    "place": "small big old new beautiful quiet",
}
PREDICATES_BY_NOUN_KIND: dict[str, str] = {
    "person": "tired happy sad sick clever ready angry young old kind funny strong busy late",
    "family": "tired happy sad sick clever ready angry young old kind funny strong busy late",
    "animal": "tired happy sad sick clever young old small big dangerous strong funny",
    "food": "small cold good fresh delicious expensive",
    "dish": "cold hot good expensive fresh delicious",
    "drink": "cold hot good expensive fresh delicious",
    "text": "long short interesting old difficult easy funny sad",
    "thing": "small big old heavy expensive broken red blue white black clean dirty pink yellow"
    " new",
    "opening": "open closed red blue white green big small heavy empty full",
    "vehicle": "slow fast expensive red yellow blue white black late full empty",
    "craft": "slow fast expensive red yellow blue white black new",
    "clothes": "clean dirty expensive red yellow blue white black green pink new",
    "body": "",
    "nature": "beautiful big small",
    "place": "big small old new quiet beautiful empty full clean open closed",
}
# Unidiomatic or ambiguous in one of the languages: "petit ami" is more than a small friend.
_UNIDIOMATIC = """
small, new: moon
small: friend child baby king queen man
pretty: man king doctor farmer baker waiter dentist teacher student friend
pretty: neighbour boy knife
old: girl boy baby child student
young: baby child
strong, clever, kind, busy, late, ready, angry: baby
beautiful: egg sandwich newspaper
hot: cheese salad juice butter sugar salt ice_cream wine beer chocolate
cold: salt sugar
fresh: cake sandwich pizza rice soup coffee tea wine beer sugar salt chocolate ice_cream
delicious: salt sugar water
difficult, easy, long, short, sad, bad, good: newspaper
broken, clean, dirty, heavy: flower
broken: bag gift key ball
heavy: ball
red, yellow, blue, green, white, black, grey, pink: key knife fridge gift
dangerous: cow hen pig
big, small, new, open, closed, full: street
open, closed, empty, full: forest garden village farm house room
empty, full: door window
full: car
late: car
big: moon
"""
UNIDIOMATIC = {
    (adjective, noun.replace("_", " "))
    for line in _UNIDIOMATIC.strip().split("\n")
    for adjectives, _, nouns in [line.partition(": ")]
    for adjective in adjectives.split(", ")
    for noun in nouns.split()
}
