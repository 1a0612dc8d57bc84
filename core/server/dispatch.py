"""The dispatcher of the model server: from a request to its reply.

It deals with objects; pipes and JSON are the business of `core.server.__main__`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.errors import Cancelled, InputError, MiniGPTError
from core.inference.generate import GeneratedToken, generate
from core.inference.score import score_ids
from core.inference.session import Session
from core.model.memory import is_out_of_memory
from core.paths import Home
from core.progress import CancelCheck
from core.server.fill import fill
from core.server.forecast import probe
from core.server.fork import fork
from core.server.inspect import inside, trace
from core.server.inspect_encoder import inside_encoder
from core.server.model_cache import CachedModel, ModelCache, visible_window_start
from core.server.origin import TokenizedText, detokenize, find_origin, tokenize
from core.server.prompt import prompt_tokens
from core.server.protocol import (
    MAX_TOP,
    AccuracyRequest,
    ClassifyRequest,
    CutRequest,
    FillRequest,
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
    InsideReply,
    LoadReply,
    OriginReply,
    ScoreReply,
)
from core.server.step import cut, find, score_at, step
from core.server.tasks import classify, measure
from core.server.tokens import Alternative, ReplyToken, ScoredToken
from core.tokenizer.chat_format import FittedChat, reply_room

BATCH_SECONDS = 0.015
BATCH_TOKENS = 32
MAX_REPLY_CHARACTERS = 1_000_000
MAX_SCORED_TOKENS = 16_384

SendBatch = Callable[[Any], None]


class MemoryFullError(MiniGPTError):
    title = "Out of memory"


@dataclass
class Dispatcher:
    """Answers requests one after another; keeps models and sessions in between."""

    home: Home
    cache: ModelCache = field(init=False)
    _without_batches: dict[type, Callable[[Any], Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.cache = ModelCache(self.home)
        self._without_batches = {
            LoadRequest: self._load,
            ScoreRequest: self._score,
            OriginRequest: self._origin,
            StepRequest: partial(step, self.cache),
            CutRequest: partial(cut, self.cache),
            FindRequest: partial(find, self.cache),
            ScoreAtRequest: partial(score_at, self.cache),
            TraceRequest: partial(trace, self.cache),
            InsideRequest: self._inside,
            ClassifyRequest: partial(classify, self.cache),
            FillRequest: partial(fill, self.cache),
        }

    def answer(
        self, id: Id, request: Request[Any, Any], send: SendBatch, cancelled: CancelCheck
    ) -> Any:
        """Return the last reply to a request, of the class that the request is generic in.

        Args:
            send: sends a batch before the last reply.
            cancelled: whether the request was cancelled.

        Raises:
            MiniGPTError: the request cannot be answered.
            Cancelled: the request was cancelled and has no partial result.
        """
        self.cache.watch.cancelled = cancelled
        self.cache.watch.check()
        try:
            return self._answer(id, request, send)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0]
            raise MemoryFullError(
                f"There is not enough memory for this request. {reason}".strip(),
                "Use a smaller model or the CPU (device cpu), or wait until training has finished.",
            ) from error

    def _answer(self, id: Id, request: Request[Any, Any], send: SendBatch) -> Any:
        match request:
            case GenerateRequest():
                return self._generate(id, request, send)
            case ForkRequest():
                return fork(self.cache, request, send)
            case ProbeRequest():
                return probe(self.home, request, send, self.cache.watch)
            case AccuracyRequest():
                return measure(self.cache, request, send)
        return self._without_batches[type(request)](request)

    def _inside(self, request: InsideRequest) -> InsideReply:
        if request.session is None and self.cache.names_encoder(request):
            return inside_encoder(self.cache, request)
        return inside(self.cache, request)

    def _load(self, request: LoadRequest) -> LoadReply:
        model, how = self.cache.get_task_model(request)
        return dataclasses.replace(model.facts, how=how)

    def _generate(self, id: Id, request: GenerateRequest, send: SendBatch) -> GenerateReply:
        start = time.perf_counter()
        check_range(request.top, 0, MAX_TOP, "top")
        model, session, (prompt, dropped) = self._open_generation(request)
        model.set_process_threads()
        stream = TokenStream(session, send, start, model.facts.step)
        prompt_length = session.length + len(prompt)
        tokenizer, settings = model.loaded.tokenizer, request.settings
        if model.loaded.is_chat:  # its context does not slide
            room = max(1, model.loaded.model.config.context - prompt_length)
            settings = dataclasses.replace(settings, max_tokens=min(settings.max_tokens, room))
        reason: FinishReason = "cancelled"
        try:
            tokens = generate(
                session, prompt, tokenizer, settings, top=request.top, prompt_text=request.prompt
            )
            with closing(tokens):
                for token in tokens:
                    stream.add(token)
                    reason = token.end_reason or reason
                    self.cache.watch.check()
        except Cancelled:
            pass
        stream.flush()
        self.cache.keep_reply(id, model, session, prompt_length)
        return dataclasses.replace(stream.reply(reason), dropped=dropped)

    def _open_generation(self, request: GenerateRequest) -> tuple[CachedModel, Session, FittedChat]:
        """The model, the session to continue, and the ids to append to it."""
        if request.continue_from is None:
            model, _ = self.cache.get_model(request)
            context = model.loaded.model.config.context
            reply_tokens = min(request.settings.max_tokens, reply_room(context))
            return model, model.new_session(), prompt_tokens(model.loaded, request, reply_tokens)
        if request.run is not None:
            raise InputError("A reply is continued by its own model.", "Leave `run` out.")
        reply = self.cache.get_reply(request.continue_from)
        tokenizer = reply.model.loaded.tokenizer
        prompt = tokenizer.encode_prompt(request.prompt)
        session = reply.session.fork(1)
        if session.length > 1 and session.ids[-1] in tokenizer.end_ids:
            session.truncate(session.length - 1)
        return reply.model, session, FittedChat(prompt, 0)

    def _score(self, request: ScoreRequest) -> ScoreReply:
        model, _ = self.cache.get_model(request)
        ids = model.loaded.encode(request.text)
        check_range(len(ids), 1, MAX_SCORED_TOKENS, "The number of tokens to score")
        model.set_process_threads()
        scores = list(score_ids(model.new_session(), ids, self.cache.watch.cancelled))
        token_text = model.loaded.tokenizer.token_text
        pairs = zip(ids, [None, *scores], strict=True)
        return ScoreReply(
            tokens=[ScoredToken(id, token_text(id), score) for id, score in pairs],
            total=sum(scores),
            loss=-sum(scores) / len(scores) if scores else None,
            step=model.facts.step,
        )

    def _origin(self, request: OriginRequest) -> OriginReply:
        run, text = self._text_to_compare(request)
        return find_origin(self.cache.indexes.get(run), text, request, self.cache.watch.check)

    def _text_to_compare(self, request: OriginRequest) -> tuple[str, TokenizedText]:
        """The run whose corpus is searched, and the text to look for."""
        sources = (request.reply, request.session, request.text)
        if sum(source is not None for source in sources) != 1:
            raise InputError("origin needs one of reply, session and text.", "Pass one of them.")
        if (request.run is None) == (request.text is not None):
            raise InputError("origin needs run together with text.", "Pass both or none.")
        if request.text is not None:
            assert request.run is not None
            tokenizer = self.cache.indexes.get(request.run).tokenizer
            return request.run, tokenize(tokenizer, request.text)
        if request.session is not None:
            opened = self.cache.get_session(request.session)
        else:
            assert request.reply is not None
            opened = self.cache.get_reply(request.reply)
        ids, start = opened.session.ids, opened.prompt_length
        text = detokenize(opened.model.loaded.tokenizer, ids[:start], ids[start:])
        return opened.model.facts.name, text


@dataclass
class TokenStream:
    """Sends the tokens of a reply in batches; counts and times them.

    Attributes:
        start: when the request was taken up.
        step: training step of the weights; None if unknown.
    """

    session: Session
    send: SendBatch
    start: float
    step: int | None
    count: int = 0
    text: str = ""
    _batch: list[ReplyToken] = field(default_factory=list)
    _window_start: int = 0
    _first_time: float = 0.0
    _sent_time: float = 0.0

    def add(self, token: GeneratedToken) -> None:
        """Add a token; send the batch if it is due. The first token is sent at once."""
        now = time.perf_counter()
        self._first_time = self._first_time or now
        self.count += 1
        self.text += token.text
        self._window_start = visible_window_start(self.session, token.window_start)
        top = [Alternative(t.id, t.text, t.probability, t.chance) for t in token.top]
        self._batch.append(ReplyToken(token.id, token.text, token.probability, top))
        if now - self._sent_time >= BATCH_SECONDS or len(self._batch) >= BATCH_TOKENS:
            self.flush()

    def flush(self) -> None:
        """Send the tokens that were not sent yet."""
        if not self._batch:
            return
        self._sent_time = time.perf_counter()
        self.send(
            GenerateBatch(
                tokens=self._batch,
                window_start=self._window_start,
                count=self.count,
                seconds=round(self._sent_time - self.start, 4),
                step=self.step,
            )
        )
        self._batch = []

    def reply(self, reason: FinishReason) -> GenerateReply:
        """The last reply. Its speed leaves out reading the prompt, if there are two tokens."""
        now = time.perf_counter()
        start, count = self.start, self.count
        if count > 1:
            start, count = self._first_time, count - 1
        return GenerateReply(
            reason=reason,
            tokens=self.count,
            seconds=round(now - self.start, 4),
            tokens_per_second=round(count / max(1e-9, now - start), 1),
            used=len(self.session.window()),
            context=self.session.model.config.context,
            # The reply must fit on a line; the batches had all of the text.
            text=self.text if len(self.text) <= MAX_REPLY_CHARACTERS else None,
            step=self.step,
        )
