"""A text extended token by token, and the session of the model server behind it.

The server may have closed the session, or have been restarted. The chosen ids are known here, so
the next request opens another session at the same position, with the weights in memory if there
are any: newer ones on disk are used only when chosen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from core.config.configs import SamplingConfig
from core.errors import ClosedError, MiniGPTError
from core.server.protocol import SAMPLED, CutRequest, FindRequest, ForkRequest, StepRequest
from core.server.replies import FindReply, StepReply
from core.server.tokens import SessionToken, TokenProbability
from core.text.messages import ASSISTANT, USER
from tui.chat.turn_tree import JsonMessages, with_reply
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
        prompt: the text before the first chosen token; None if there is none, not even its <sos>.
        chosen: ids of the tokens chosen since.
        messages: what a model that replies reads in place of `prompt`, which is the last message
            of the user; the last may be the beginning of the reply.
        view: what could come next, and the step of the weights that predict it; None until known.
        path: all tokens so far, each with its probability and rank before it was added.
    """

    client: ModelClient
    run: str
    weights: str
    prompt: str | None
    chosen: list[int] = field(default_factory=list)
    messages: JsonMessages | None = None
    view: StepReply | None = None
    path: list[SessionToken] = field(default_factory=list)
    _session: str | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return self.text_before + self.chosen_text

    @property
    def text_before(self) -> str:
        """The text before the first chosen token; a reply is on a line of its own."""
        if self.messages is None:
            return self.prompt or ""
        return f"{self.prompt}\n{self._reply_before}"

    @property
    def chosen_text(self) -> str:
        """The text of the chosen tokens."""
        text = self.view.text if self.view else ""
        is_first = self.messages is not None and not self._reply_before
        return text.lstrip(" ") if is_first else text

    @property
    def _reply_before(self) -> str:
        """The beginning of the reply, where the messages have it."""
        last = self.messages[-1] if self.messages else {}
        return last.get("content", "") if last.get("role") == ASSISTANT else ""

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
            moved = replace(self, **other._as_text())
            return await self._replace_by(moved, settings)
        if (other.prompt, other.messages) != (self.prompt, self.messages):
            opened = replace(self, prompt=other.prompt, chosen=[], messages=other.messages)
            await self._replace_by(opened, settings)
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
        text = self._as_text() if is_retokenized else {"chosen": list(self.chosen)}
        other = replace(self, run=run, weights=weights, **text)
        return await self._replace_by(other, settings, reload=True)

    def _as_text(self) -> dict[str, Any]:
        """The fields of a session at this position that holds no ids."""
        if self.messages is None:
            return {"prompt": self.text, "chosen": []}
        begun = [
            one for one in self.messages if one is not self.messages[-1] or one["role"] == USER
        ]
        reply = self._reply_before + self.chosen_text
        messages = with_reply(begun, reply)
        return {"prompt": self.prompt, "chosen": [], "messages": messages}

    async def open_text(
        self, prompt: str, settings: SamplingConfig, messages: JsonMessages | None = None
    ) -> StepReply:
        """Start with another text; after an error nothing has changed."""
        other = replace(self, prompt=prompt, chosen=[], messages=messages)
        return await self._replace_by(other, settings)

    async def open_message(self, text: str, settings: SamplingConfig) -> StepReply:
        """Start with another last message of the user, or another text where there is none."""
        messages = self.messages
        if messages is not None:
            last = max(n for n, message in enumerate(messages) if message["role"] == USER)
            messages = [*messages[:last], {"role": USER, "content": text}]
        return await self.open_text(text, settings, messages)

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
        """Open a session; a reply that was known by its text is known by its tokens after that."""
        self.view = await self._request_session(settings, reload=reload)
        if self._reply_before and (ids := self._reply_ids(self.view)):
            assert self.messages is not None
            self.messages, self.chosen = self.messages[:-1], ids
            self.view = await self._request_session(settings)
        self._session, self.path = self.view.session, list(self.view.tokens or ())
        return self.view

    async def _request_session(
        self, settings: SamplingConfig, *, reload: bool = False
    ) -> StepReply:
        request = StepRequest(
            run=self.run,
            weights=self.weights,
            prompt="" if self.messages else self.prompt,
            messages=self.messages,
            allow_unknown=bool(self.messages or self.chosen),  # of a turn that is there
            chosen=list(self.chosen),
            settings=settings,
            top=TOP_TOKENS,
            reload=reload,
        )
        self._session = None
        return await self.client.request(request)

    @staticmethod
    def _reply_ids(view: StepReply) -> list[int]:
        """The ids of the last reply in a conversation; empty if there is none."""
        ids = [token.id for token in view.tokens or ()]
        assistant = view.vocab_size - 1  # the role of the assistant is the last id
        return ids[len(ids) - ids[::-1].index(assistant) :] if assistant in ids else []

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
