"""English and French verbs in the present tense, with the kinds of their objects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A verb; the French forms are for je, tu, il, nous, ils.

    Attributes:
        objects: the kinds of its object; empty for an intransitive verb.
    """

    en: str
    ens: str
    infinitive: str
    forms: tuple[str, str, str, str, str]
    objects: frozenset[str]


def _conjugate_regular(infinitive: str) -> tuple[str, str, str, str, str]:
    """Conjugate a verb in -er; after g an e is kept."""
    stem = infinitive.removesuffix("er")
    soft = "e" if stem.endswith("g") else ""
    return f"{stem}e", f"{stem}es", f"{stem}e", f"{stem}{soft}ons", f"{stem}ent"


def _verb(english: str, french: str, objects: str = "") -> Verb:
    """Parse English "base" or "base/third person" and a French infinitive with irregular forms."""
    base, _, third = english.partition("/")
    infinitive, *forms = french.split()
    if forms:
        je, tu, il, nous, ils = forms
        conjugated = (je, tu, il, nous, ils)
    else:
        conjugated = _conjugate_regular(infinitive)
    return Verb(base, third or f"{base}s", infinitive, conjugated, frozenset(objects.split()))


LIVING = "person family animal"
SOLID = "thing clothes text opening"
TO_EAT = "food dish"

VERBS: tuple[Verb, ...] = (
    _verb("sleep", "dormir dors dors dort dormons dorment"),
    _verb("run", "courir cours cours court courons courent"),
    _verb("walk", "marcher"),
    _verb("sing", "chanter"),
    _verb("dance", "danser"),
    _verb("work", "travailler"),
    _verb("cry/cries", "pleurer"),
    _verb("laugh", "rire ris ris rit rions rient"),
    _verb("swim", "nager"),
    _verb("jump", "sauter"),
    _verb("wait", "attendre attends attends attend attendons attendent"),
    _verb("play", "jouer"),
    _verb("smile", "sourire souris souris sourit sourions sourient"),
    _verb("travel", "voyager"),
    _verb("cook", "cuisiner"),
    _verb("leave", "partir pars pars part partons partent"),
    _verb("come", "venir viens viens vient venons viennent"),
    _verb("eat", "manger", TO_EAT),
    _verb("cut", "couper", TO_EAT),
    _verb("prepare", "préparer prépare prépares prépare préparons préparent", TO_EAT),
    _verb("drink", "boire bois bois boit buvons boivent", "drink"),
    _verb("read", "lire lis lis lit lisons lisent", "text"),
    _verb("write", "écrire écris écris écrit écrivons écrivent", "text"),
    _verb("see", "voir vois vois voit voyons voient", f"{LIVING} {SOLID} vehicle food"),
    _verb("watch/watches", "regarder", f"{LIVING} vehicle"),
    _verb("hear", "entendre entends entends entend entendons entendent", LIVING),
    _verb("love", "aimer", LIVING),
    _verb("follow", "suivre suis suis suit suivons suivent", f"{LIVING} vehicle"),
    _verb("help", "aider", "person family"),
    _verb("call", "appeler appelle appelles appelle appelons appellent", "person family"),
    _verb(
        "know", "connaître connais connais connaît connaissons connaissent", "person family text"
    ),
    _verb("thank", "remercier", "person family"),
    _verb(
        "buy",
        "acheter achète achètes achète achetons achètent",
        f"{TO_EAT} drink text clothes thing",
    ),
    _verb("sell", "vendre vends vends vend vendons vendent", f"{TO_EAT} text clothes vehicle"),
    _verb("find", "trouver", f"{SOLID} animal"),
    _verb("lose", "perdre perds perds perd perdons perdent", "thing clothes text"),
    _verb("want", "vouloir veux veux veut voulons veulent", f"{TO_EAT} drink clothes text thing"),
    _verb("take", "prendre prends prends prend prenons prennent", "thing clothes text vehicle"),
    _verb("wear", "porter", "clothes"),
    _verb("wash/washes", "laver", "clothes vehicle animal"),
    _verb("open", "ouvrir ouvre ouvres ouvre ouvrons ouvrent", "opening"),
    _verb("close", "fermer", "opening"),
    _verb("draw", "dessiner", f"{LIVING} vehicle thing"),
    _verb("hide", "cacher", "thing text clothes"),
    _verb("bring", "apporter", f"{TO_EAT} drink text thing"),
    _verb("drive", "conduire conduis conduis conduit conduisons conduisent", "vehicle"),
)

# Followed by another verb: English base, third person, what comes after it; French forms.
MODALS: tuple[tuple[str, str, str, tuple[str, str, str, str, str]], ...] = (
    ("want", "wants", "to", ("veux", "veux", "veut", "voulons", "veulent")),
    ("like", "likes", "to", ("aime", "aimes", "aime", "aimons", "aiment")),
    ("must", "must", "", ("dois", "dois", "doit", "devons", "doivent")),
    ("can", "can", "", ("peux", "peux", "peut", "pouvons", "peuvent")),
)
