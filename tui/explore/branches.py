"""The tree of a text's branches: what stood at first, and what was put in the place of its parts.

A branch is a run of tokens that begins after `at` tokens of its parent's own; what the parent has
there stays, as a sibling of the branch. A path is a branch with all that stands before it. Nothing
is ever changed or taken away, only added. Pure; knows no file and no screen.

Branches in a run's file of talk: lines of a kind of their own between the turns.

A branch is written when it is made, its beginning with its first branch. Knows no screen and no
model.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import DamagedError
from core.run.events import decode_object
from core.system.line_files import read_lines_backwards
from tui.talk.record import MOST_BYTES, append_line, number, whole


class BranchToken(NamedTuple):
    """One token: its id, its text, and how likely the model thought it; None where unknown."""

    id: int
    text: str
    chance: float | None = None


class BranchPoint(NamedTuple):
    """A place where ways part: after `at` tokens of a branch's own."""

    branch: str
    at: int


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A run of tokens.

    Attributes:
        tokens: its own, at least one.
        parent: the branch it goes on from; None is a beginning.
        at: after how many of the parent's own tokens.
        typed: how many of a beginning's tokens a person typed.
        turn: the turn of the talk that a beginning is; None is a text of its own.
        weights, step, settings: what made it, as in a turn.
        time: Unix seconds.
        id: its name.
    """

    tokens: tuple[BranchToken, ...]
    parent: str | None = None
    at: int = 0
    typed: int = 0
    turn: str | None = None
    weights: str = ""
    step: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class BranchPart(NamedTuple):
    """As much of a branch as a path goes through.

    Attributes:
        start: tokens of the path before it.
        size: of the branch's own tokens.
    """

    branch: Branch
    start: int
    size: int


class Tree:
    """Branches by their names."""

    def __init__(self, branches: Iterable[Branch] = ()) -> None:
        self._branches: dict[str, Branch] = {}
        self._forks: dict[BranchPoint, list[str]] = {}
        for branch in branches:
            self.add(branch)

    def add(self, branch: Branch) -> bool:
        """Adds a branch; False if it has no place in this tree, or is there already."""
        if branch.id in self._branches or not branch.tokens:
            return False
        if branch.parent is not None:
            parent = self._branches.get(branch.parent)
            # A branch that parts before its parent's first token is the parent's sibling.
            if parent is None or not 1 <= branch.at <= len(parent.tokens):
                return False
            self._forks.setdefault(BranchPoint(parent.id, branch.at), []).append(branch.id)
        self._branches[branch.id] = branch
        return True

    def __getitem__(self, id: str) -> Branch:
        return self._branches[id]

    def __contains__(self, id: str) -> bool:
        return id in self._branches

    @property
    def branches(self) -> Sequence[Branch]:
        """All, each after its parent."""
        return list(self._branches.values())

    def __len__(self) -> int:
        return len(self._branches)

    @property
    def roots(self) -> Sequence[Branch]:
        """The beginnings, oldest first."""
        return [branch for branch in self._branches.values() if branch.parent is None]

    # A path

    def parts(self, id: str) -> list[BranchPart]:
        """What a path is made of, from its beginning."""
        chain = [(self[id], len(self[id].tokens))]
        while (parent := chain[-1][0].parent) is not None:
            chain.append((self[parent], chain[-1][0].at))
        found, start = [], 0
        for branch, count in reversed(chain):
            found.append(BranchPart(branch, start, count))
            start += count
        return found

    def path(self, id: str) -> list[BranchToken]:
        """All tokens, from the beginning to the end of the branch."""
        return [token for part in self.parts(id) for token in part.branch.tokens[: part.size]]

    def fork(self, id: str, place: int) -> BranchPoint:
        """Where ways part before the token at a place of a path; its first one has no such place.

        The place after the last token is one too: there the path would go on.
        """
        parts = self.parts(id)
        assert 1 <= place <= parts[-1].start + parts[-1].size
        part = next(part for part in reversed(parts) if part.start < place)
        return BranchPoint(part.branch.id, place - part.start)

    def place(self, id: str) -> int:
        """Where the branch parts from its parent, as a place of its path."""
        return self.parts(id)[-1].start

    # Ways

    def ways(self, fork: BranchPoint) -> list[str]:
        """The branches that part there: first the one that is parted from, if it goes on."""
        goes_on = fork.at < len(self[fork.branch].tokens)
        return [*([fork.branch] if goes_on else []), *self._forks.get(fork, ())]

    def way(self, id: str, fork: BranchPoint) -> str | None:
        """Which of the ways at a fork a path takes; None if it ends there."""
        for part in self.parts(id):
            if part.branch.id == fork.branch and part.size > fork.at:
                return part.branch.id
            if (part.branch.parent, part.branch.at) == fork:
                return part.branch.id
        return None

    def parted(self, id: str) -> dict[int, int]:
        """The places of a path where there are several ways, or one beyond its end; how many."""
        found: dict[int, int] = {}
        for part in self.parts(id):
            for at in range(1, part.size + 1):
                ways = len(self.ways(fork := BranchPoint(part.branch.id, at)))
                if ways > 1 or (ways and self.way(id, fork) is None):
                    found[part.start + at] = ways
        return found

    def sibling(self, id: str, place: int, by: int) -> str | None:
        """The next way at a place of a path, round and round; None where there is only one."""
        fork = self.fork(id, place)
        ways, here = self.ways(fork), self.way(id, fork)
        if here is None:
            return ways[0 if by > 0 else -1] if ways else None
        return ways[(ways.index(here) + by) % len(ways)] if len(ways) > 1 else None

    def children(self, id: str) -> list[str]:
        """The branches that part from a branch, by where they do, then by age."""
        found = [one for one in self._branches.values() if one.parent == id]
        return [one.id for one in sorted(found, key=lambda one: one.at)]

    def root(self, id: str) -> Branch:
        """The beginning of a path."""
        return self.parts(id)[0].branch

    def same(self, fork: BranchPoint, tokens: Sequence[BranchToken]) -> str | None:
        """The way at a fork that has just these tokens, up to where it goes on; None if none."""
        wanted = [token.id for token in tokens]
        for id in self.ways(fork):
            own = self[id].tokens[fork.at if id == fork.branch else 0 :]
            if [token.id for token in own] == wanted:
                return id
        return None


def nearest_branch(places: Iterable[int], cursor: int) -> int | None:
    """The place at or before the cursor that is nearest to it, or else the first after it."""
    found = sorted(places)
    before = [place for place in found if place <= cursor]
    return before[-1] if before else found[0] if found else None


BRANCH = "branch"
MOST = 5000  # read back: what a person makes by hand in a year
LARGEST_ID = 1 << 31


def append_branch(path: Path, branch: Branch) -> None:
    """Adds a branch.

    Raises:
        StorageError: it could not be written whole.
    """
    append_line(path, to_json(branch))


def read_branches(path: Path) -> Tree:
    """All branches; none if there are none.

    Raises:
        DamagedError: there is something, and it cannot be read.
    """
    try:
        found = list(islice(_branches(read_lines_backwards(path, MOST_BYTES)), MOST))
    except OSError as error:
        raise DamagedError(
            f"The branches in {path} cannot be read: {error.strerror}.",
            "You can go on; move the file away if it stays like this.",
        ) from error
    return Tree(reversed(found))


def _branches(lines: Iterable[bytes]) -> Iterable[Branch]:
    return (branch for line in lines if (branch := decode_branch(line)) is not None)


def to_json(branch: Branch) -> dict[str, Any]:
    """The fields of a line."""
    tokens = [list(token) for token in branch.tokens]
    return {"type": BRANCH, **vars(branch), "tokens": tokens}


def decode_branch(line: bytes) -> Branch | None:
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


def _tokens(value: Any) -> tuple[BranchToken, ...] | None:
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
        found.append(BranchToken(id, text, min(1.0, max(0.0, number(chance))) if known else None))
    return tuple(found)
