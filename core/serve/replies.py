"""What is generated for a request, and its JSON in OpenAI's form."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.serve.schemas import ChatRequest, ServeRequest
from core.system.files import JsonObject

# As `core.inference.generate.EndReason`.
FINISH_REASONS: Mapping[str, str] = {"end": "stop", "stop": "stop", "length": "length"}


class Alternative(NamedTuple):
    """One of the likeliest tokens at a position, with its natural log-probability."""

    text: str
    data: bytes
    logprob: float


@dataclass(frozen=True)
class TokenText:
    """A token of a choice.

    Attributes:
        text: what it adds to the text; empty for part of a character.
        data: its bytes.
        offset: characters of the choice before it.
        logprob: natural, under the model, before any sampling setting; None where nothing precedes.
        top: the likeliest tokens at this position, in falling order.
    """

    text: str
    data: bytes
    offset: int
    logprob: float | None
    top: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class Delta:
    """What is added to a choice.

    Attributes:
        tokens: those whose text is now complete, if log-probabilities were requested.
        finish_reason: set on the last one of a choice, a value of `FINISH_REASONS`.
    """

    choice: int
    text: str = ""
    tokens: tuple[TokenText, ...] = ()
    finish_reason: str | None = None


@dataclass(frozen=True)
class Step:
    """What one step of decoding adds.

    Attributes:
        prompt_tokens, completion_tokens: of all choices so far, without the end of a text.
    """

    deltas: tuple[Delta, ...]
    prompt_tokens: int
    completion_tokens: int


@dataclass
class Choice:
    """A choice as collected so far."""

    text: str = ""
    tokens: list[TokenText] = field(default_factory=list)
    finish_reason: str | None = None


class ReplyFormat:
    """Turns the steps of a request into OpenAI's objects.

    Args:
        id: of the reply.
        model: the name it is served by.
    """

    def __init__(self, id: str, model: str, request: ServeRequest) -> None:
        self._is_chat = isinstance(request, ChatRequest)
        self._request = request
        self._common = {
            "id": f"{'chatcmpl' if self._is_chat else 'cmpl'}-{id}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": None,
        }

    def chunks(self, step: Step) -> list[JsonObject]:
        """The objects of a stream for a step."""
        return [self._chunk(delta) for delta in step.deltas]

    def first_chunks(self, choices: int) -> list[JsonObject]:
        """The objects that begin a stream: of a chat, who speaks."""
        if not self._is_chat:
            return []
        role = {"role": "assistant", "content": ""}
        return [
            self._stream_object([self._choice(index, None, None) | {"delta": role}])
            for index in range(choices)
        ]

    def _chunk(self, delta: Delta) -> JsonObject:
        logprobs = self._logprobs(delta.tokens) if delta.tokens else None
        choice = self._choice(delta.choice, logprobs, delta.finish_reason)
        if self._is_chat:
            choice["delta"] = {"content": delta.text} if delta.text or delta.tokens else {}
        else:
            choice["text"] = delta.text
        return self._stream_object([choice])

    def last_chunks(self, last: Step | None) -> list[JsonObject]:
        """The objects that end a stream: the counts of tokens, if requested."""
        if not self._request.with_usage:
            return []
        return [self._stream_object([]) | {"usage": _usage(last)}]

    def _stream_object(self, choices: Sequence[JsonObject]) -> JsonObject:
        kind = "chat.completion.chunk" if self._is_chat else "text_completion"
        fields: JsonObject = {**self._common, "object": kind, "choices": choices}
        return fields | {"usage": None} if self._request.with_usage else fields

    def reply(self, choices: Sequence[Choice], step: Step | None) -> JsonObject:
        """The whole reply.

        Args:
            step: the last one.
        """
        kind = "chat.completion" if self._is_chat else "text_completion"
        objects = [self._whole_choice(index, choice) for index, choice in enumerate(choices)]
        return {**self._common, "object": kind, "choices": objects, "usage": _usage(step)}

    def _whole_choice(self, index: int, choice: Choice) -> JsonObject:
        wanted = self._request.top_logprobs is not None
        logprobs = self._logprobs(choice.tokens) if wanted else None
        fields = self._choice(index, logprobs, choice.finish_reason)
        if self._is_chat:
            message = {"role": "assistant", "content": choice.text, "refusal": None}
            return fields | {"message": message}
        return fields | {"text": choice.text}

    def _choice(
        self, index: int, logprobs: JsonObject | None, finish_reason: str | None
    ) -> JsonObject:
        return {"index": index, "logprobs": logprobs, "finish_reason": finish_reason}

    def _logprobs(self, tokens: Sequence[TokenText]) -> JsonObject:
        if self._is_chat:
            return {"content": [_chat_logprob(token) for token in tokens], "refusal": None}
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [_top_by_text(token) for token in tokens]
            if self._request.top_logprobs
            else None,
            "text_offset": [token.offset for token in tokens],
        }


def _chat_logprob(token: TokenText) -> JsonObject:
    top = [_named_logprob(other) for other in token.top]
    return _named_logprob(Alternative(token.text, token.data, token.logprob or 0.0)) | {
        "top_logprobs": top
    }


def _named_logprob(token: Alternative) -> JsonObject:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.data)}


def _top_by_text(token: TokenText) -> JsonObject | None:
    """The likeliest tokens and the one itself; of equal texts the likelier."""
    if token.logprob is None:
        return None
    top: JsonObject = {}
    for other in token.top:
        top.setdefault(other.text, other.logprob)
    top.setdefault(token.text, token.logprob)
    return top


def _usage(step: Step | None) -> JsonObject:
    prompt, completion = (step.prompt_tokens, step.completion_tokens) if step else (0, 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
