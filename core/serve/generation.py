"""Decoding for requests: from prompts or messages to the steps of a reply."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from core.errors import InputError
from core.inference.generate import LENGTH, STOP, GeneratedToken, decode
from core.inference.load import LoadedModel, prompt_ids
from core.inference.sampling import check_finite
from core.inference.session import Session
from core.progress import CancelCheck, never_cancelled
from core.serve.errors import RequestError
from core.serve.limits import check_cache_memory, check_reply_size, memory_errors
from core.serve.models import ServedModel
from core.serve.replies import FINISH_REASONS, Alternative, Delta, Step, TokenText
from core.serve.schemas import ChatRequest, CompletionRequest, Prompt, ServeRequest
from core.text.messages import USER, Message
from core.tokenizer.chat_format import reply_room
from core.tokenizer.tokenizer import Tokenizer

LOWEST_LOGPROB = -9999.0  # of a probability that is 0 in float32; JSON has no infinity
MAX_ECHO_LOGPROBS = 16_384  # tokens of a prompt whose log-probabilities are returned


@dataclass
class _Counts:
    """Tokens of all choices so far."""

    prompt: int = 0
    completion: int = 0

    def step(self, *deltas: Delta) -> Step:
        return Step(deltas, self.prompt, self.completion)


class _Start(NamedTuple):
    """What a choice begins with.

    Attributes:
        ids: before the first generated token.
        text: of the prompt as typed.
        ends: for each id where its text ends in the prompt; None where it is part of a message.
    """

    ids: list[int]
    text: str
    ends: list[int] | None


def run_request(
    model: ServedModel, request: CompletionRequest | ChatRequest, cancelled: CancelCheck
) -> Iterator[Step]:
    """Generate the choices of a request, those of one prompt together.

    Other requests may be advanced between two steps, in the same thread.

    Yields:
        A step after every token, and while a prompt is scored.

    Raises:
        InputError, RequestError: the request does not suit the model.
        RunFailedError: the model's predictions are not finite.
        ResourceError: memory ran out.
        Cancelled: `cancelled` returned true.
    """
    steps = _steps(model.loaded, request)
    while True:
        model.prepare_thread()
        model.cancelled = cancelled
        try:
            with memory_errors():
                step = next(steps, None)
        finally:
            model.cancelled = never_cancelled
        if step is None:
            return
        yield step


def _steps(loaded: LoadedModel, request: CompletionRequest | ChatRequest) -> Iterator[Step]:
    counts = _Counts()
    if isinstance(request, ChatRequest):
        yield from _reply(loaded, request, counts)
        return
    for number, prompt in enumerate(request.prompts):
        start = _start_of_prompt(loaded, request, prompt)
        yield from _complete(loaded, request, start, number * request.count, counts)


def _reply(loaded: LoadedModel, request: ChatRequest, counts: _Counts) -> Iterator[Step]:
    """Reply to messages."""
    wanted = request.max_tokens or loaded.model.config.context
    start = _start_of_messages(loaded, request, request.messages, wanted)
    counts.prompt += len(start.ids)
    yield from _decode(loaded, request, start, wanted, 0, counts)


def _start_of_messages(
    loaded: LoadedModel, request: ServeRequest, messages: Sequence[Message], max_tokens: int
) -> _Start:
    """The ids before a reply, without the oldest exchanges if need be.

    Raises:
        InputError: the messages cannot be replied to, or the last one does not fit.
    """
    context = loaded.model.config.context
    ids = loaded.encode_messages(
        messages,
        reply_tokens=min(max_tokens, reply_room(context)),
        allow_unknown=request.allow_unknown,
    ).ids
    if len(ids) > context:
        raise InputError(
            f"The beginning of the reply ends after {len(ids):,} tokens; the model reads at most "
            f"{context:,}.",
            "Shorten the last message.",
        )
    return _Start(ids, "", None)


def _start_of_prompt(loaded: LoadedModel, request: CompletionRequest, prompt: Prompt) -> _Start:
    """The ids before the continuation of a prompt, or before the reply to it.

    Raises:
        InputError: words outside the vocabulary, or no prompt to reply to.
        RequestError: ids that do not exist.
    """
    tokenizer = loaded.tokenizer
    if not isinstance(prompt, str):
        highest = tokenizer.vocab_size - 1
        if not all(0 <= id <= highest for id in prompt):
            raise RequestError(f"prompt: ids of tokens are from 0 to {highest:,}.", param="prompt")
        return _start_of_ids(tokenizer, list(prompt))
    if loaded.is_chat:
        if not prompt.strip():
            raise InputError("There is no prompt to reply to.", "Pass a prompt.")
        messages = (Message(USER, prompt),)
        return _start_of_messages(loaded, request, messages, request.max_tokens or 1)
    ids = prompt_ids(tokenizer, loaded.reading, prompt, allow_unknown=request.allow_unknown)
    spans = tokenizer.spans(prompt)
    return _Start(ids, prompt, [0] * (len(ids) - len(spans)) + [end for _, end in spans])


def _start_of_ids(tokenizer: Tokenizer, ids: list[int]) -> _Start:
    stream, text = tokenizer.stream(), ""
    ends: list[int] = []
    for id in ids:
        text += stream.push(id)
        ends.append(len(text))
    return _Start(ids, text, ends)


def _complete(
    loaded: LoadedModel, request: CompletionRequest, start: _Start, first: int, counts: _Counts
) -> Iterator[Step]:
    """Continue a prompt.

    Args:
        first: number of its first choice.
    """
    counts.prompt += len(start.ids)
    wanted = request.max_tokens or 0
    if request.echo:
        if start.ends is None:
            raise RequestError(
                "echo: this model replies to a prompt; it does not continue it.", param="echo"
            )
        tokens: tuple[TokenText, ...] = ()
        if request.top_logprobs is not None:
            tokens = yield from _echoed_tokens(loaded, request.top_logprobs, start, counts)
        finish = None if wanted else FINISH_REASONS[LENGTH]
        choices = range(first, first + request.count)
        yield counts.step(*(Delta(choice, start.text, tokens, finish) for choice in choices))
    if wanted:
        yield from _decode(loaded, request, start, wanted, first, counts)


def _decode(
    loaded: LoadedModel,
    request: ServeRequest,
    start: _Start,
    max_tokens: int,
    first: int,
    counts: _Counts,
) -> Iterator[Step]:
    """Generate all choices of a prompt in one batch; the n-th is drawn with the seed + n.

    Args:
        first: number of the first choice.
    """
    context = loaded.model.config.context
    if loaded.is_chat:
        max_tokens = min(max_tokens, max(1, context - len(start.ids)))
    check_reply_size(request, max_tokens)
    check_cache_memory(loaded, request.count)
    config = replace(request.sampling, max_tokens=max_tokens)
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(start.ids)
    session.next_logits()  # The prompt is read once, not once per choice.
    if request.count > 1:
        session = session.fork(request.count)
    echoed = len(start.text) if isinstance(request, CompletionRequest) and request.echo else 0
    wants_tokens = request.top_logprobs is not None
    writers = [
        _ChoiceWriter(loaded.tokenizer, start, first + number, echoed, wants_tokens=wants_tokens)
        for number in range(request.count)
    ]
    steps = decode(
        session,
        loaded.tokenizer,
        config,
        top=request.top_logprobs or 0,
        prompt_text=start.text,
    )
    for tokens in steps:
        deltas = []
        for writer, token in zip(writers, tokens, strict=True):
            if token is not None:
                counts.completion += token.id not in loaded.tokenizer.end_ids
                deltas.append(writer.add(token))
        shown = (delta for delta in deltas if delta.text or delta.tokens or delta.finish_reason)
        yield counts.step(*shown)


class _ChoiceWriter:
    """Turns the tokens of one choice into deltas.

    A token is sent with the text it completes: while a stop text may begin, both are held back.

    Args:
        choice: its number.
        echoed: characters before the first token.
        wants_tokens: whether log-probabilities were requested.
    """

    def __init__(
        self, tokenizer: Tokenizer, start: _Start, choice: int, echoed: int, *, wants_tokens: bool
    ) -> None:
        self._tokenizer, self._choice, self._wants_tokens = tokenizer, choice, wants_tokens
        self._stream = tokenizer.stream(start.ids, start.text)
        self._shown = self._written = echoed
        self._held: list[TokenText] = []

    def add(self, token: GeneratedToken) -> Delta:
        """What a token adds."""
        self._shown += len(token.text)
        reason = token.end_reason
        tokens: tuple[TokenText, ...] = ()
        if self._wants_tokens:
            if token.id not in self._tokenizer.end_ids:
                self._hold(token)
            tokens = self._release(is_stopped=reason == STOP, is_last=reason is not None)
        return Delta(self._choice, token.text, tokens, reason and FINISH_REASONS[reason])

    def _hold(self, token: GeneratedToken) -> None:
        text = self._stream.push(token.id)
        blank = _blank_of(self._tokenizer, text)
        top = tuple(
            _alternative(self._tokenizer, other.id, _logarithm(other.probability), blank)
            for other in token.top
        )
        data = _data_of(self._tokenizer, token.id, blank)
        held = TokenText(text, data, self._written, _logarithm(token.probability), top)
        self._held.append(held)
        self._written += len(text)

    def _release(self, *, is_stopped: bool, is_last: bool) -> tuple[TokenText, ...]:
        """The tokens whose text is shown; at the end all but those of a stop text."""
        if is_stopped:
            count = sum(token.offset < self._shown for token in self._held)
        elif is_last:
            count = len(self._held)
        else:
            count = sum(token.offset + len(token.text) <= self._shown for token in self._held)
        ready, self._held = self._held[:count], self._held[count:]
        return tuple(ready)


def _echoed_tokens(
    loaded: LoadedModel, top: int, start: _Start, counts: _Counts
) -> Generator[Step, None, tuple[TokenText, ...]]:
    """Return the tokens of a prompt with their log-probabilities and the `top` likeliest others.

    Yields:
        Empty steps.
    """
    assert start.ends is not None
    if len(start.ids) > MAX_ECHO_LOGPROBS:
        raise RequestError(
            f"logprobs: the echoed prompt has {len(start.ids):,} tokens, more than "
            f"{MAX_ECHO_LOGPROBS:,}.",
            param="logprobs",
        )
    session = Session(loaded.model, keep_first=loaded.keep_first)
    tokens, begin, tokenizer = [], 0, loaded.tokenizer
    for id, end in zip(start.ids, start.ends, strict=True):
        logprob, likely = None, []
        if session.length:
            logits = session.next_logits()[0]  # (V,)
            check_finite(logits)
            logprobs = logits.log_softmax(-1)
            logprob = float(logprobs[id])
            values, ids = logprobs.topk(min(top, len(logprobs)))
            likely = list(zip(ids.tolist(), values.tolist(), strict=True))
        session.extend([id])
        if not tokenizer.is_special(id):
            text = start.text[begin:end]
            blank = _blank_of(tokenizer, text)
            others = tuple(_alternative(tokenizer, *pair, blank) for pair in likely)
            data = _data_of(tokenizer, id, blank)
            tokens.append(TokenText(text, data, begin, logprob, others))
            begin = max(begin, end)
        yield counts.step()
    return tuple(tokens)


def _alternative(tokenizer: Tokenizer, id: int, logprob: float, blank: str) -> Alternative:
    """A likely token, whose word comes with the blank that the chosen one has."""
    text = tokenizer.token_text(id)
    if not tokenizer.is_special(id):
        text = blank + text
    return Alternative(text, _data_of(tokenizer, id, blank), max(logprob, LOWEST_LOGPROB))


def _blank_of(tokenizer: Tokenizer, text: str) -> str:
    """The blank before a word of a text."""
    return " " if tokenizer.kind == "word" and text.startswith(" ") else ""


def _data_of(tokenizer: Tokenizer, id: int, blank: str) -> bytes:
    data = tokenizer.token_bytes(id)
    return blank.encode() + data if data else data


def _logarithm(probability: float) -> float:
    return math.log(probability) if probability > 0.0 else LOWEST_LOGPROB
