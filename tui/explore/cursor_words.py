"""What there is to say of a place in a text with branches. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.common.sanitize import one_line
from tui.explore.branches import Token, nearest
from tui.explore.choices import after, percent, perplexity
from tui.explore.cursor import Cursor, Sight
from tui.widgets.token_boxes import PLAIN_SPACE, SPACE, visible

LONGEST = 24
WAY = 6  # cells before the text of a way
ENDS = "<eos>"
LEGEND = "digits: tenths, ! <1%"
END = "the end: what could come next"


def here(cursor: Cursor, sight: Sight, *, plain: bool = False) -> str:
    """Which token one stands on, and how likely it was."""
    first = int(not cursor.path[0].text)  # what begins every text is not counted
    place = f"token {cursor.at + 1 - first:,} of {len(cursor.path) - first:,}"
    came = sight.came
    if came is None:
        return END if cursor.at == len(cursor.path) else place
    token = visible(came.text, PLAIN_SPACE if plain else SPACE)
    token = token if len(token) <= LONGEST else token[: LONGEST - 1] + ("~" if plain else "…")
    set = f"removed by {after(came)}" if came.removed else f"as set {percent(came.chance)}"
    return f"“{token}” {percent(came.probability)}, rank {came.rank:,} · {set} · {place}"


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
    first = int(not cursor.path[0].text)
    at = "here" if place == cursor.at else f"at token {place + 1 - first:,}"
    if here is None:
        return f"goes on {at}, {len(found)} way{'s' * (len(found) != 1)}"
    return f"way {found.index(here) + 1} of {len(found)} {at}"


def way_rows(cursor: Cursor, width: int, most: int, mark: str) -> list[Content]:
    """The ways at the nearest fork, a row each; some of them, round the one that is taken.

    Args:
        width: cells of a row.
        most: rows.
        mark: the sign before the one that is taken.
    """
    found, now = _found(cursor)
    first = max(0, min(now - most // 2, len(found) - most))
    rows = []
    for number, tokens in enumerate(found[first : first + max(0, most)], first + 1):
        text = one_line("".join(token.text for token in tokens).strip(" ")) or ENDS
        sign, style = (mark, "bold") if number - 1 == now else ("", "")
        room = max(1, width - WAY)
        shown = text if cell_len(text) <= room else set_cell_size(text, room)
        rows.append(
            Content.assemble(
                (f"{sign:<2}", "bold $primary"), (f"{number:>{WAY - 3}} ", "dim"), (shown, style)
            )
        )
    return rows


def _found(cursor: Cursor) -> tuple[Sequence[Sequence[Token]], int]:
    """The ways at the nearest fork, or those that grow, and which of them is taken; -1 is none."""
    if cursor.growing:
        return (cursor.growing, 0) if len(cursor.growing) > 1 else ((), -1)
    place = nearest(cursor.parted, cursor.at)
    if place is None:
        return (), -1
    tree, fork = cursor.tree, cursor.tree.fork(cursor.branch, place)
    found, here = tree.ways(fork), tree.way(cursor.branch, fork)
    ways = [tree[id].tokens[fork.at if id == fork.branch else 0 :] for id in found]
    return ways, found.index(here) if here else -1


def made(count: int, *, greedy: bool) -> str:
    """What came of asking for several ways."""
    if not count:
        return "All of them are here already; warmer settings (t) bring others."
    how = "; greedy: one for each of the likeliest tokens" if greedy else ""
    return f"{count} new way{'s' * (count != 1)}{how}. ] walks them."


def loss(chances: Sequence[float | None]) -> float | None:
    """Nats a token, of those whose chance is known."""
    known = [chance for chance in chances if chance is not None]
    if not known:
        return None
    return -sum(math.log(max(chance, 1e-300)) for chance in known) / len(known)
