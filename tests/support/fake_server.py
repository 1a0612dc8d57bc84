"""A model server without a process: typed replies of a tiny fixed model, scriptable by tests.

The model has ten words and always the same probabilities, shifted by one word at each position;
step 1 and those after 500 have them in reverse order. Generated text is a script, whatever the
prompt is.
"""

from __future__ import annotations

import asyncio
import math
import re
from array import array
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.errors import ClosedError, InputError, MiniGPTError
from core.server.protocol import (
    AccuracyRequest,
    ClassifyRequest,
    CutRequest,
    FillRequest,
    FindRequest,
    ForkRequest,
    GenerateRequest,
    IndexRequest,
    InsideRequest,
    LoadRequest,
    ModelRequest,
    OriginRequest,
    ProbeRequest,
    Request,
    ScoreAtRequest,
    StepRequest,
    TraceRequest,
)
from core.server.replies import (
    AccuracyProgress,
    AccuracyReply,
    ClassifyReply,
    FillPlace,
    FillReply,
    FindReply,
    FinishReason,
    ForkBatch,
    ForkBranch,
    ForkReply,
    GenerateBatch,
    GenerateReply,
    IndexProgress,
    IndexReply,
    InsideReply,
    LoadReply,
    OriginPlace,
    OriginReply,
    OriginSpan,
    ProbeReply,
    ScoreAtReply,
    StepReply,
    TraceReply,
    TrainingForecast,
    WordEffect,
)
from core.server.tokens import (
    CandidateToken,
    CorpusCount,
    CorpusMatch,
    FillToken,
    HeadAblation,
    RankedToken,
    ReplyToken,
    ScoredToken,
    SessionToken,
    SettingEffect,
    TokenCount,
    TokenProbability,
    WindowToken,
)
from core.text.task_report import TaskReport
from tui.common.client import ServerError

SOS, EOS = 1, 2
MASK_ID = 10  # of an encoder, whose words are the same
LABELS = ("bad", "good", "neutral")
WORDS = [
    "<pad>",
    "<sos>",
    "<eos>",
    "Python",
    "is",
    "a",
    "popular",
    "[b]bold",
    "\x1besc",
    "language.",
]
PROBABILITIES = [0.5, 0.25, 0.12, 0.06, 0.03, 0.02, 0.01, 0.009, 0.001, 0.00001]
LAYERS, HEADS = 3, 2
PROMPT_TOKENS = 2  # <sos> and one word
BRANCH_TOKENS = 3
REPLY_TOKENS = [" is", " a", " popular", " programming", " language."]
CORPUS_COUNTS = [12, 0, 0, 0, 2, 0, 0, 0, 0, 0]  # by rank
BEST_STEP = 300
CERTAIN = 0.9  # a probability of tokens that are not marked

LOADED = LoadReply(
    name="lang",
    weights="last",
    step=500,
    device="cpu",
    device_name="CPU, AVX2",
    parameters=808576,
    context=64,
    vocab_size=134,
    layers=4,
    heads=4,
    architecture="qwen3",
    tokenizer="word",
    reading="lines",
    seconds=0.02,
    how="loaded",
)
FORECAST = TrainingForecast(
    preset="tiny",
    model=ModelConfig(vocab_size=134),
    train=TrainConfig(
        steps=150,
        batch_size=20,
        optimizer="adamw",
        learning_rate=3e-3,
        schedule="linear",
        warmup_steps=15,
        beta2=0.99,
        weight_decay=0.1,
        clip=1.0,
        dropout=0.0,
        device="cpu",
        precision="float32",
        threads=1,
    ),
    reasons=["tiny model, 0.81 M parameters (257 tokens to learn from, CPU)"],
    tokens=TokenFacts(
        reading="lines", vocab_size=134, train_tokens=257, train_samples=20, longest=32
    ),
    parameters=808576,
    memory_bytes=20 << 20,
    free_memory=8 << 30,
    disk_bytes=45 << 20,
    free_disk=100 << 30,
    seconds_per_step=0.02,
    steps=150,
    seconds=3.0,
)
CPU = DeviceFacts(device="cpu", name="CPU, AVX2", free_memory=8 << 30, threads=4, bfloat16=False)
INDEXING = [
    IndexProgress(phase="counting lines", finished=0, total=1092),
    IndexProgress(phase="sorting the text", finished=121, total=242),
]
INDEXED = IndexReply(how="made", tokens=121, bytes=500, depth=64, seconds=0.004, notes=[])
ORIGIN = OriginReply(
    text=" is a popular programming language. I do love to code in the rain.",
    tokens=11,
    copied=9,
    share=9 / 11,
    longest=5,
    bigrams=10,
    new_bigrams=2,
    spans=[
        OriginSpan(
            begin=0,
            end=5,
            from_=1,
            to=35,
            count=1,
            at_least=False,
            places=[
                OriginPlace(
                    file="corpus.txt",
                    line=1,
                    offset=7,
                    before="Python ",
                    text="is a popular programming language.",
                    after="",
                )
            ],
        ),
        OriginSpan(
            begin=7,
            end=11,
            from_=41,
            to=60,
            count=12,
            at_least=False,
            places=[
                OriginPlace(
                    file="corpus.txt",
                    line=line,
                    offset=20 * line,
                    before="I ",
                    text="love to code in the",
                    after=" dark.",
                )
                for line in (2, 30)
            ],
        ),
    ],
    encoding="utf-8",
    errors="strict",
    notes=[],
)

RequestT = TypeVar("RequestT", bound=Request[Any, Any])


def unknown_words(nearest: Mapping[str, list[str]]) -> ServerError:
    """Return the error of a prompt with unknown words."""
    message = f"Not in the vocabulary: {', '.join(nearest)}."
    return ServerError(
        {"title": InputError.title, "message": message, "hint": "Use known words."}
        | {"code": InputError.exit_code, "nearest": nearest}
    )


def _prompt_text(request: GenerateRequest | StepRequest | ScoreAtRequest) -> str | None:
    """The prompt, or the last message."""
    return request.messages[-1]["content"] if request.messages else request.prompt


class FakeReplies:
    """The messages of one request; see `tui.common.client.ReplyStream`."""

    def __init__(
        self, id: int, messages: AsyncGenerator[Any, None], on_close: Callable[[int, bool], None]
    ) -> None:
        self.id = id
        self._messages, self._on_close = messages, on_close
        self._is_over = self._is_closed = False

    def __aiter__(self) -> FakeReplies:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._messages)
        except (StopAsyncIteration, MiniGPTError):
            self._is_over = True
            raise

    async def aclose(self) -> None:
        """Cancel the request unless it has ended."""
        await self._messages.aclose()
        if not self._is_closed:
            self._is_closed = True
            self._on_close(self.id, self._is_over)


def packed_attention(positions: Sequence[int], first: int, head: int) -> str:
    """The weights of a head: a share spread evenly, a quarter to all of it, the rest on itself."""
    numbers, spread = array("H"), 0.25 * (head % 4 + 1)
    for row, place in enumerate(positions):
        even = spread / (place + 1)
        weights = [even * first, *([even] * (row + 1)), *([0.0] * (len(positions) - row - 1))]
        weights[1 + row] += 1.0 - spread
        numbers.extend(round(65535 * weight) for weight in weights)
    return b64encode(numbers.tobytes()).decode()


def even_attention(count: int, pads: int) -> str:
    """The weights of an encoder's head that attends to all tokens evenly, and to no padding."""
    row = [0, *([65535 // count] * count), *([0] * pads)]
    return b64encode(array("H", row * count).tobytes()).decode()


@dataclass
class FakeServer:
    """Implements `tui.common.client.ModelClient`.

    Attributes:
        requests: all requests, in order.
        tokens: the texts of a generated reply, `batch` tokens per message.
        tokens_of: likewise, by run, where they differ.
        chances: the probability of each of them; 0.9 where there is none.
        step: of the newest weights on disk.
        gates: by class of request, waited for before its reply; before each token of a generated
            reply after the first `free_tokens`, and before the last message of a fork.
        delay_s: seconds before each reply.
        failures: by class of request, raised instead of its next reply.
        refused: by run of a `LoadRequest` or prompt of a `GenerateRequest`, raised every time.
        dropped: exchanges that did not fit into the context of generated replies.
        reply_error: raised instead of the last message of a generated reply.
        corpus: counts in the corpus by rank; None before an index is built.
        origin: the reply to `OriginRequest`, but for its text.
        trace: the reply to `TraceRequest`.
        report: of the reply to `AccuracyRequest`, after some progress.
        random_places: the tokens that `FillRequest` masks at random.
        word_of: the number of the word of each token of a `FillRequest`; by default each is one.
        loaded: the step of the weights in memory, by run and weights.
        sessions: step of the weights and ids of each open session.
        starts, closes: calls of `start` and `close`.
        cancelled: ids of requests that were cancelled, or closed before their end.
        closed_streams: how many streams were closed.
    """

    tokens: list[str] = field(default_factory=lambda: list(REPLY_TOKENS))
    tokens_of: dict[str | None, list[str]] = field(default_factory=dict)
    chances: list[float] = field(default_factory=list)
    batch: int = 1
    step: int = 500
    gates: dict[type, asyncio.Event] = field(default_factory=dict)
    free_tokens: int = 0
    delay_s: float = 0.0
    failures: dict[type, MiniGPTError] = field(default_factory=dict)
    refused: dict[str, MiniGPTError] = field(default_factory=dict)
    dropped: int = 0
    reply_error: MiniGPTError | None = None
    corpus: list[int] | None = None
    origin: OriginReply = ORIGIN
    trace: TraceReply | None = None
    report: TaskReport | None = None
    random_places: list[int] = field(default_factory=lambda: [2, 4])
    word_of: Callable[[int], int] = lambda place: place - 1
    requests: list[Request[Any, Any]] = field(default_factory=list)
    loaded: dict[tuple[str | None, str], int] = field(default_factory=dict)
    sessions: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    starts: int = 0
    closes: int = 0
    cancelled: list[int] = field(default_factory=list)
    closed_streams: int = 0

    def sent(self, kind: type[RequestT]) -> list[RequestT]:
        """Return the requests of a class."""
        return [request for request in self.requests if isinstance(request, kind)]

    def forget_requests(self) -> None:
        """Free what was requested so far; the ids of requests stay as they are."""
        self.requests[:] = [Request()] * len(self.requests)

    async def start(self) -> None:
        self.starts += 1

    async def close(self) -> None:
        self.closes += 1

    async def cancel(self, id: int) -> None:
        self.cancelled.append(id)
        if (gate := self.gates.get(type(self.requests[id - 1]))) is not None:
            gate.set()

    async def request(self, request: Request[Any, Any]) -> Any:
        messages = [message async for message in self.stream(request)]
        return messages[-1]

    def stream(self, request: Request[Any, Any]) -> FakeReplies:
        self.requests.append(request)
        id = len(self.requests)
        return FakeReplies(id, self._messages(id, request), self._closed)

    def _closed(self, id: int, is_over: bool) -> None:
        self.closed_streams += 1
        if not is_over:
            self.cancelled.append(id)

    async def _messages(self, id: int, request: Request[Any, Any]) -> AsyncGenerator[Any, None]:
        await asyncio.sleep(self.delay_s)
        streams: dict[type, Callable[[int, Any], AsyncGenerator[Any, None]]] = {
            GenerateRequest: self._generate,
            ForkRequest: self._fork,
            IndexRequest: self._index,
            AccuracyRequest: self._measure,
        }
        if type(request) in streams:
            async for message in streams[type(request)](id, request):
                yield message
            return
        await self._wait(request)
        self._fail(request)
        replies: dict[type, Callable[[Any], Any]] = {
            LoadRequest: self._load,
            StepRequest: self._step,
            CutRequest: self._cut,
            FindRequest: self._find,
            ScoreAtRequest: self._score_at,
            InsideRequest: self._inside,
            OriginRequest: self._origin,
            ProbeRequest: lambda _: ProbeReply(devices=[CPU], forecast=FORECAST),
            TraceRequest: lambda _: self.trace,
            ClassifyRequest: self._classify,
            FillRequest: self._fill,
        }
        yield replies[type(request)](request)

    async def _wait(self, request: Request[Any, Any]) -> None:
        if (gate := self.gates.get(type(request))) is not None:
            await gate.wait()

    def _fail(self, request: Request[Any, Any]) -> None:
        if (error := self.failures.pop(type(request), None)) is not None:
            raise error

    # Loading and generating

    def _load(self, request: LoadRequest) -> LoadReply:
        assert request.run is not None
        if request.run in self.refused:
            raise self.refused[request.run]
        step = self._model_step(request)
        return replace(LOADED, name=request.run, weights=request.weights, step=step)

    def _model_step(self, request: ModelRequest[Any, Any]) -> int:
        """Load the weights of a request if need be; return their step."""
        key, weights = (request.run, request.weights), request.weights
        if request.reload or key not in self.loaded:
            self.loaded[key] = {"last": self.step, "best": BEST_STEP}.get(weights) or int(weights)
        return self.loaded[key]

    async def _generate(
        self, id: int, request: GenerateRequest
    ) -> AsyncGenerator[GenerateBatch | GenerateReply, None]:
        self._fail(request)
        prompt = _prompt_text(request)
        if prompt in self.refused and not request.allow_unknown:
            raise self.refused[prompt]
        tokens = self.tokens_of.get(request.run, self.tokens)
        step = self._model_step(request)
        for start in range(0, len(tokens), self.batch):
            if start >= self.free_tokens:
                await self._wait(request)
            part = tokens[start : start + self.batch]
            count = start + len(part)
            chances = [*self.chances[start:], *[CERTAIN] * len(part)]
            batch = [
                ReplyToken(7, text, chance) for text, chance in zip(part, chances, strict=False)
            ]
            yield GenerateBatch(
                tokens=batch, window_start=0, count=count, seconds=0.01 * count, step=step
            )
            await asyncio.sleep(0)
        if self.reply_error is not None:
            raise self.reply_error
        yield GenerateReply(
            reason="end",
            tokens=len(tokens),
            seconds=0.01 * len(tokens),
            tokens_per_second=100.0,
            used=len(tokens) + 2,
            context=LOADED.context,
            text="".join(tokens),
            step=step,
            dropped=self.dropped,
        )

    def _classify(self, request: ClassifyRequest) -> ClassifyReply:
        """Label a text by the first word in it that is a label."""
        if request.text in self.refused and not request.allow_unknown:
            raise self.refused[request.text]
        words = [(match.start(), match.end()) for match in re.finditer(r"\S+", request.text)]
        return ClassifyReply(
            label=max(zip(self._label_shares(request.text), LABELS, strict=True))[1],
            labels=list(LABELS),
            probabilities=self._label_shares(request.text),
            words=[
                WordEffect(
                    begin=begin,
                    end=end,
                    text=request.text[begin:end],
                    probabilities=self._label_shares(request.text[:begin] + request.text[end:]),
                )
                for begin, end in (words if request.explain else [])
            ],
            unknown=[],
            seconds=0.012,
            step=self._model_step(request),
        )

    def _fill(self, request: FillRequest) -> FillReply:
        """Fill in blanks: at place p the likeliest word is the one of `ranking(step, p)`.

        The decoder has the reverse order; the corpus has twelve times the first two.
        """
        step, ids = self._model_step(request), list(request.tokens or ())
        words = request.text.split()
        known = [word for word in words if word in WORDS or word == "[]"]
        if request.tokens is None:
            own = [MASK_ID if word == "[]" else self._encode(word)[1] for word in words]
            ids = [SOS, *own, EOS]
        for place, id in request.fill:
            ids[place] = id
        masked = set(request.masked) | {place for place, id in enumerate(ids) if id == MASK_ID}
        if request.mask_random is not None:
            masked |= set(self.random_places)
        texts = ["", *(self._fill_text(id, place) for place, id in enumerate(ids[1:-1])), ""]
        last = len(ids) - 1
        return FillReply(
            tokens=[
                FillToken(id, texts[place], self.word_of(place) if 0 < place < last else None)
                for place, id in enumerate(ids)
            ],
            places=[
                self._fill_place(step, ids[place], place, masked, request)
                for place in sorted(masked)
            ],
            context=LOADED.context,
            unknown=[word for word in words if word not in known],
            seconds=0.004,
            step=step,
        )

    @staticmethod
    def _fill_text(id: int, place: int) -> str:
        return f"{' ' * bool(place)}{'[]' if id == MASK_ID else WORDS[id]}"

    def _fill_place(
        self, step: int, id: int, place: int, masked: set[int], request: FillRequest
    ) -> FillPlace:
        ranking = self.ranking(step, place)[:7]

        def best(ids: Sequence[int]) -> list[TokenProbability]:
            return [
                TokenProbability(id, f" {WORDS[id]}", share)
                for id, share in zip(ids, PROBABILITIES, strict=False)
            ]

        def ranked(ids: Sequence[int]) -> RankedToken | None:
            if id == MASK_ID:
                return None
            rank = ids.index(id)
            return RankedToken(id, f" {WORDS[id]}", rank + 1, PROBABILITIES[rank])

        counts = [TokenCount(each, f" {WORDS[each]}", 12) for each in ranking[:2]]
        is_counted = not masked & {place - 1, place + 1}
        return FillPlace(
            place=place,
            candidates=best(ranking)[: request.top],
            original=ranked(ranking),
            decoder=best(ranking[::-1])[: request.top] if request.decoder else None,
            decoder_original=ranked(ranking[::-1]) if request.decoder else None,
            counts=counts if is_counted else None,
            total=24 if is_counted else 0,
        )

    @staticmethod
    def _label_shares(text: str) -> list[float]:
        """0.1 for each label, 0.6 more for the first label of the text, 0.1 for other text."""
        found = next((word for word in text.split() if word in LABELS), LABELS[0])
        return [0.7 if label == found else 0.1 for label in LABELS]

    # Next tokens

    def _session(self, session: str) -> tuple[int, list[int]]:
        if session not in self.sessions:
            raise ClosedError(f"The session {session!r} is not open any more.", "Open it again.")
        return self.sessions[session]

    def _encode(self, prompt: str | None) -> list[int]:
        words = (prompt or "").split()
        if "unknown" in words:
            raise InputError("Not in the vocabulary: the word 'unknown'.", "Use known words.")
        known = (WORDS.index(word) if word in WORDS else WORDS.index("Python") for word in words)
        return [] if prompt is None else [SOS, *known]

    def _step(self, request: StepRequest) -> StepReply:
        session = request.session
        if session is None:
            session = f"s{len(self.sessions) + 1}"
            ids = [*self._encode(_prompt_text(request)), *(request.chosen or ())]
            self.sessions[session] = self._model_step(request), ids
        step, ids = self._session(session)
        picked = None
        if request.pick is not None:
            view = self._view(step, ids, request.settings, request.top)
            id = view["choice"].id if request.pick == "sampler" else int(request.pick)
            picked = self._candidate(step, len(ids), id, request.settings)
            ids.append(id)
        view = self._view(step, ids, request.settings, request.top)
        tokens = self._session_tokens(step, ids) if request.session is None else None
        return StepReply(session=session, picked=picked, tokens=tokens, **view)

    def _session_tokens(self, step: int, ids: Sequence[int]) -> list[SessionToken]:
        tokens = [SessionToken(ids[0], WORDS[ids[0]])]
        for place in range(1, len(ids)):
            rank = self.ranking(step, place).index(ids[place])
            text = WORDS[ids[place]]
            tokens.append(SessionToken(ids[place], text, PROBABILITIES[rank], rank + 1))
        return tokens

    def _cut(self, request: CutRequest) -> StepReply:
        step, ids = self._session(request.session)
        del ids[request.length :]
        view = self._view(step, ids, request.settings, request.top)
        return StepReply(session=request.session, **view)

    def _find(self, request: FindRequest) -> FindReply:
        step, ids = self._session(request.session)
        found = [id for id, word in enumerate(WORDS) if request.text in word]
        tokens = [self._candidate(step, len(ids), id, request.settings) for id in found]
        return FindReply(session=request.session, matches=len(found), tokens=tokens, step=step)

    def ranking(self, step: int, length: int) -> list[int]:
        """Return the ids after so many tokens, the likeliest first."""
        ids = [(place + length + 1) % 7 + 3 for place in range(7)] + [2, 0, 1]
        return ids[:7][::-1] + ids[7:] if step == 1 or step > 500 else ids

    def _candidate(
        self, step: int, length: int, id: int, settings: SamplingConfig
    ) -> CandidateToken:
        rank = self.ranking(step, length).index(id)
        greedy = settings.temperature == 0
        removed = "special" if id < 2 else "top_k" if rank >= (settings.top_k or 10) else None
        if greedy and rank and not removed:
            removed = "temperature"
        chance = 1.0 if greedy else PROBABILITIES[rank]
        return CandidateToken(
            id=id,
            text=WORDS[id],
            rank=rank + 1,
            probability=PROBABILITIES[rank],
            chance=0.0 if removed else chance,
            removed=removed,
            corpus=CorpusCount(self.corpus[rank], 14, 3) if self.corpus else None,
        )

    def _view(
        self, step: int, ids: Sequence[int], settings: SamplingConfig, top: int
    ) -> dict[str, Any]:
        """Return the fields of a `NextTokensReply`."""
        ranking = self.ranking(step, len(ids))
        tokens = [self._candidate(step, len(ids), id, settings) for id in ranking]
        return {
            "length": len(ids),
            "begun": PROMPT_TOKENS,
            "window_start": 0,
            "used": len(ids),
            "context": LOADED.context,
            "entropy": 2 * math.log(2),
            "loss": math.log(len(ids)),
            "corpus": CorpusMatch(length=3, count=14) if self.corpus else None,
            "choice": tokens[0] if settings.temperature == 0 else tokens[settings.seed % 3],
            "top": tokens[:top],
            "ended": len(ids) > PROMPT_TOKENS and ids[-1] == EOS,
            "text": "".join(f" {WORDS[id]}" for id in ids[PROMPT_TOKENS:]),
            "step": step,
            "vocab_size": LOADED.vocab_size,
            "entropy_as_set": 0.0 if settings.temperature == 0 else math.log(2),
            "effects": self._effects(settings),
        }

    def _effects(self, settings: SamplingConfig) -> list[SettingEffect]:
        effects = [SettingEffect("special", LOADED.vocab_size - 2, 0.99)]
        if settings.temperature == 0:
            return [*effects, SettingEffect("temperature", 1, PROBABILITIES[0])]
        if settings.top_k:
            share = sum(PROBABILITIES[: settings.top_k])
            effects.append(SettingEffect("top_k", settings.top_k, share))
        return effects

    # Positions and branches

    def _score_at(self, request: ScoreAtRequest) -> ScoreAtReply:
        ids = request.ids or [*self._encode(_prompt_text(request)), *(request.chosen or ())]
        at = len(ids) if request.at is None else request.at
        step, settings = self._model_step(request), request.settings
        actual = self._candidate(step, at, ids[at], settings) if at < len(ids) else None
        return ScoreAtReply(
            actual=actual,
            tokens=self.scored(step, ids) if request.with_scores else None,
            **self._view(step, ids[:at], settings, request.top),
        )

    def scored(self, step: int, ids: Sequence[int]) -> list[ScoredToken]:
        tokens = []
        for place, id in enumerate(ids):
            probability = PROBABILITIES[self.ranking(step, place).index(id)]
            text = "" if id <= EOS else f"{' ' if place > 1 else ''}{WORDS[id]}"
            tokens.append(ScoredToken(id, text, math.log(probability) if place else None))
        return tokens

    async def _fork(
        self, id: int, request: ForkRequest
    ) -> AsyncGenerator[ForkBatch | ForkReply, None]:
        """Yield the first token of each branch, then all branches."""
        if ForkRequest not in self.failures:
            rows = self._branches(id, request)
            yield ForkBatch(rows=[row.tokens[:1] for row in rows])
        await self._wait(request)
        self._fail(request)
        yield ForkReply(
            session=request.session,
            rows=self._branches(id, request),
            step=self._fork_step(request),
        )

    def _fork_step(self, request: ForkRequest) -> int:
        if request.session is not None:
            return self._session(request.session)[0]
        return self._model_step(request)

    def _branches(self, id: int, request: ForkRequest) -> list[ForkBranch]:
        """Return one branch per row; rows that are drawn begin with the likeliest three."""
        step, ids, length = self._fork_step(request), request.ids or [], BRANCH_TOKENS
        if request.session is not None:
            ids, length = self._session(request.session)[1], request.tokens
        length = min(request.tokens, 1 if id in self.cancelled else length)
        ranking = self.ranking(step, len(ids))
        firsts = request.first_tokens or [ranking[row % 3] for row in range(request.count)]
        branches = []
        for first in firsts:
            row = [first]
            while row[-1] != EOS and len(row) < length:
                row.append(self.ranking(step, len(ids) + len(row))[0])
            tokens = [
                TokenProbability(token.id, token.text, math.exp(token.log_probability or 0.0))
                for token in self.scored(step, [*ids, *row])[len(ids) :]
            ]
            reason: FinishReason = "end" if row[-1] == EOS else "length"
            if id in self.cancelled:
                reason = "cancelled"
            branches.append(ForkBranch(tokens=tokens, text="", reason=reason))
        return branches

    def _inside(self, request: InsideRequest) -> InsideReply:
        both_ways, pads = request.session is None, 0
        if request.session is not None:
            step, ids = self._session(request.session)
        else:  # an encoder's
            assert request.tokens is not None
            step, ids = self._model_step(request), request.tokens
            pads = 8 - len(ids) % 8
        at = len(ids) - 1 if request.at is None else request.at
        rows = min(len(ids), request.rows)
        first = min(max(0, at - rows // 2), len(ids) - rows)
        positions = list(range(first, first + rows))
        best = [self.ranking(step, place + 1) for place in positions]
        without = 0.62 - 0.31 * bool(request.disabled_heads)
        return InsideReply(
            session=request.session,
            layers=LAYERS,
            heads=HEADS,
            window=[WindowToken(place, id, WORDS[id]) for place, id in enumerate(ids)],
            positions=positions,
            lens=[
                [
                    TokenProbability(row[0], WORDS[row[0]], (depth + 1) / 10)
                    for depth in range(LAYERS + 1)
                ]
                for row in best
            ],
            predictions=[
                [TokenProbability(id, WORDS[id], PROBABILITIES[n]) for n, id in enumerate(row[:8])]
                for row in best
            ],
            ablations=[HeadAblation(row[0], WORDS[row[0]], 0.62, without) for row in best],
            attention=[
                [
                    even_attention(len(positions), pads)
                    if both_ways
                    else packed_attention(positions, first, head)
                    for head in range(HEADS)
                ]
                for _ in range(LAYERS)
            ],
            patterns=[["first", "mixed"], ["even", "prev"], ["repeat", "self"]],
            step=step,
            both_ways=both_ways,
            pads=pads,
        )

    # Tests

    async def _measure(
        self, id: int, request: AccuracyRequest
    ) -> AsyncGenerator[AccuracyProgress | AccuracyReply, None]:
        self._fail(request)
        report, step = self.report, self._model_step(request)
        assert report is not None
        half = report.items // 2
        for done in (0, half):
            yield AccuracyProgress(
                finished=done, total=report.items, right=done * report.right // report.items
            )
            await asyncio.sleep(0)
        await self._wait(request)
        yield AccuracyReply(report=report, weights=request.weights, step=step)

    # The corpus

    async def _index(
        self, id: int, request: IndexRequest
    ) -> AsyncGenerator[IndexProgress | IndexReply, None]:
        self._fail(request)
        for progress in INDEXING:
            yield progress
            await asyncio.sleep(0)
        await self._wait(request)
        self.corpus = self.corpus or list(CORPUS_COUNTS)
        yield INDEXED

    def _origin(self, request: OriginRequest) -> OriginReply:
        assert request.text is not None
        spans = [span for span in self.origin.spans if span.end - span.begin >= request.min_tokens]
        return replace(self.origin, spans=spans, text=request.text)
