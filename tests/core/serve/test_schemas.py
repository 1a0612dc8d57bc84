"""Requests as objects: defaults, bounds, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.serve.errors import RequestError
from core.serve.schemas import (
    DEFAULT_MAX_TOKENS,
    MAX_CHOICES,
    MAX_PROMPTS,
    MAX_TOKENS,
    ChatRequest,
    CompletionRequest,
    parse_chat,
    parse_completion,
    parse_json_body,
)
from core.text.messages import Message

HELLO = [{"role": "user", "content": "hello"}]


def completion(**fields: Any) -> CompletionRequest:
    return parse_completion({"prompt": "a", **fields})


def chat(**fields: Any) -> ChatRequest:
    return parse_chat({"messages": HELLO, **fields})


def test_the_defaults_are_those_of_the_api() -> None:
    request = completion()
    assert request.sampling.temperature == 1.0
    assert request.sampling.top_p == 1.0
    assert request.max_tokens == DEFAULT_MAX_TOKENS
    assert (request.count, request.top_logprobs, request.echo) == (1, None, False)
    assert (request.is_streamed, request.model, request.client) == (False, "", "")
    assert chat().max_tokens is None
    assert completion().sampling.seed != completion().sampling.seed


def test_null_is_the_default() -> None:
    names = ("temperature", "top_p", "stop", "n", "stream", "logprobs", "user", "max_tokens")
    assert completion(**dict.fromkeys(names)).sampling.temperature == 1.0


def test_sampling_settings_are_passed_on() -> None:
    values = {"temperature": 0.5, "top_p": 0.9, "top_k": 3, "min_p": 0.1, "seed": 7}
    request = completion(stop=["x", "yz"], repetition_penalty=1.2, **values)
    assert request.sampling == SamplingConfig(stop=("x", "yz"), repetition_penalty=1.2, **values)
    assert completion(stop="x").sampling.stop == ("x",)
    assert completion(seed=-1).sampling.seed == completion(seed=-1).sampling.seed >= 0


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([3, 4], ((3, 4),)),
        ([[3, 4], [5]], ((3, 4), (5,))),
        ("", ("",)),
    ],
)
def test_a_prompt_is_text_or_ids_or_several(prompt: Any, prompts: Any) -> None:
    assert completion(prompt=prompt).prompts == prompts


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [1.5]}, "prompt"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"prompt": ["a"] * (MAX_PROMPTS + 1)}, "prompt"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"stop": ""}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": 1}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": MAX_TOKENS + 1}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": MAX_CHOICES + 1}, "n"),
        ({"n": MAX_CHOICES, "prompt": ["a", "b"]}, "n"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"echo": "yes"}, "echo"),
        ({"stream": 1}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"model": 3}, "model"),
        ({"user": 3}, "user"),
        ({"best_of": 3}, "best_of"),
        ({"suffix": "end"}, "suffix"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"frequency_penalty": -1}, "frequency_penalty"),
    ],
)
def test_a_wrong_or_unsupported_field_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as error:
        completion(**fields)
    assert error.value.status == 400
    assert error.value.param == param
    assert error.value.message.startswith(param)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function"}]},
        {"tool_choice": "required"},
        {"functions": [{}]},
        {"response_format": {"type": "json_object"}},
        {"response_format": "json"},
        {"modalities": ["text", "audio"]},
        {"logprobs": False, "top_logprobs": 2},
        {"messages": []},
        {"messages": "hello"},
        {"messages": [7]},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [*HELLO, *HELLO]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "assistant", "content": "x", "tool_calls": [{}]}]},
    ],
)
def test_a_chat_request_that_cannot_be_honoured_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as error:
        chat(**fields)
    assert error.value.status == 400
    assert error.value.param in {*fields, "top_logprobs"}


def test_fields_that_change_nothing_are_accepted() -> None:
    ignored = {"service_tier": "auto", "metadata": {}, "store": True, "x_own": [1]}
    off = {"tools": [], "tool_choice": "none", "logit_bias": {}, "presence_penalty": 0}
    request = chat(response_format={"type": "text"}, modalities=["text"], **ignored, **off)
    assert request.messages == (Message("user", "hello"),)


def test_roles_and_parts_become_messages() -> None:
    parts = [{"type": "text", "text": "good "}, {"type": "text", "text": "day"}]
    request = chat(
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": parts, "name": "Ann"},
        ]
    )
    assert request.messages == (Message("system", "be brief"), Message("user", "good day"))


def test_logprobs_of_a_chat_need_their_flag() -> None:
    assert chat(logprobs=True).top_logprobs == 0
    assert chat(logprobs=True, top_logprobs=3).top_logprobs == 3
    assert chat(logprobs=False, top_logprobs=0).top_logprobs is None


def test_the_newer_name_of_the_limit_takes_precedence() -> None:
    assert chat(max_completion_tokens=5, max_tokens=9).max_tokens == 5


def test_an_echo_alone_may_generate_nothing() -> None:
    assert completion(max_tokens=0, echo=True).max_tokens == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
    ],
    ids=["empty", "cut", "list", "number", "not UTF-8", "NaN", "deep", "digits"],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError, match="The body is not") as error:
        parse_json_body(body)
    assert (error.value.status, error.value.code) == (400, "invalid_json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["prompt", "messages", "model", "max_tokens", "temperature", "top_p", "n", "stop", "seed",
     "stream", "stream_options", "logprobs", "top_logprobs", "echo", "user", "tools", "top_k",
     "response_format", "logit_bias", "max_completion_tokens", "best_of", "repetition_penalty"]
)  # fmt: skip


@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_any_json_is_a_request_or_refused_in_words(fields: dict[str, Any]) -> None:
    for parse, text in ((parse_completion, "prompt"), (parse_chat, "messages")):
        try:
            request = parse({text: "a" if text == "prompt" else HELLO, **fields})
        except RequestError as error:
            assert error.message
            json.dumps(error.to_json()).encode()
        else:
            assert isinstance(request, CompletionRequest | ChatRequest)
