"""Branches in a run's file of talk: lines of a kind of their own between the turns.

A branch is written when it is made, its beginning with its first branch. Knows no screen and no
model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import DamagedError
from core.run.events import decode_object
from core.system.line_files import backwards
from tui.explore.branches import Branch, Token, Tree
from tui.talk.record import MOST_BYTES, append_line, number, whole

BRANCH = "branch"
MOST = 5000  # read back: what a person makes by hand in a year
LARGEST_ID = 1 << 31


def append(path: Path, branch: Branch) -> None:
    """Adds a branch.

    Raises:
        StorageError: it could not be written whole.
    """
    append_line(path, to_json(branch))


def read(path: Path) -> Tree:
    """All branches; none if there are none.

    Raises:
        DamagedError: there is something, and it cannot be read.
    """
    try:
        found = list(islice(_branches(backwards(path, MOST_BYTES)), MOST))
    except OSError as error:
        raise DamagedError(
            f"The branches in {path} cannot be read: {error.strerror}.",
            "You can go on; move the file away if it stays like this.",
        ) from error
    return Tree(reversed(found))


def _branches(lines: Iterable[bytes]) -> Iterable[Branch]:
    return (branch for line in lines if (branch := decode(line)) is not None)


def to_json(branch: Branch) -> dict[str, Any]:
    """The fields of a line."""
    tokens = [list(token) for token in branch.tokens]
    return {"type": BRANCH, **vars(branch), "tokens": tokens}


def decode(line: bytes) -> Branch | None:
    """The branch in a line; None for a damaged one and for other kinds of line."""
    value = decode_object(line)
    if value is None or value.get("type") != BRANCH or not isinstance(value.get("id"), str):
        return None
    tokens = _tokens(value.get("tokens"))
    parent, turn = value.get("parent"), value.get("turn")
    # A branch whose parent cannot be told is no beginning.
    if not tokens or not (parent is None or isinstance(parent, str)):
        return None
    weights, settings = value.get("weights"), value.get("settings")
    return Branch(
        tokens=tokens,
        parent=parent,
        at=whole(value.get("at")) or 0,
        typed=whole(value.get("typed")) or 0,
        turn=turn if isinstance(turn, str) else None,
        weights=weights if isinstance(weights, str) else "",
        step=whole(value.get("step")),
        settings=settings if isinstance(settings, Mapping) else {},
        time=number(value.get("time")),
        id=value["id"],
    )


def _tokens(value: Any) -> tuple[Token, ...] | None:
    """None if one of them is none: those after it would stand in the wrong place."""
    if not isinstance(value, list):
        return None
    found = []
    for one in value:
        if not isinstance(one, list) or len(one) != 3:
            return None
        id, text, chance = whole(one[0]), one[1], one[2]
        if id is None or not 0 <= id < LARGEST_ID or not isinstance(text, str):
            return None
        known = isinstance(chance, float | int) and not isinstance(chance, bool)
        found.append(Token(id, text, min(1.0, max(0.0, number(chance))) if known else None))
    return tuple(found)
