"""What the sampler does when it is asked: load, generate, score, and the rest by other modules.

It knows requests as objects and replies as JSON values, nothing of pipes or processes.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from core.errors import Cancelled, InputError, MiniGPTError
from core.inference.generate import GeneratedToken as Token
from core.inference.generate import generate
from core.inference.session import Session
from core.model.memory import is_out_of_memory
from core.paths import Home
from core.progress import CancelCheck
from core.server.forecast import probe
from core.server.fork import fork
from core.server.inspect import inside, trace
from core.server.model_cache import CachedModel, ModelCache, forgotten
from core.server.origin import Said, origin, said_by, typed
from core.server.protocol import (
    MAX_TOP,
    CutRequest,
    FindRequest,
    ForkRequest,
    GenerateRequest,
    InsideRequest,
    LoadRequest,
    OriginRequest,
    ProbeRequest,
    Request,
    ScoreAtRequest,
    ScoreRequest,
    StepRequest,
    TraceRequest,
    check_range,
)
from core.server.replies import (
    FinishReason,
    GenerateBatch,
    GenerateReply,
    Id,
    OriginReply,
    ScoreReply,
)
from core.server.step import cut, find, look, step
from core.server.tokens import Alternative, ReplyToken, ScoredToken
from core.tokenizer.special_tokens import EOS

BATCH_SECONDS = 0.015
BATCH_TOKENS = 32
LONGEST_TEXT = 1_000_000
MOST_SCORED = 16_384
SCORED_AT_ONCE = 512

Send = Callable[[Any], None]

OF_SHELF: dict[type, Callable[[ModelCache, Any], Any]] = {
    StepRequest: step,
    CutRequest: cut,
    FindRequest: find,
    ScoreAtRequest: look,
    TraceRequest: trace,
    InsideRequest: inside,
}


class MemoryFullError(MiniGPTError):
    """There is no memory for what was asked."""

    title = "The device has not enough memory"


@dataclass
class Dispatcher:
    """Answers requests one after another; keeps models and sessions in between."""

    home: Home
    shelf: ModelCache = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = ModelCache(self.home)

    def answer(self, id: Id, ask: Request[Any, Any], say: Send, cancelled: CancelCheck) -> Any:
        """The last reply.

        Args:
            id: the request's.
            ask: one of the classes of `core.server.protocol`.
            say: sends a batch before the last reply.
            cancelled: whether the request was cancelled.

        Raises:
            MiniGPTError: what was asked for cannot be done.
            Cancelled: the request was, and nothing came of it.
        """
        self.shelf.watch.cancelled = cancelled
        try:
            self.shelf.watch.check()
            return self._answer(id, ask, say)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise _memory_full(error) from error

    def _answer(self, id: Id, ask: Any, say: Send) -> Any:
        if type(ask) in OF_SHELF:
            return OF_SHELF[type(ask)](self.shelf, ask)
        match ask:
            case LoadRequest():
                held, how = self.shelf.model(ask)
                return dataclasses.replace(held.facts, how=how)
            case GenerateRequest():
                return self._generate(id, ask, say)
            case ForkRequest():
                return fork(self.shelf, ask, say)
            case ScoreRequest():
                return self._score(ask)
            case InsideRequest():
                return inside(self.shelf, ask)
            case OriginRequest():
                return self._origin(ask)
            case ProbeRequest():
                return probe(self.home, ask, say, self.shelf.watch)
        raise AssertionError(ask)

    def _generate(self, id: Id, ask: GenerateRequest, say: Send) -> GenerateReply:
        began = time.perf_counter()
        check_range(ask.top, 0, MAX_TOP, "top")
        config = ask.settings
        held, session, prompt = self._beginning(ask)
        held.use()
        reply = ReplyWriter(session, say, began)
        begun = session.length + len(prompt)
        steps = generate(session, prompt, held.loaded.tokenizer, config, top=ask.top)
        try:
            with closing(steps):
                for token in steps:
                    reply.add(token)
                    self.shelf.watch.check()
        except Cancelled:
            reply.reason = reply.reason or "cancelled"
        reply.flush()
        self.shelf.keep_reply(id, held, session, begun)
        return reply.summary(held.facts.step)

    def _beginning(self, ask: GenerateRequest) -> tuple[CachedModel, Session, list[int]]:
        """The model, the session to go on with, and the ids to add to it."""
        if ask.continue_from is None:
            held, _ = self.shelf.model(ask)
            return held, held.session(), held.loaded.encode(ask.prompt)
        if ask.run is not None:
            raise InputError("A reply goes on with its own model.", "Leave `run` out.")
        kept = self.shelf.reply(ask.continue_from)
        more = kept.held.loaded.tokenizer.encode_prompt(ask.prompt)
        session = kept.session.fork(1)
        if session.length > 1 and session.ids[-1] == EOS:
            session.cut(session.length - 1)
        return kept.held, session, more

    def _score(self, ask: ScoreRequest) -> ScoreReply:
        held, _ = self.shelf.model(ask)
        ids = held.loaded.encode(ask.text)
        check_range(len(ids), 1, MOST_SCORED, "The number of tokens to score")
        held.use()
        session = held.session()
        session.extend(ids[:1])
        chances: list[float] = []
        for place in range(1, len(ids), SCORED_AT_ONCE):
            self.shelf.watch.check()
            chances += session.score(ids[place : place + SCORED_AT_ONCE]).tolist()
        text = held.loaded.tokenizer.token_text
        pairs = zip(ids, [None, *chances], strict=True)
        tokens = [ScoredToken(id, text(id), chance) for id, chance in pairs]
        mean = -sum(chances) / len(chances) if chances else None
        return ScoreReply(tokens=tokens, total=sum(chances), loss=mean)

    def _origin(self, ask: OriginRequest) -> OriginReply:
        run, said = self._said(ask)
        return origin(self.shelf.texts.get(run), said, ask, self.shelf.watch.check)

    def _said(self, ask: OriginRequest) -> tuple[str, Said]:
        """The run whose corpus is meant, and the tokens that are looked for in it."""
        given = [one for one in (ask.reply, ask.session, ask.text) if one is not None]
        if len(given) != 1 or (ask.run is None) == (ask.text is not None):
            raise InputError(
                "It must be clear what is looked for.", "run and text, reply, or session."
            )
        if ask.text is not None:
            assert ask.run is not None
            text = self.shelf.texts.get(ask.run)
            return ask.run, typed(text.tokenizer, ask.text)
        kept = self.shelf.session(ask.session) if ask.session else self.shelf.reply(given[0])
        ids = kept.session.ids
        tokenizer = kept.held.loaded.tokenizer
        said = said_by(tokenizer, ids[: kept.begun], ids[kept.begun :])
        return kept.held.facts.name, said


@dataclass
class ReplyWriter:
    """The tokens of one reply on their way: gathered into batches, counted, timed.

    Attributes:
        began: when the request was taken up.
        reason: why it ended; empty while it goes on.
    """

    session: Session
    say: Send
    began: float
    reason: FinishReason | None = None
    text: str = ""
    count: int = 0
    _batch: list[ReplyToken] = field(default_factory=list)
    _window_start: int = 0
    _first: float = 0.0
    _sent: float = 0.0

    def add(self, token: Token) -> None:
        """Takes a token, and sends the batch once it is due; the first goes out at once."""
        now = time.perf_counter()
        self._first = self._first or now
        self.count += 1
        self.text += token.text
        self.reason = token.ended
        self._window_start = forgotten(self.session, token.window_start)
        others = [Alternative(o.id, o.text, o.probability, o.chance) for o in token.top]
        self._batch.append(ReplyToken(token.id, token.text, token.probability, others))
        if now - self._sent >= BATCH_SECONDS or len(self._batch) >= BATCH_TOKENS:
            self.flush()

    def flush(self) -> None:
        """Sends what was gathered, if anything."""
        if not self._batch:
            return
        self._sent = time.perf_counter()
        self.say(
            GenerateBatch(
                tokens=self._batch,
                window_start=self._window_start,
                count=self.count,
                seconds=round(self._sent - self.began, 4),
            )
        )
        self._batch = []

    def summary(self, step: int | None) -> GenerateReply:
        """The last reply; the speed is that after the prompt was read."""
        now = time.perf_counter()
        began, count = (self._first, self.count - 1) if self.count > 1 else (self.began, self.count)
        assert self.reason is not None
        return GenerateReply(
            reason=self.reason,
            tokens=self.count,
            seconds=round(now - self.began, 4),
            tokens_per_second=round(count / max(1e-9, now - began), 1),
            used=len(self.session.window()),
            context=self.session.model.config.context,
            # A reply must fit on a line; the batches had all of it.
            text=self.text if len(self.text) <= LONGEST_TEXT else None,
            step=step,
        )


def _memory_full(error: BaseException) -> MemoryFullError:
    return MemoryFullError(
        f"There was no memory left for this: {str(error).splitlines()[0] if str(error) else ''}",
        "Choose a smaller model or the processor (device cpu), or wait until a training has ended.",
    )
