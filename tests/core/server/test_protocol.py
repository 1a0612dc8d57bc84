"""Parsing of requests, and messages to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.errors import InputError, SettingsError
from core.server import codec, protocol
from core.server.protocol import (
    CancelRequest,
    FindRequest,
    ForkRequest,
    GenerateRequest,
    LoadRequest,
    OriginRequest,
    ProbeRequest,
    Request,
    StepRequest,
)
from core.server.replies import (
    CancelReply,
    FindReply,
    ForkBatch,
    GenerateBatch,
    GenerateReply,
    OriginPlace,
    OriginReply,
    OriginSpan,
    ProbeReply,
)
from core.server.tokens import (
    Alternative,
    CandidateToken,
    CorpusCount,
    ReplyToken,
    TokenProbability,
)
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.unknown_words import UnknownWordError


def test_missing_fields_have_their_defaults() -> None:
    assert protocol.parse_request("load", {"run": "lang"}) == LoadRequest(
        run="lang", weights="last", device="auto"
    )
    assert protocol.parse_request("cancel", {"target": "a"}) == CancelRequest(target="a")
    assert protocol.parse_request("step", {"session": "s1", "pick": 5}) == StepRequest(
        session="s1", pick=5
    )


@pytest.mark.parametrize(
    ("op", "fields", "text"),
    [
        ("laod", {}, "laod"),
        (None, {}, "None"),
        (["load"], {}, "load"),
        ("generate", {"promt": "a"}, "prompt"),
        ("generate", {"prompt": 5}, "prompt"),
        ("generate", {"top": "3"}, "top"),
        ("generate", {"top": True}, "top"),
        ("generate", {"settings": []}, "settings"),
        ("step", {"pick": 1.5}, "pick"),
        ("fork", {"session": "s1", "first_tokens": [1, "2"]}, "first_tokens"),
        ("cut", {"session": "s1"}, "length"),
        ("score", {}, "text"),
        ("cancel", {}, "target"),
        ("probe", {"timed": 1}, "timed"),
    ],
)
def test_a_request_with_an_invalid_field_is_refused_by_name(
    op: Any, fields: Any, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        protocol.parse_request(op, fields)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.sampled_from(sorted(protocol.OPERATIONS)), st.data())
def test_any_fields_give_a_request_or_an_input_error(op: str, data: Any) -> None:
    names = st.sampled_from(list(protocol.OPERATIONS[op].__dataclass_fields__))
    fields = data.draw(st.dictionaries(names, VALUES))
    try:
        reply = protocol.parse_request(op, fields)
    except InputError:
        return
    assert type(reply) is protocol.OPERATIONS[op]


@pytest.mark.parametrize("settings", [{"stop": "ab"}, {"stop": 1}, {"heat": 1}, {"top_p": 2.0}])
def test_settings_out_of_their_limits_are_named(settings: dict[str, Any]) -> None:
    """A stop text is not taken for a list of its letters."""
    with pytest.raises(SettingsError) as caught:
        protocol.parse_request("generate", {"settings": settings})
    assert list(protocol.error_to_json(caught.value)["problems"]) == list(settings)
    request = protocol.parse_request("generate", {"settings": {"stop": ["ab"]}})
    assert isinstance(request, GenerateRequest)
    assert request.settings.stop == ("ab",)


def test_an_error_lists_unknown_words_with_the_nearest_known_ones() -> None:
    tokenizer = Tokenizer.train("word", ["the cat sat"])
    with pytest.raises(UnknownWordError) as caught:
        tokenizer.encode_prompt("the caat xyzzy")
    message = protocol.error_to_json(caught.value)
    assert message["unknown"] == ["caat", "xyzzy"]
    assert message["nearest"] == {"caat": ["cat"], "xyzzy": []}
    assert json.loads(json.dumps(message)) == message


@pytest.mark.parametrize("request_type", protocol.OPERATIONS.values())
def test_no_field_of_a_reply_has_a_name_of_the_envelope(request_type: Any) -> None:
    """Detects progress that the client takes for the last reply, as it has a field `done`."""
    reply, batch = protocol.reply_types(request_type)
    for kind in (reply, batch):
        fields = {field.name for field in dataclasses.fields(kind)} if kind is not Never else set()
        assert not fields & {"id", "op", "done", "error", "cancelled"}


def test_every_operation_is_documented() -> None:
    assert all(kind.__doc__ for kind in protocol.OPERATIONS.values())
    assert GenerateRequest().settings == SamplingConfig()


REQUESTS = [
    LoadRequest(run="lang", weights="best"),
    GenerateRequest(prompt="a", settings=SamplingConfig(temperature=1.5, stop=("b", "c"))),
    StepRequest(session="s1", pick=5),
    ProbeRequest(train=TrainConfig(steps=5), model={"vocab_size": 9}),
    ProbeRequest(train=TrainConfig(), parent=ModelConfig(layers=3)),
    ProbeRequest(
        train=TrainConfig(steps=5),
        tokens=TokenFacts(
            reading="lines",
            vocab_size=9,
            train_tokens=8,
            train_samples=2,
            longest=5,
            line_lengths=[[3, 1], [5, 1]],
        ),
    ),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_request_survives_the_pipe(request_: Request[Any, Any]) -> None:
    fields = json.loads(json.dumps(protocol.request_to_json(request_)))
    assert protocol.parse_request(fields.pop("op"), fields) == request_


CANDIDATE = CandidateToken(
    id=4, text=" a", rank=1, probability=0.5, chance=1.0, removed=None, corpus=CorpusCount(1, 2, 3)
)
SPAN = OriginSpan(
    begin=0,
    end=5,
    from_=1,
    to=9,
    count=1,
    at_least=False,
    places=[OriginPlace(file="a.txt", line=1, offset=0, before="", text="a b", after="")],
)
MESSAGES: list[tuple[Request[Any, Any], Any, bool]] = [
    (CancelRequest(target=1), CancelReply(target=1, active=False), True),
    (
        GenerateRequest(top=1),
        GenerateBatch(
            tokens=[
                ReplyToken(4, " a", 0.5, [Alternative(4, " a", 0.5, 1.0)]),
                ReplyToken(2, "", 1.0),
            ],
            window_start=0,
            count=2,
            seconds=0.1,
        ),
        False,
    ),
    (GenerateRequest(), GenerateReply(reason="end"), True),
    (
        FindRequest(session="s1", text="a"),
        FindReply(session="s1", matches=1, tokens=[CANDIDATE]),
        True,
    ),
    (
        ForkRequest(ids=[4]),
        ForkBatch(rows=[[TokenProbability(4, " a", 0.5)], []]),
        False,
    ),
    (
        OriginRequest(run="lang", text="a b"),
        OriginReply(
            text="a b",
            tokens=5,
            copied=5,
            share=1.0,
            longest=5,
            bigrams=4,
            new_bigrams=0,
            spans=[SPAN],
            encoding="utf-8",
            errors="strict",
            notes=[],
        ),
        True,
    ),
    (
        ProbeRequest(),
        ProbeReply(devices=[DeviceFacts(device="cpu", name="CPU", free_memory=9, threads=1)]),
        True,
    ),
]


@pytest.mark.parametrize(
    ("request_", "message", "done"), MESSAGES, ids=lambda value: type(value).__name__
)
def test_a_reply_survives_the_pipe(request_: Request[Any, Any], message: Any, done: bool) -> None:
    """Named tuples as arrays, dataclasses as objects, one inside the other."""
    line = json.dumps(codec.fields_to_json(message), default=codec.fields_to_json)
    assert json.loads(line) == json.loads(json.dumps(codec.to_json(message)))
    fields = json.loads(line) | ({"done": True} if done else {})
    assert protocol.reply_from_json(request_, {"id": 1, **fields}) == message


def test_the_json_of_a_span_has_the_keys_from_and_to() -> None:
    assert {"from": 1, "to": 9}.items() <= codec.to_json(SPAN).items()


def test_a_reply_without_a_field_is_refused() -> None:
    with pytest.raises(TypeError, match="active"):
        protocol.reply_from_json(CancelRequest(target=1), {"target": 1, "done": True})
