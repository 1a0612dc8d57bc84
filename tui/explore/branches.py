"""The tree of a text's branches, and its lines in a run's talk.jsonl.

A branch is a sequence of tokens that starts after `at` tokens of its parent's own; the parent's
continuation from there is its sibling. A path is a branch with everything before it. A position
counts tokens along a path; a fork is a position where branches part. Nothing is changed or
removed, only added.

A branch is appended to the file when it is made, its root together with its first branch.
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
from core.system.files import JsonObject
from core.system.line_files import read_lines_backwards
from tui.chat.record import MAX_READ_BYTES, append_line, integer, number

BRANCH = "branch"
MAX_BRANCHES_READ = 5000  # more than a person makes by hand in a year
MAX_TOKEN_ID = 1 << 31


class BranchToken(NamedTuple):
    """A token: its id, its text, and the probability the model gave it; None where unknown."""

    id: int
    text: str
    chance: float | None = None


class Fork(NamedTuple):
    """Where branches part: after `at` tokens of a branch's own."""

    branch: str
    at: int


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A sequence of tokens; also the fields of a line.

    Attributes:
        tokens: its own, at least one.
        parent: the branch that it continues; None is a root.
        at: after how many of the parent's own tokens.
        typed: how many tokens of a root were typed.
        turn: the turn of the conversation that a root is; None is any other text.
        weights, step, settings: how it was generated, as in a turn.
        time: Unix seconds.
        id: unique.
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


class PathPart(NamedTuple):
    """The tokens of a branch that a path contains.

    Attributes:
        start: tokens of the path before it.
        size: of the branch's own tokens.
    """

    branch: Branch
    start: int
    size: int


class BranchTree:
    """Branches by id."""

    def __init__(self, branches: Iterable[Branch] = ()) -> None:
        self._branches: dict[str, Branch] = {}
        self._by_fork: dict[Fork, list[str]] = {}
        for branch in branches:
            self.add(branch)

    def add(self, branch: Branch) -> bool:
        """Add a branch; False if it has no place in this tree or is already there."""
        if branch.id in self._branches or not branch.tokens:
            return False
        if branch.parent is not None:
            parent = self._branches.get(branch.parent)
            # A branch that parts before its parent's first token is the parent's sibling.
            if parent is None or not 1 <= branch.at <= len(parent.tokens):
                return False
            self._by_fork.setdefault(Fork(parent.id, branch.at), []).append(branch.id)
        self._branches[branch.id] = branch
        return True

    def __getitem__(self, id: str) -> Branch:
        return self._branches[id]

    def __contains__(self, id: str) -> bool:
        return id in self._branches

    def __len__(self) -> int:
        return len(self._branches)

    @property
    def branches(self) -> Sequence[Branch]:
        """All branches, each after its parent."""
        return list(self._branches.values())

    @property
    def roots(self) -> Sequence[Branch]:
        """The branches without a parent, oldest first."""
        return [branch for branch in self._branches.values() if branch.parent is None]

    # Paths

    def parts(self, id: str) -> list[PathPart]:
        """Return the parts of a path, from its root."""
        chain = [(self[id], len(self[id].tokens))]
        while (parent := chain[-1][0].parent) is not None:
            chain.append((self[parent], chain[-1][0].at))
        parts, start = [], 0
        for branch, size in reversed(chain):
            parts.append(PathPart(branch, start, size))
            start += size
        return parts

    def path(self, id: str) -> list[BranchToken]:
        """Return all tokens of a path."""
        return [token for part in self.parts(id) for token in part.branch.tokens[: part.size]]

    def root(self, id: str) -> Branch:
        """Return the root of a path."""
        return self.parts(id)[0].branch

    def position(self, id: str) -> int:
        """Return the position at which a branch parts from its parent."""
        return self.parts(id)[-1].start

    def fork(self, id: str, position: int) -> Fork:
        """Return the fork before the token at a position of a path, from 1.

        The position after the last token is valid: a branch there continues the path.
        """
        parts = self.parts(id)
        assert 1 <= position <= parts[-1].start + parts[-1].size
        part = next(part for part in reversed(parts) if part.start < position)
        return Fork(part.branch.id, position - part.start)

    # Forks

    def branches_at(self, fork: Fork) -> list[str]:
        """Return the branches at a fork; first the one parted from, if it continues."""
        continues = fork.at < len(self[fork.branch].tokens)
        return [*([fork.branch] if continues else []), *self._by_fork.get(fork, ())]

    def branch_tokens(self, id: str, fork: Fork) -> tuple[BranchToken, ...]:
        """Return the tokens of one of the branches at a fork, from there on."""
        return self[id].tokens[fork.at if id == fork.branch else 0 :]

    def branch_taken(self, id: str, fork: Fork) -> str | None:
        """Return which of the branches at a fork a path takes; None if it ends there."""
        for part in self.parts(id):
            if part.branch.id == fork.branch and part.size > fork.at:
                return part.branch.id
            if (part.branch.parent, part.branch.at) == fork:
                return part.branch.id
        return None

    def fork_positions(self, id: str) -> dict[int, int]:
        """Return the positions of a path where it has siblings or children, with their number."""
        positions: dict[int, int] = {}
        for part in self.parts(id):
            for at in range(1, part.size + 1):
                count = len(self.branches_at(fork := Fork(part.branch.id, at)))
                if count > 1 or (count and self.branch_taken(id, fork) is None):
                    positions[part.start + at] = count
        return positions

    def sibling(self, id: str, position: int, by: int) -> str | None:
        """Return the next branch at a position of a path, cyclically; None if it is the only."""
        fork = self.fork(id, position)
        branches, taken = self.branches_at(fork), self.branch_taken(id, fork)
        if taken is None:
            return branches[0 if by > 0 else -1] if branches else None
        if len(branches) == 1:
            return None
        return branches[(branches.index(taken) + by) % len(branches)]

    def children(self, id: str) -> list[str]:
        """Return the branches of a branch, by position, then by age."""
        children = [one for one in self._branches.values() if one.parent == id]
        return [one.id for one in sorted(children, key=lambda one: one.at)]

    def find_same(self, fork: Fork, tokens: Sequence[BranchToken]) -> str | None:
        """Return the branch at a fork that has exactly these tokens; None if there is none."""
        ids = [token.id for token in tokens]
        for branch in self.branches_at(fork):
            if [token.id for token in self.branch_tokens(branch, fork)] == ids:
                return branch
        return None


def nearest_fork(positions: Iterable[int], cursor: int) -> int | None:
    """Return the nearest position at or before the cursor, else the first after it."""
    ordered = sorted(positions)
    before = [position for position in ordered if position <= cursor]
    return before[-1] if before else ordered[0] if ordered else None


def append_branch(path: Path, branch: Branch) -> None:
    """Append a branch to the file.

    Raises:
        StorageError: it could not be written whole.
    """
    append_line(path, branch_to_json(branch))


def read_branches(path: Path) -> BranchTree:
    """Read all branches; an empty tree if there is no file.

    Raises:
        DamagedError: the file exists and cannot be read.
    """
    try:
        decoded = map(decode_branch, read_lines_backwards(path, MAX_READ_BYTES))
        branches = list(islice((one for one in decoded if one is not None), MAX_BRANCHES_READ))
    except OSError as error:
        raise DamagedError(
            f"The branches in {path} cannot be read: {error.strerror}.",
            "You can continue; move the file away if this persists.",
        ) from error
    return BranchTree(reversed(branches))


def branch_to_json(branch: Branch) -> JsonObject:
    """Return the fields of a line."""
    tokens = [list(token) for token in branch.tokens]
    return {"type": BRANCH, **vars(branch), "tokens": tokens}


def decode_branch(line: bytes) -> Branch | None:
    """Parse a branch; None for a damaged line or another type of line."""
    value = decode_object(line)
    if value is None or value.get("type") != BRANCH or not isinstance(value.get("id"), str):
        return None
    tokens = _decode_tokens(value.get("tokens"))
    parent, turn = value.get("parent"), value.get("turn")
    # A branch whose parent is unreadable is not a root.
    if not tokens or not (parent is None or isinstance(parent, str)):
        return None
    weights, settings = value.get("weights"), value.get("settings")
    return Branch(
        tokens=tokens,
        parent=parent,
        at=integer(value.get("at")) or 0,
        typed=integer(value.get("typed")) or 0,
        turn=turn if isinstance(turn, str) else None,
        weights=weights if isinstance(weights, str) else "",
        step=integer(value.get("step")),
        settings=settings if isinstance(settings, Mapping) else {},
        time=number(value.get("time")),
        id=value["id"],
    )


def _decode_tokens(value: Any) -> tuple[BranchToken, ...] | None:
    """Parse the tokens; None if one is damaged, as those after it would be misplaced."""
    if not isinstance(value, list):
        return None
    tokens = []
    for entry in value:
        if not isinstance(entry, list) or len(entry) != 3:
            return None
        id, text, chance = integer(entry[0]), entry[1], entry[2]
        if id is None or not 0 <= id < MAX_TOKEN_ID or not isinstance(text, str):
            return None
        known = isinstance(chance, float | int) and not isinstance(chance, bool)
        probability = min(1.0, max(0.0, number(chance))) if known else None
        tokens.append(BranchToken(id, text, probability))
    return tuple(tokens)
