"""Requests as objects: parsed from JSON, with bounds, and refused where they cannot be honoured.

The fields, their names and their defaults are those of OpenAI's API reference; `top_k`, `min_p`,
`repetition_penalty` and `allow_unknown` are ours. A field that is not known is ignored. A known one
that the server does not support is refused unless its value changes nothing.

Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from core.config.configs import SamplingConfig
from core.config.schema import MAX_SEED, find_value_problems
from core.errors import InputError
from core.serve.errors import RequestError, to_request_error
from core.system.files import JsonObject
from core.text.messages import ASSISTANT, SYSTEM, USER, Message, parse_messages

DEFAULT_MAX_TOKENS = 16  # of a completion; a reply is bounded by the context
DEFAULT_TEMPERATURE = 1.0
MAX_TOKENS = 65_536
MAX_PROMPTS, MAX_CHOICES = 64, 128
MAX_TOP_LOGPROBS = 20
MAX_STOPS, MAX_STOP_CHARACTERS = 16, 1_000
MAX_SHOWN_CHARACTERS = 40
MAX_CLIENT_CHARACTERS = 200
TEXT_PART = "text"
ROLES = {"system": SYSTEM, "developer": SYSTEM, "user": USER, "assistant": ASSISTANT}
OWN_SETTINGS = ("top_k", "min_p", "repetition_penalty")

Prompt = str | tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """What both kinds of request have.

    Attributes:
        model: the name it is served by; empty if the request names none.
        sampling: the settings, but for max_tokens.
        max_tokens: of each choice; None as many as fit.
        count: choices for each prompt.
        top_logprobs: how many alternatives to each token; None for no log-probabilities.
        is_streamed: send each token as it comes.
        with_usage: end a stream with the counts of tokens.
        allow_unknown: read words outside the vocabulary as <unk>.
        client: the field `user`; empty if there is none.
    """

    model: str
    sampling: SamplingConfig
    max_tokens: int | None
    count: int
    top_logprobs: int | None
    is_streamed: bool
    with_usage: bool
    allow_unknown: bool
    client: str


@dataclass(frozen=True, kw_only=True)
class CompletionRequest(ServeRequest):
    """Continue prompts.

    Attributes:
        prompts: texts or ids of tokens.
        echo: begin each choice with its prompt.
    """

    prompts: tuple[Prompt, ...]
    echo: bool


@dataclass(frozen=True, kw_only=True)
class ChatRequest(ServeRequest):
    """Reply to the last of some messages, or continue it if it is the assistant's."""

    messages: tuple[Message, ...]


def parse_json_body(body: bytes) -> JsonObject:
    """The JSON object of a request.

    Raises:
        RequestError: the body is not a JSON object.
    """

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(body.decode("utf-8"), parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RequestError(f"The body is not JSON: {reason}.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise RequestError("The body is not a JSON object.", code="invalid_json")
    return value


def parse_completion(body: Mapping[str, Any]) -> CompletionRequest:
    """A request to continue prompts.

    Raises:
        RequestError: a field is wrong or not supported.
    """
    _refuse_unsupported(body, COMPLETION_UNSUPPORTED)
    prompts = _parse_prompts(body.get("prompt"))
    common = _parse_common(body, _integer(body, "max_tokens", 0, MAX_TOKENS, DEFAULT_MAX_TOKENS))
    best_of = _integer(body, "best_of", 1, MAX_CHOICES, common["count"])
    if best_of != common["count"]:
        _refuse("best_of", "choosing the best of several choices is not supported; leave it out")
    if len(prompts) * common["count"] > MAX_CHOICES:
        _refuse("n", f"at most {MAX_CHOICES} choices in all, prompts times n")
    echo = _flag(body, "echo")
    if common["max_tokens"] == 0 and not echo:
        _refuse("max_tokens", "must be at least 1 unless echo is true")
    top = _integer(body, "logprobs", 0, MAX_TOP_LOGPROBS, None)
    return CompletionRequest(prompts=prompts, echo=echo, top_logprobs=top, **common)


def parse_chat(body: Mapping[str, Any]) -> ChatRequest:
    """A request to reply to messages.

    Raises:
        RequestError: a field is wrong or not supported.
    """
    _refuse_unsupported(body, CHAT_UNSUPPORTED)
    messages = _parse_messages(body.get("messages"))
    limit = _integer(body, "max_completion_tokens", 1, MAX_TOKENS, None)
    common = _parse_common(body, limit or _integer(body, "max_tokens", 1, MAX_TOKENS, None))
    top = _integer(body, "top_logprobs", 0, MAX_TOP_LOGPROBS, None)
    if _flag(body, "logprobs"):
        top = top or 0
    elif top:
        _refuse("top_logprobs", "needs logprobs: true")
    else:
        top = None
    return ChatRequest(messages=messages, top_logprobs=top, **common)


def _parse_common(body: Mapping[str, Any], max_tokens: int | None) -> dict[str, Any]:
    count = _integer(body, "n", 1, MAX_CHOICES, 1)
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        _refuse("stream_options", "must be an object")
    return {
        "model": _text(body, "model"),
        "sampling": _parse_sampling(body),
        "max_tokens": max_tokens,
        "count": count,
        "is_streamed": _flag(body, "stream"),
        "with_usage": _flag(options or {}, "include_usage"),
        "allow_unknown": _flag(body, "allow_unknown"),
        "client": _text(body, "user")[:MAX_CLIENT_CHARACTERS],
    }


def _parse_sampling(body: Mapping[str, Any]) -> SamplingConfig:
    values: dict[str, Any] = {
        "temperature": DEFAULT_TEMPERATURE,
        "seed": secrets.randbelow(MAX_SEED),
    }
    for name in ("temperature", "top_p", "seed", *OWN_SETTINGS):
        if body.get(name) is not None:
            values[name] = body[name]
    if isinstance(values["seed"], int) and not isinstance(values["seed"], bool):
        values["seed"] %= MAX_SEED + 1  # OpenAI's may be negative
    for name, problem in find_value_problems(SamplingConfig, values).items():
        _refuse(name, problem[: 4 * MAX_SHOWN_CHARACTERS])
    return SamplingConfig(stop=_parse_stops(body.get("stop")), **values)


def _parse_stops(value: Any) -> tuple[str, ...]:
    stops = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        _refuse("stop", "must be a text or a list of texts of at least one character")
    if len(stops) > MAX_STOPS or any(len(stop) > MAX_STOP_CHARACTERS for stop in stops):
        _refuse("stop", f"at most {MAX_STOPS} texts of {MAX_STOP_CHARACTERS:,} characters")
    return tuple(stops)


def _parse_prompts(value: Any) -> tuple[Prompt, ...]:
    """A text, some texts, the ids of a text, or the ids of some texts."""
    if value is None:
        _refuse("prompt", "is required")
    if isinstance(value, str) or _is_ids(value):
        value = [value]
    if not isinstance(value, list) or not value:
        _refuse("prompt", "must be a text, a list of texts, or lists of token ids")
    if len(value) > MAX_PROMPTS:
        _refuse("prompt", f"at most {MAX_PROMPTS} prompts")
    prompts: list[Prompt] = []
    for item in value:
        if isinstance(item, str):
            prompts.append(item)
        elif _is_ids(item):
            prompts.append(tuple(item))
        else:
            _refuse("prompt", "must be a text, a list of texts, or lists of token ids")
    return tuple(prompts)


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(id) is int for id in value)


def _parse_messages(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        _refuse("messages", "must be a list of at least one message")
    items = [_parse_message(number, item) for number, item in enumerate(value, 1)]
    try:
        return parse_messages("messages", items)
    except InputError as error:
        raise to_request_error(error, "messages") from None


def _parse_message(number: int, item: Any) -> JsonObject:
    """A message with a role of ours and its content as one text."""
    if not isinstance(item, dict):
        _refuse("messages", f"message {number} must be an object with role and content")
    role, content = item.get("role"), item.get("content")
    if not isinstance(role, str) or role not in ROLES:
        _refuse(
            "messages",
            f"message {number}: the role is {_shown(role)}; supported: {', '.join(ROLES)}",
        )
    if item.get("tool_calls") or item.get("function_call"):
        _refuse("messages", f"message {number}: tool calls are not supported")
    if isinstance(content, list):
        content = "".join(_parse_part(number, part) for part in content)
    return {"role": ROLES[role], "content": content}


def _parse_part(number: int, part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get("text") if isinstance(part, dict) else None
    if kind != TEXT_PART or not isinstance(text, str):
        _refuse("messages", f"message {number}: only parts of type text are supported")
    return text


def _is_off(value: Any) -> bool:
    return value in (None, False, 0, "", [], {})


def _is_text_format(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and value.get("type") == "text")


# Fields that are not supported, each with a test for the values that change nothing.
UNSUPPORTED: Mapping[str, Callable[[Any], bool]] = {
    "logit_bias": _is_off,
    "presence_penalty": _is_off,
    "frequency_penalty": _is_off,
    "guided_json": _is_off,
    "guided_regex": _is_off,
    "guided_choice": _is_off,
    "guided_grammar": _is_off,
    "grammar": _is_off,
    "json_schema": _is_off,
    "response_format": _is_text_format,
}
COMPLETION_UNSUPPORTED = {**UNSUPPORTED, "suffix": _is_off}
CHAT_UNSUPPORTED = {
    **UNSUPPORTED,
    "tools": _is_off,
    "tool_choice": lambda value: value in (None, "none", "auto"),
    "functions": _is_off,
    "function_call": lambda value: value in (None, "none", "auto"),
    "modalities": lambda value: value in (None, ["text"]),
    "audio": _is_off,
    "prediction": _is_off,
    "web_search_options": lambda value: value is None,
}


def _refuse_unsupported(
    body: Mapping[str, Any], unsupported: Mapping[str, Callable[[Any], bool]]
) -> None:
    for name, changes_nothing in unsupported.items():
        if name in body and not changes_nothing(body[name]):
            message = f"{name} is not supported by this server; leave it out."
            raise RequestError(message, param=name, code="unsupported_parameter")


def _refuse(name: str, problem: str) -> NoReturn:
    raise RequestError(f"{name}: {problem}.", param=name, code="invalid_value")


def _shown(value: Any) -> str:
    """A wrong value for a message, clipped."""
    shown = repr(value)
    is_cut = len(shown) > MAX_SHOWN_CHARACTERS
    return f"{shown[:MAX_SHOWN_CHARACTERS]}…" if is_cut else shown


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        _refuse(name, f"must be a text, is {_shown(value)}")
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        _refuse(name, f"must be true or false, is {_shown(value)}")
    return value


def _integer(
    body: Mapping[str, Any], name: str, minimum: int, maximum: int, default: int | None
) -> int | None:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(name, f"must be a whole number, is {_shown(value)}")
    if not minimum <= value <= maximum:
        _refuse(name, f"must be from {minimum} to {maximum:,}")
    return value
