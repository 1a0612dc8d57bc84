"""A text extended token by token, and the session of the model server behind it.

The server may have closed the session, or have been restarted. The chosen ids are known here, so
the next request opens another session at the same position, with the weights in memory if there
are any: newer ones on disk are used only when chosen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from core.config.configs import SamplingConfig
from core.errors import ClosedError, MiniGPTError
from core.server.protocol import SAMPLED, CutRequest, FindRequest, ForkRequest, StepRequest
from core.server.replies import FindReply, StepReply
from core.server.tokens import SessionToken, TokenProbability
from tui.common.client import ModelClient
from tui.common.format import find_first_difference

TOP_TOKENS = 50

ReplyT = TypeVar("ReplyT")


@dataclass
class StepSession:
    """One text with one model.

    Attributes:
        client: access to the model server.
        run, weights: the model.
        prompt: the text before the first chosen token.
        chosen: ids of the tokens chosen since.
        view: what could come next, and the step of the weights that predict it; None until known.
        path: all tokens so far, each with its probability and rank before it was added.
    """

    client: ModelClient
    run: str
    weights: str
    prompt: str
    chosen: list[int] = field(default_factory=list)
    view: StepReply | None = None
    path: list[SessionToken] = field(default_factory=list)
    _session: str | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return self.prompt + (self.view.text if self.view else "")

    @property
    def taken(self) -> Sequence[SessionToken]:
        """The chosen tokens, each with its probability and rank before it was chosen."""
        return self.path[max(0, len(self.path) - len(self.chosen)) :]

    async def refresh(self, settings: SamplingConfig) -> StepReply:
        """Return what could come next; other settings need no forward pass."""
        if self.view is None or self._session is None:
            return await self._open(settings)
        return await self._cut(settings, self.view.length)

    async def append(
        self, settings: SamplingConfig, id: int | None = None, top: int = TOP_TOKENS
    ) -> StepReply:
        """Append a token, or the one that the settings choose."""
        pick = SAMPLED if id is None else id

        def step(session: str) -> Awaitable[StepReply]:
            request = StepRequest(session=session, pick=pick, settings=settings, top=top)
            return self.client.request(request)

        self.view = await self._in_session(settings, step)
        picked = self.view.picked
        assert picked is not None
        self.chosen.append(picked.id)
        self.path.append(SessionToken(picked.id, picked.text, picked.probability, picked.rank))
        return self.view

    async def undo(self, settings: SamplingConfig, count: int = 1) -> StepReply:
        """Remove the last chosen tokens."""
        assert len(self.chosen) >= count
        view = self.view if self.view and self._session else await self._open(settings)
        view = await self._cut(settings, view.length - count)
        del self.chosen[len(self.chosen) - count :]
        return view

    async def find(self, text: str, settings: SamplingConfig) -> FindReply:
        """Find tokens of the vocabulary that contain a text."""

        def find(session: str) -> Awaitable[FindReply]:
            return self.client.request(FindRequest(session=session, text=text, settings=settings))

        return await self._in_session(settings, find)

    async def continuation(
        self, settings: SamplingConfig, tokens: int
    ) -> Sequence[TokenProbability]:
        """Return a continuation; the session stays as it is."""
        view = self.view if self.view and self._session else await self._open(settings)
        if view.ended:
            return []

        async def fork(session: str) -> Sequence[TokenProbability]:
            request = ForkRequest(session=session, count=1, tokens=tokens, settings=settings)
            (branch,) = (await self.client.request(request)).rows
            return branch.tokens

        return await self._in_session(settings, fork)

    async def move_to(self, other: StepSession, settings: SamplingConfig) -> StepReply:
        """Move to the position of another session; with another vocabulary, by its text."""
        if other.run != self.run:
            return await self.open_text(other.text, settings)
        if other.prompt != self.prompt:
            await self.open_text(other.prompt, settings)
        common = find_first_difference(self.chosen, other.chosen)
        if common is None:
            return await self.refresh(settings)
        if len(self.chosen) > common:
            view = await self.undo(settings, len(self.chosen) - common)
        for id in other.chosen[common:]:
            view = await self.append(settings, id)
        return view

    async def use_weights(self, run: str, weights: str, settings: SamplingConfig) -> StepReply:
        """Use other weights, or those of the same name as they are on disk now.

        Another run has another vocabulary, so the text is tokenized anew. After an error nothing
        has changed.
        """
        is_retokenized = run != self.run and self.view is not None
        prompt, chosen = (self.text, []) if is_retokenized else (self.prompt, list(self.chosen))
        other = replace(self, run=run, weights=weights, prompt=prompt, chosen=chosen)
        return await self._replace_by(other, settings, reload=True)

    async def open_text(self, prompt: str, settings: SamplingConfig) -> StepReply:
        """Start with another text; after an error nothing has changed."""
        return await self._replace_by(replace(self, prompt=prompt, chosen=[]), settings)

    async def _replace_by(
        self, other: StepSession, settings: SamplingConfig, *, reload: bool = False
    ) -> StepReply:
        view = await other._open(settings, reload=reload)
        vars(self).update(vars(other))
        return view

    def copy(self) -> StepSession:
        """Return another session at the same position."""
        return replace(self, chosen=list(self.chosen), path=list(self.path), _session=None)

    async def _open(self, settings: SamplingConfig, *, reload: bool = False) -> StepReply:
        request = StepRequest(
            run=self.run,
            weights=self.weights,
            prompt=self.prompt,
            chosen=list(self.chosen),
            settings=settings,
            top=TOP_TOKENS,
            reload=reload,
        )
        self._session = None
        self.view = await self.client.request(request)
        self._session, self.path = self.view.session, list(self.view.tokens or ())
        return self.view

    async def _cut(self, settings: SamplingConfig, length: int) -> StepReply:
        def cut(session: str) -> Awaitable[StepReply]:
            request = CutRequest(session=session, length=length, settings=settings, top=TOP_TOKENS)
            return self.client.request(request)

        self.view = await self._in_session(settings, cut)
        del self.path[self.view.length :]
        return self.view

    async def _in_session(
        self, settings: SamplingConfig, request: Callable[[str], Awaitable[ReplyT]]
    ) -> ReplyT:
        """Make a request in the session; open another one if it was closed."""
        if self._session is not None:
            try:
                return await request(self._session)
            except MiniGPTError as error:
                self._session = None
                if error.title != ClosedError.title:
                    raise
        session = (await self._open(settings)).session
        try:
            return await request(session)
        except MiniGPTError:
            self._session = None
            raise
