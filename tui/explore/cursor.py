"""A cursor in a text: what could stand where it is, and branches made from there.

Knows no screen. The sampler keeps nothing that is needed here: every question holds all tokens
before the cursor.

What there is to say of a place in a text with branches. Pure.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.tokenizer.special_tokens import EOS
from tui.common.client import ModelClient
from tui.common.format import PLAIN_SPACE, SPACE, visible
from tui.common.sanitize import one_line
from tui.explore.branches import Branch, BranchPoint, BranchToken, Tree, nearest_branch
from tui.explore.choices import (
    Choice,
    NextTokens,
    after,
    choice_of,
    next_tokens_of,
    percent,
    perplexity,
)

TOP = 50
MOST_KEPT = 512  # places
MOST_TOKENS = 1024  # of a branch, as the sampler has it
Settings = Mapping[str, Any]
Path = tuple[tuple[str, int], list[BranchToken], dict[int, int]]  # of which branch and tree; forks


class CursorView(NamedTuple):
    """What could stand at a place, and what does; None at the end of a path."""

    view: NextTokens
    came: Choice | None


@dataclass
class Cursor:
    """A place in a tree.

    Attributes:
        sampler: who is asked.
        run, which, step: whose weights; the step where it is known.
        keep: takes each new branch after its parent.
        tree: all texts with their branches.
        branch: the path one is on.
        at: the token one stands on, as an index into the path; at its end one beyond.
        running: the request that makes branches now.
        growing: of each of these, what came up to now.
        grew: called when more came.
    """

    sampler: ModelClient
    run: str
    which: str
    keep: Callable[[Branch], None]
    step: int | None = None
    tree: Tree = field(default_factory=Tree)
    branch: str = ""
    at: int = 1
    running: int | None = None
    growing: list[list[BranchToken]] = field(default_factory=list)
    grew: Callable[[], object] = lambda: None
    _sights: OrderedDict[object, CursorView] = field(default_factory=OrderedDict)
    _kept: set[str] = field(default_factory=set)
    _fresh: set[str] = field(default_factory=set)  # branches whose chances are these weights' own
    _scored: dict[str, list[float | None]] = field(default_factory=dict)
    _path: Path = (("", 0), [], {})

    # Where one is

    @property
    def path(self) -> list[BranchToken]:
        """All tokens of the path."""
        return self._here[1]

    @property
    def last(self) -> int:
        """The last place: the end of the text, or beyond the last token where it could go on."""
        ends = len(self.path) > 1 and self.path[-1].id == EOS
        return len(self.path) - ends

    @property
    def chances(self) -> list[float | None]:
        """How likely each token of the path was to the present weights, where that is known."""
        return self._scored.get(self.branch) or [token.chance for token in self.path]

    @property
    def parted(self) -> dict[int, int]:
        """The places of the path where there are several ways."""
        return self._here[2]

    @property
    def _here(self) -> Path:
        """The path and its forks, found out anew only when there is something new."""
        key = self.branch, len(self.tree)
        if self._path[0] != key:
            tree, id = self.tree, self.branch
            self._path = (key, tree.path(id), tree.parted(id)) if id else (key, [], {})
        return self._path

    def move(self, by: int) -> bool:
        """The cursor some tokens on or back; False where it stays."""
        before, self.at = self.at, max(1, min(self.last, self.at + by))
        return self.at != before

    def go(self, branch: str, at: int) -> None:
        """To a place of another path."""
        self.branch = branch
        self.at = max(1, min(self.last, at))

    # Walks

    def sibling(self, by: int) -> bool:
        """To the next way at the nearest fork; False if there is none."""
        place = nearest_branch(self.parted, self.at)
        found = None if place is None else self.tree.sibling(self.branch, place, by)
        if found is None or place is None:
            return False
        self.go(found, place)
        return True

    def parent(self) -> bool:
        """To the branch that this one parts from, where it does."""
        found = self.tree[self.branch].parent
        if found is None:
            return False
        self.go(found, self.tree.place(self.branch))
        return True

    def child(self) -> bool:
        """To the branch that parts next, at the cursor or after it, else to the first."""
        children = self.tree.children(self.branch)
        if not children:
            return False
        places = [self.tree.place(id) for id in children]
        found = next((n for n, place in enumerate(places) if place >= self.at), 0)
        self.go(children[found], places[found])
        return True

    # Texts

    def know(self, tree: Tree) -> None:
        """Takes up what was kept."""
        self.tree = tree
        self._kept = {branch.id for branch in tree.branches}

    async def begin(
        self,
        settings: Settings,
        prompt: str,
        more: str = "",
        chosen: Sequence[int] = (),
        turn: str | None = None,
    ) -> None:
        """Opens a text, or the one that is known of this turn; the cursor stands at its end.

        Args:
            prompt: what was typed.
            more: what the model went on with.
            chosen: its ids, instead.
        """
        root = next((one for one in self.tree.roots if turn and one.turn == turn), None)
        if root is None:
            root = await self._root(settings, prompt, more, chosen, turn)
        self.go(root.id, 1)
        self.at = self.last

    async def _root(
        self, settings: Settings, prompt: str, more: str, chosen: Sequence[int], turn: str | None
    ) -> Branch:
        said = await self._ask("look", settings, prompt=prompt, scored=True, top=0)
        typed = len(said["tokens"]) if prompt else 0
        if more:
            said = await self._ask("look", settings, prompt=prompt + more, scored=True, top=0)
        elif chosen:
            ids = [*(id for id, *_ in said["tokens"]), *chosen]
            said = await self._ask("look", settings, ids=ids, scored=True, top=0)
        tokens = [_scored(*one) for one in said["tokens"]]
        ids = [token.id for token in tokens]
        for known in self.tree.roots:
            if turn is None and [token.id for token in known.tokens] == ids:
                return known
        root = self._branch(tokens, typed=typed, turn=turn)
        self.tree.add(root)
        self._fresh.add(root.id)
        return root

    def turn_to(self, which: str) -> None:
        """Other weights: what was said of a place is theirs no more."""
        self.which = which
        self._sights.clear()
        self._scored.clear()
        self._fresh.clear()

    # The sampler

    async def look(self, settings: Settings, ahead: int = 0) -> CursorView | None:
        """What could stand here; a place that was looked at is not asked for again.

        Args:
            ahead: so many tokens from here instead; None where there is no such place.
        """
        at, branch = self.at + ahead, self.branch
        if not 1 <= at <= self.last:
            return None
        known = self.known(settings, ahead)
        if known is not None:
            return known
        key, ids = self._key(settings, at), [token.id for token in self.path]
        scored = not self._known(branch)
        said = await self._ask("look", settings, ids=ids, at=at, scored=scored, top=TOP)
        if scored:
            self._scored[branch] = [_scored(*one).chance for one in said["tokens"]]
        came = choice_of(said["came"]) if said["came"] else None
        self._sights[key] = sight = CursorView(next_tokens_of(said), came)
        if len(self._sights) > MOST_KEPT:
            self._sights.popitem(last=False)
        return sight

    def known(self, settings: Settings, ahead: int = 0) -> CursorView | None:
        """The same, where it is known already."""
        key = self._key(settings, self.at + ahead)
        return self._sights.get(key) if self._known(self.branch) else None

    def _key(self, settings: Settings, at: int) -> object:
        """The end of a path has the same tokens as its last one: the place tells them apart."""
        ids = tuple(token.id for token in self.path[: at + 1])
        return at, ids, json.dumps(dict(settings), sort_keys=True)

    def _known(self, branch: str) -> bool:
        """Whether the chances of a path are those of the present weights."""
        parts = (part.branch.id for part in self.tree.parts(branch))
        return branch in self._scored or all(id in self._fresh for id in parts)

    async def swap(self, id: int, settings: Settings, tokens: int) -> str | None:
        """Puts a token here and goes on from it; None if nothing came.

        The cursor goes with it; what stood here stays, as a sibling.
        """
        found = await self._grow(settings, tokens, firsts=[id])
        if found:
            self.go(found[0], self.at)
        return found[0] if found else None

    async def spread(
        self, count: int, settings: Settings, tokens: int, firsts: Sequence[int] = ()
    ) -> list[str]:
        """Several ways on from here, in one batch; the cursor goes to the first new one."""
        ways = {"firsts": list(firsts)} if firsts else {"count": count}
        before = set(self.tree.ways(self.tree.fork(self.branch, self.at)))
        found = await self._grow(settings, tokens, **ways)
        new = list(dict.fromkeys(id for id in found if id not in before))
        if new:
            self.go(new[0], self.at)
        return new

    @property
    def begun(self) -> list[int]:
        """The ids with which the ways on from here begin."""
        fork = self.tree.fork(self.branch, self.at)
        ways = self.tree.ways(fork)
        return [self.tree[id].tokens[fork.at if id == fork.branch else 0].id for id in ways]

    async def stop(self) -> None:
        """What came stays."""
        if self.running is not None:
            await self.sampler.cancel(self.running)

    async def _grow(self, settings: Settings, tokens: int, **ways: Any) -> list[str]:
        fork, ids = self.tree.fork(self.branch, self.at), [token.id for token in self.path]
        fields = {"ids": ids[: self.at], "tokens": min(tokens, MOST_TOKENS), **ways}
        asked = {"run": self.run, "which": self.which, "device": "auto", **fields}
        said: Mapping[str, Any] = {"rows": []}
        stream = self.sampler.stream("fork", settings=dict(settings), **asked)
        self.running = stream.id
        try:
            async with aclosing(stream) as replies:
                async for message in replies:
                    said = message
                    self._grown(message.get("came", ()))
        finally:
            self.running, self.growing = None, []
        rows = [[BranchToken(*token) for token in row["tokens"]] for row in said["rows"]]
        return [self._add(fork, row, settings) for row in rows if row]

    def _grown(self, came: Sequence[Sequence[Any]]) -> None:
        self.growing = self.growing or [[] for _ in came]
        for row, tokens in zip(self.growing, came, strict=False):
            row += [BranchToken(*token) for token in tokens]
        if came:
            self.grew()

    def _add(self, fork: BranchPoint, tokens: list[BranchToken], settings: Settings) -> str:
        """A branch; where there is the same already, that one."""
        ended = len(tokens) > 1 and tokens[-1].id == EOS  # where nobody asked, a text has no end
        same = self.tree.same(fork, tokens)
        same = same or (self.tree.same(fork, tokens[:-1]) if ended else None)
        if same is not None:
            return same
        branch = self._branch(tokens, parent=fork.branch, at=fork.at, settings=dict(settings))
        self.tree.add(branch)
        self._fresh.add(branch.id)
        for part in self.tree.parts(branch.id):
            if part.branch.id not in self._kept:
                self._kept.add(part.branch.id)
                self.keep(part.branch)
        return branch.id

    def _branch(self, tokens: Sequence[BranchToken], **fields: Any) -> Branch:
        return Branch(tokens=tuple(tokens), weights=self.which, step=self.step, **fields)

    async def _ask(self, op: str, settings: Settings, **fields: Any) -> Mapping[str, Any]:
        asked = {"run": self.run, "which": self.which, "device": "auto", **fields}
        return await self.sampler.request(op, settings=dict(settings), **asked)


def _scored(id: int, text: str, score: float | None) -> BranchToken:
    """A token by its log-probability."""
    return BranchToken(id, text, None if score is None else math.exp(score))


LONGEST = 24
WAY = 6  # cells before the text of a way
ENDS = "<eos>"
LEGEND = "digits: tenths, ! <1%"
END = "the end: what could come next"


def here(cursor: Cursor, sight: CursorView, *, plain: bool = False) -> str:
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
    place = nearest_branch(parted, cursor.at)
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


def _found(cursor: Cursor) -> tuple[Sequence[Sequence[BranchToken]], int]:
    """The ways at the nearest fork, or those that grow, and which of them is taken; -1 is none."""
    if cursor.growing:
        return (cursor.growing, 0) if len(cursor.growing) > 1 else ((), -1)
    place = nearest_branch(cursor.parted, cursor.at)
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
