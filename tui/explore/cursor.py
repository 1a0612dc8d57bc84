"""A cursor in a text with branches: alternatives at the cursor, and branches generated from there.

The model server keeps no state for this: every request has all tokens before the cursor. Requests
use the weights in memory; newer ones on disk are used only when chosen. If the server had to load
the weights again (after a restart, say) and these are of another step, what the old ones predicted
is forgotten.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.config.configs import SamplingConfig
from core.config.schema import to_json
from core.server.protocol import ForkRequest, ScoreAtRequest
from core.server.replies import ForkBatch, ForkReply, ScoreAtReply
from core.server.tokens import ScoredToken, TokenProbability
from core.tokenizer.special_tokens import EOS, ROLE_TOKENS
from tui.chat.turn_tree import JsonMessages, to_messages, with_reply
from tui.common.client import ModelClient
from tui.explore.branches import Branch, BranchToken, BranchTree, Fork, nearest_fork

TOP_TOKENS = 50
MAX_CACHED_VIEWS = 512
MAX_BRANCH_TOKENS = 1024  # the model server's limit


class Path(NamedTuple):
    """A path of the tree, valid while branch and tree size are the same.

    Attributes:
        key: branch and number of branches in the tree.
        tokens: of the path.
        forks: the number of branches by position.
    """

    key: tuple[str, int]
    tokens: list[BranchToken]
    forks: dict[int, int]


@dataclass
class Cursor:
    """A position in a tree of branches.

    Attributes:
        client: access to the model server.
        run, weights: the model.
        step: training step of the weights that the last reply was computed with; None if unknown.
        record: called with each new branch, after its parent.
        is_chat: whether the texts are conversations: only replies are continued.
        end_ids: those that end a text.
        tree: all texts with their branches.
        branch: the path with the cursor; empty before `open_text`.
        at: the index of the token at the cursor; at the end of the path one beyond the last.
        running: the id of the request that generates branches.
        growing: the tokens so far of each branch being generated.
        on_growth: called when there are more of them.
    """

    client: ModelClient
    run: str
    weights: str
    record: Callable[[Branch], None]
    is_chat: bool = False
    end_ids: frozenset[int] = frozenset((EOS,))
    step: int | None = None
    tree: BranchTree = field(default_factory=BranchTree)
    branch: str = ""
    at: int = 1
    running: int | None = None
    growing: list[list[BranchToken]] = field(default_factory=list)
    on_growth: Callable[[], object] = lambda: None
    _views: OrderedDict[object, ScoreAtReply] = field(default_factory=OrderedDict)
    _recorded: set[str] = field(default_factory=set)
    _current: set[str] = field(default_factory=set)  # branches whose chances are these weights' own
    _scored: dict[str, list[float | None]] = field(default_factory=dict)
    _path: Path = field(default_factory=lambda: Path(("", 0), [], {}))

    # Position

    @property
    def path(self) -> list[BranchToken]:
        """All tokens of the path."""
        return self._present_path.tokens

    @property
    def forks(self) -> dict[int, int]:
        """The number of branches by position of the path, where there are several."""
        return self._present_path.forks

    @property
    def _present_path(self) -> Path:
        key = self.branch, len(self.tree)
        if self._path.key != key:
            tree, id = self.tree, self.branch
            self._path = (
                Path(key, tree.path(id), tree.fork_positions(id)) if id else Path(key, [], {})
            )
        return self._path

    @property
    def last(self) -> int:
        """The last position: the end of the text, or beyond the last token if it can continue."""
        ended = len(self.path) > 1 and self.path[-1].id in self.end_ids
        return len(self.path) - ended

    @property
    def chances(self) -> list[float | None]:
        """The probability of each token of the path under the present weights, where known."""
        return self._scored.get(self.branch) or [token.chance for token in self.path]

    def is_in_reply(self, vocab_size: int) -> bool:
        """Whether the token at the cursor is the model's, or could be; in a text all are."""
        if not self.is_chat:
            return True
        first_role = vocab_size - len(ROLE_TOKENS)  # the last ids; the assistant's is the last
        before = (token.id for token in reversed(self.path[: self.at]))
        mark = next((id for id in before if id == EOS or id >= first_role), None)
        return mark == vocab_size - 1

    def move(self, by: int) -> bool:
        """Move the cursor; False if it stays where it is."""
        before, self.at = self.at, max(1, min(self.last, self.at + by))
        return self.at != before

    def go_to(self, branch: str, at: int) -> None:
        """Move the cursor to a position of another path."""
        self.branch = branch
        self.at = max(1, min(self.last, at))

    def go_to_sibling(self, by: int) -> bool:
        """Go to the next branch at the nearest fork; False if there is none."""
        position = nearest_fork(self.forks, self.at)
        sibling = None if position is None else self.tree.sibling(self.branch, position, by)
        if sibling is None or position is None:
            return False
        self.go_to(sibling, position)
        return True

    def go_to_parent(self) -> bool:
        """Go to the parent branch, where this one parts from it; False for a root."""
        parent = self.tree[self.branch].parent
        if parent is None:
            return False
        self.go_to(parent, self.tree.position(self.branch))
        return True

    def go_to_child(self) -> bool:
        """Go to the child that parts next at or after the cursor, else to the first."""
        children = self.tree.children(self.branch)
        if not children:
            return False
        positions = [self.tree.position(id) for id in children]
        index = next((n for n, position in enumerate(positions) if position >= self.at), 0)
        self.go_to(children[index], positions[index])
        return True

    # Texts

    def use_tree(self, tree: BranchTree) -> None:
        """Continue with the branches of earlier sessions."""
        self.tree = tree
        self._recorded = {branch.id for branch in tree.branches}

    async def open_text(
        self,
        settings: SamplingConfig,
        prompt: str | None,
        continuation: str = "",
        chosen: Sequence[int] = (),
        turn: str | None = None,
        messages: JsonMessages | None = None,
    ) -> None:
        """Open a text, or the root of this turn if there is one; the cursor goes to its end.

        Args:
            prompt: the typed part; None if `chosen` is the whole text.
            continuation: the generated part.
            chosen: its ids, instead.
            turn: the turn of the conversation that it is.
            messages: what a model that replies reads in place of `prompt`.
        """
        root = next((one for one in self.tree.roots if turn and one.turn == turn), None)
        if root is None:
            if self.is_chat and messages is None and prompt:
                messages = to_messages((), prompt)
            root = await self._make_root(settings, prompt, continuation, chosen, turn, messages)
        self.go_to(root.id, 1)
        self.at = self.last

    async def _make_root(
        self,
        settings: SamplingConfig,
        prompt: str | None,
        continuation: str,
        chosen: Sequence[int],
        turn: str | None,
        messages: JsonMessages | None,
    ) -> Branch:
        if prompt is None:
            reply = await self._score(settings, ids=list(chosen))
            prompt, chosen = "", ()
        else:
            reply = await self._score(settings, prompt=prompt, messages=messages)
        scored = reply.tokens or []
        typed = len(scored) if prompt or messages else 0
        if continuation:
            whole = with_reply(messages, continuation) if messages else None
            reply = await self._score(settings, prompt=prompt + continuation, messages=whole)
        elif chosen:
            ids = [*(token.id for token in scored), *chosen]
            reply = await self._score(settings, ids=ids)
        self._use_step(reply.step)
        tokens = [BranchToken(one.id, one.text, _probability(one)) for one in reply.tokens or []]
        if self.is_chat:
            tokens = _on_lines(tokens, reply.vocab_size)
        ids = [token.id for token in tokens]
        for root in self.tree.roots:
            if turn is None and [token.id for token in root.tokens] == ids:
                return root
        root = self._new_branch(tokens, typed=typed, turn=turn)
        self.tree.add(root)
        self._current.add(root.id)
        return root

    async def _score(
        self,
        settings: SamplingConfig,
        prompt: str = "",
        ids: list[int] | None = None,
        messages: JsonMessages | None = None,
    ) -> ScoreAtReply:
        request = ScoreAtRequest(
            run=self.run,
            weights=self.weights,
            prompt="" if messages else prompt,
            messages=messages,
            ids=ids,
            with_scores=True,
            settings=settings,
            top=0,
            reload=False,
        )
        return await self.client.request(request)

    async def use_weights(self, weights: str, settings: SamplingConfig) -> ScoreAtReply:
        """Use other weights, or those of the same name as they are on disk now.

        Returns:
            What could be at the cursor. After an error nothing has changed.
        """
        at = self.at
        view = await self.client.request(
            self._view_request(settings, at, weights, with_scores=True, reload=True)
        )
        self.weights = weights
        self._forget(view.step)
        self._cache_view(view, settings, at)
        return view

    def _forget(self, step: int | None) -> None:
        """Forget what other weights than those of the step predicted."""
        self.step = step
        self._views.clear()
        self._scored.clear()
        self._current.clear()

    def _use_step(self, step: int | None) -> None:
        if step != self.step:
            self._forget(step)

    # Alternatives

    async def view(self, settings: SamplingConfig, ahead: int = 0) -> ScoreAtReply | None:
        """Return what could be at the cursor; from the cache if it was requested before.

        Args:
            ahead: so many tokens from the cursor instead; None if there is no such position.
        """
        at = self.at + ahead
        if not 1 <= at <= self.last:
            return None
        cached = self.cached_view(settings, ahead)
        if cached is not None:
            return cached
        with_scores = not self._has_current_chances(self.branch)
        request = self._view_request(settings, at, self.weights, with_scores=with_scores)
        view = await self.client.request(request)
        if view.step != self.step:
            if ahead:  # the weights shown are changed only with the position shown
                return None
            self._forget(view.step)
            if not with_scores:
                return await self.view(settings)
        self._cache_view(view, settings, at)
        return view

    def _view_request(
        self,
        settings: SamplingConfig,
        at: int,
        weights: str,
        *,
        with_scores: bool,
        reload: bool = False,
    ) -> ScoreAtRequest:
        return ScoreAtRequest(
            run=self.run,
            weights=weights,
            ids=[token.id for token in self.path],
            at=at,
            with_scores=with_scores,
            settings=settings,
            top=TOP_TOKENS,
            reload=reload,
        )

    def _cache_view(self, view: ScoreAtReply, settings: SamplingConfig, at: int) -> None:
        if view.tokens is not None:
            self._scored[self.branch] = [_probability(token) for token in view.tokens]
        self._views[self._view_key(settings, at)] = view
        if len(self._views) > MAX_CACHED_VIEWS:
            self._views.popitem(last=False)

    def cached_view(self, settings: SamplingConfig, ahead: int = 0) -> ScoreAtReply | None:
        """Return what could be at the cursor if it is in the cache."""
        key = self._view_key(settings, self.at + ahead)
        return self._views.get(key) if self._has_current_chances(self.branch) else None

    def _view_key(self, settings: SamplingConfig, at: int) -> object:
        # The end of a path has the same tokens as its last position: `at` tells them apart.
        return at, tuple(token.id for token in self.path[: at + 1]), settings

    def _has_current_chances(self, branch: str) -> bool:
        parts = (part.branch.id for part in self.tree.parts(branch))
        return branch in self._scored or all(id in self._current for id in parts)

    # Branches

    async def replace_token(self, id: int, settings: SamplingConfig, tokens: int) -> str | None:
        """Put a token at the cursor and continue from it; the old text stays as a sibling.

        Returns:
            The branch, which the cursor goes to; None if nothing was generated.
        """
        branches = await self._generate(settings, tokens, first_tokens=[id])
        if branches:
            self.go_to(branches[0], self.at)
        return branches[0] if branches else None

    async def generate_branches(
        self,
        count: int,
        settings: SamplingConfig,
        tokens: int,
        first_tokens: Sequence[int] = (),
    ) -> list[str]:
        """Generate several branches from the cursor, in one batch; it goes to the first new one.

        Args:
            first_tokens: the first token of each, instead of `count`.
        """
        before = set(self.tree.branches_at(self.tree.fork(self.branch, self.at)))
        branches = await self._generate(settings, tokens, count, list(first_tokens) or None)
        new = list(dict.fromkeys(id for id in branches if id not in before))
        if new:
            self.go_to(new[0], self.at)
        return new

    @property
    def first_tokens(self) -> list[int]:
        """The first token of each branch at the cursor."""
        fork = self.tree.fork(self.branch, self.at)
        branches = self.tree.branches_at(fork)
        return [self.tree.branch_tokens(id, fork)[0].id for id in branches]

    async def stop(self) -> None:
        """Stop generating; tokens so far are kept."""
        if self.running is not None:
            await self.client.cancel(self.running)

    async def _generate(
        self,
        settings: SamplingConfig,
        tokens: int,
        count: int = 1,
        first_tokens: list[int] | None = None,
    ) -> list[str]:
        fork, ids = self.tree.fork(self.branch, self.at), [token.id for token in self.path]
        stream = self.client.stream(
            ForkRequest(
                run=self.run,
                weights=self.weights,
                ids=ids[: self.at],
                tokens=min(tokens, MAX_BRANCH_TOKENS),
                count=count,
                first_tokens=first_tokens,
                settings=settings,
                reload=False,
            )
        )
        self.running = stream.id
        rows: list[list[BranchToken]] = []
        try:
            async with aclosing(stream) as messages:
                async for message in messages:
                    if isinstance(message, ForkReply):
                        rows = [_branch_tokens(row.tokens) for row in message.rows]
                        self._use_step(message.step)
                    else:
                        self._grow(message)
        finally:
            self.running, self.growing = None, []
        return [self._add(fork, row, settings) for row in rows if row]

    def _grow(self, batch: ForkBatch) -> None:
        self.growing = self.growing or [[] for _ in batch.rows]
        for row, tokens in zip(self.growing, batch.rows, strict=False):
            row += _branch_tokens(tokens)
        if batch.rows:
            self.on_growth()

    def _add(self, fork: Fork, tokens: list[BranchToken], settings: SamplingConfig) -> str:
        """Add a branch to the tree and the record; return an equal one if there is one."""
        # A text whose end was not generated lacks the end token.
        ended = len(tokens) > 1 and tokens[-1].id in self.end_ids
        same = self.tree.find_same(fork, tokens)
        same = same or (self.tree.find_same(fork, tokens[:-1]) if ended else None)
        if same is not None:
            return same
        branch = self._new_branch(
            tokens, parent=fork.branch, at=fork.at, settings=to_json(settings)
        )
        self.tree.add(branch)
        self._current.add(branch.id)
        for part in self.tree.parts(branch.id):
            if part.branch.id not in self._recorded:
                self._recorded.add(part.branch.id)
                self.record(part.branch)
        return branch.id

    def _new_branch(self, tokens: Sequence[BranchToken], **fields: Any) -> Branch:
        return Branch(tokens=tuple(tokens), weights=self.weights, step=self.step, **fields)


def _probability(token: ScoredToken) -> float | None:
    return None if token.log_probability is None else math.exp(token.log_probability)


def _on_lines(tokens: Sequence[BranchToken], vocab_size: int) -> list[BranchToken]:
    """Begin a line where someone begins to speak: the ids of roles are the last ones."""
    first_role = vocab_size - len(ROLE_TOKENS)
    return [
        token._replace(text="\n") if place > 1 and token.id >= first_role else token
        for place, token in enumerate(tokens)
    ]


def _branch_tokens(tokens: Iterable[TokenProbability]) -> list[BranchToken]:
    return [BranchToken(*token) for token in tokens]
