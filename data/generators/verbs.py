"""English and French verbs in the present and the past, with the kinds of their objects."""

from __future__ import annotations

from dataclasses import dataclass

_DOUBLED = ("run", "swim", "cut", "travel", "prefer")  # run -> running


@dataclass(frozen=True)
class Verb:
    """A verb; the French forms are for je, tu, il, nous, ils.

    Attributes:
        en, ens, past, gerund: English base, third person, preterite, form in "-ing".
        participle: French past participle, masculine singular.
        is_motion: whether French forms the past with "être" instead of "avoir".
        is_state: whether English has no progressive form: "I know", never "I am knowing".
        objects: the kinds of its object; empty for an intransitive verb.
    """

    en: str
    ens: str
    past: str
    gerund: str
    infinitive: str
    forms: tuple[str, str, str, str, str]
    participle: str
    is_motion: bool
    is_state: bool
    objects: frozenset[str]


def _conjugate_regular(infinitive: str) -> tuple[str, str, str, str, str]:
    """Conjugate a verb in -er; after g an e is kept."""
    stem = infinitive.removesuffix("er")
    soft = "e" if stem.endswith("g") else ""
    return f"{stem}e", f"{stem}es", f"{stem}e", f"{stem}{soft}ons", f"{stem}ent"


def _third_person(base: str) -> str:
    if base.endswith(("ch", "sh", "ss", "o")):
        return f"{base}es"
    if base.endswith("y") and base[-2] not in "aeou":
        return f"{base[:-1]}ies"
    return f"{base}s"


def _gerund(base: str) -> str:
    if base in _DOUBLED:
        return f"{base}{base[-1]}ing"
    if base.endswith("e") and not base.endswith("ee"):
        return f"{base[:-1]}ing"
    return f"{base}ing"


def _preterite(base: str) -> str:
    if base in _DOUBLED:
        return f"{base}{base[-1]}ed"
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2] not in "aeou":
        return f"{base[:-1]}ied"
    return f"{base}ed"


def _verb(english: str, french: str, objects: str = "", kind: str = "") -> Verb:
    """Parse the words of a verb.

    Args:
        english: base, with a particle after "_", and the preterite where irregular.
        french: infinitive, and where irregular the five forms and the participle.
        objects: the kinds of its object.
        kind: "motion" or "state".
    """
    entry, *preterite = english.split()
    base, _, particle = entry.partition("_")
    after = f" {particle}" if particle else ""
    infinitive, *irregular = french.split()
    if irregular:
        je, tu, il, nous, ils, participle = irregular
        forms = (je, tu, il, nous, ils)
    else:
        forms = _conjugate_regular(infinitive)
        participle = f"{infinitive.removesuffix('er')}é"
    return Verb(
        f"{base}{after}",
        f"{_third_person(base)}{after}",
        f"{preterite[0] if preterite else _preterite(base)}{after}",
        f"{_gerund(base)}{after}",
        infinitive,
        forms,
        participle,
        kind == "motion",
        kind == "state",
        frozenset(objects.split()),
    )


LIVING = "person family animal"
SOLID = "thing clothes text opening"
TO_EAT = "food dish"

VERBS: tuple[Verb, ...] = (
    _verb("sleep slept", "dormir dors dors dort dormons dorment dormi"),
    _verb("run ran", "courir cours cours court courons courent couru"),
    _verb("walk", "marcher"),
    _verb("sing sang", "chanter"),
    _verb("dance", "danser"),
    _verb("work", "travailler"),
    _verb("cry", "pleurer"),
    _verb("laugh", "rire ris ris rit rions rient ri"),
    _verb("swim swam", "nager"),
    _verb("wait", "attendre attends attends attend attendons attendent attendu"),
    _verb("play", "jouer"),
    _verb("travel", "voyager"),
    _verb("cook", "cuisiner"),
    _verb("leave left", "partir pars pars part partons partent parti", kind="motion"),
    _verb("come came", "venir viens viens vient venons viennent venu", kind="motion"),
    _verb("arrive", "arriver", kind="motion"),
    _verb("fall fell", "tomber", kind="motion"),
    _verb("eat ate", "manger", TO_EAT),
    _verb("cut cut", "couper", TO_EAT),
    _verb("prepare", "préparer", TO_EAT),
    _verb("drink drank", "boire bois bois boit buvons boivent bu", "drink"),
    _verb("read read", "lire lis lis lit lisons lisent lu", "text"),
    _verb("write wrote", "écrire écris écris écrit écrivons écrivent écrit", "text"),
    _verb(
        "see saw",
        "voir vois vois voit voyons voient vu",
        f"{LIVING} {SOLID} vehicle craft food nature place",
        "state",
    ),
    _verb("watch", "regarder", f"{LIVING} vehicle craft nature"),
    _verb(
        "hear heard",
        "entendre entends entends entend entendons entendent entendu",
        LIVING,
        "state",
    ),
    _verb("love", "aimer", f"{LIVING} place", "state"),
    _verb(
        "prefer",
        "préférer préfère préfères préfère préférons préfèrent préféré",
        f"{TO_EAT} clothes drink vehicle",
        "state",
    ),
    _verb("help", "aider", "person family"),
    _verb("call", "appeler appelle appelles appelle appelons appellent appelé", "person family"),
    _verb(
        "know knew",
        "connaître connais connais connaît connaissons connaissent connu",
        "person family place",
        "state",
    ),
    _verb("thank", "remercier", "person family"),
    _verb("visit", "visiter", "place"),
    _verb("leave left", "quitter", "place"),
    _verb(
        "buy bought",
        "acheter achète achètes achète achetons achètent acheté",
        f"{TO_EAT} drink text clothes thing vehicle craft",
    ),
    _verb(
        "sell sold",
        "vendre vends vends vend vendons vendent vendu",
        f"{TO_EAT} clothes vehicle craft thing",
    ),
    _verb("find found", "trouver", f"{SOLID} animal"),
    _verb("look_for", "chercher", f"{SOLID} person family animal place"),
    _verb("lose lost", "perdre perds perds perd perdons perdent perdu", "thing clothes text"),
    _verb(
        "want",
        "vouloir veux veux veut voulons veulent voulu",
        f"{TO_EAT} drink clothes text thing",
        "state",
    ),
    _verb(
        "take took",
        "prendre prends prends prend prenons prennent pris",
        "thing clothes text vehicle craft food",
    ),
    _verb("wear wore", "porter", "clothes"),
    _verb("wash", "laver", "clothes vehicle animal"),
    _verb("open", "ouvrir ouvre ouvres ouvre ouvrons ouvrent ouvert", "opening"),
    _verb("close", "fermer", "opening"),
    _verb("bring brought", "apporter", f"{TO_EAT} drink text thing"),
    _verb(
        "drive drove", "conduire conduis conduis conduit conduisons conduisent conduit", "vehicle"
    ),
    _verb(
        "clean",
        "nettoyer nettoie nettoies nettoie nettoyons nettoient nettoyé",
        "opening place vehicle",
    ),
    _verb("give gave", "donner", "thing text"),
    _verb("show", "montrer", "thing text clothes place"),
    _verb(
        "choose chose",
        "choisir choisis choisis choisit choisissons choisissent choisi",
        f"{TO_EAT} clothes thing text",
    ),
    _verb("forget forgot", "oublier", f"{SOLID} person"),
)

# Followed by another verb: English base, third person, what comes after it; French forms.
MODALS: tuple[tuple[str, str, str, tuple[str, str, str, str, str]], ...] = (
    ("want", "wants", "to", ("veux", "veux", "veut", "voulons", "veulent")),
    ("like", "likes", "to", ("aime", "aimes", "aime", "aimons", "aiment")),
    ("must", "must", "", ("dois", "dois", "doit", "devons", "doivent")),
    ("can", "can", "", ("peux", "peux", "peut", "pouvons", "peuvent")),
)
