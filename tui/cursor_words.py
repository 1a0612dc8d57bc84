"""What there is to say of a place in a text with branches. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.branches import nearest
from tui.choices import after, percent, perplexity
from tui.cursor import Cursor, Sight
from tui.widgets.token_boxes import PLAIN_SPACE, SPACE, visible

LONGEST = 24
LEGEND = "digits: tenths of its chance, ! under 1%"
END = "the end: what could come next"


def here(cursor: Cursor, sight: Sight, *, plain: bool = False) -> str:
    """Which token one stands on, and how likely it was."""
    place = f"token {cursor.at + 1:,} of {len(cursor.path):,}"
    came = sight.came
    if came is None:
        return END if cursor.at == len(cursor.path) else place
    token = visible(came.text, PLAIN_SPACE if plain else SPACE)
    token = token if len(token) <= LONGEST else token[: LONGEST - 1] + ("~" if plain else "…")
    words = [
        f"“{token}” {percent(came.probability)}, rank {came.rank:,}",
        f"as set {after(came)}",
        place,
    ]
    return " · ".join(words)


def where(cursor: Cursor, *, legend: bool = False) -> str:
    """How surprising the text was, and which of the ways at the nearest fork this is."""
    words = [LEGEND] if legend else []
    words.append(ways(cursor))
    words.append(f"perplexity {perplexity(loss(cursor.chances))}")
    return " · ".join(word for word in words if word)


def ways(cursor: Cursor) -> str:
    """Which of how many ways; empty where there is one."""
    parted = cursor.parted
    place = nearest(parted, cursor.at)
    if place is None:
        return "no branches yet"
    tree = cursor.tree
    fork = tree.fork(cursor.branch, place)
    found, here = tree.ways(fork), tree.way(cursor.branch, fork)
    at = "here" if place == cursor.at else f"at token {place + 1:,}"
    if here is None:
        return f"goes on {at}, {len(found)} way{'s' * (len(found) != 1)}"
    return f"way {found.index(here) + 1} of {len(found)} {at}"


def loss(chances: Sequence[float | None]) -> float | None:
    """Nats a token, of those whose chance is known."""
    known = [chance for chance in chances if chance is not None]
    if not known:
        return None
    return -sum(math.log(max(chance, 1e-300)) for chance in known) / len(known)
