"""What can be asked, and that nothing else is taken for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.errors import InputError, SettingsError
from core.server import protocol
from core.server.protocol import CancelRequest, GenerateRequest, LoadRequest, StepRequest
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.unknown_words import unknown_word_error


def test_fields_that_are_left_out_have_their_defaults() -> None:
    assert protocol.parse_request("load", {"run": "lang"}) == LoadRequest(
        run="lang", weights="last", device="auto"
    )
    assert protocol.parse_request("cancel", {"target": "a"}) == CancelRequest(target="a")
    assert protocol.parse_request("step", {"session": "s1", "pick": 5}) == StepRequest(
        session="s1", pick=5
    )


@pytest.mark.parametrize(
    ("op", "fields", "said"),
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
def test_a_question_that_is_wrong_is_refused_by_the_field(op: Any, fields: Any, said: str) -> None:
    """A field that is accepted and ignored; a bug's traceback for somebody's slip."""
    with pytest.raises(InputError, match=said):
        protocol.parse_request(op, fields)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.sampled_from(sorted(protocol.OPERATIONS)), st.data())
def test_whatever_stands_in_the_fields_there_is_an_object_or_an_error(op: str, data: Any) -> None:
    names = st.sampled_from(list(protocol.OPERATIONS[op].__dataclass_fields__))
    fields = data.draw(st.dictionaries(names, VALUES))
    try:
        found = protocol.parse_request(op, fields)
    except InputError:
        return
    assert type(found) is protocol.OPERATIONS[op]


@pytest.mark.parametrize("settings", [{"stop": "ab"}, {"stop": 1}, {"heat": 1}, {"top_p": 2.0}])
def test_settings_out_of_their_limits_are_named(settings: dict[str, Any]) -> None:
    """A stop text taken for its letters."""
    with pytest.raises(SettingsError) as caught:
        protocol.parse_request("generate", {"settings": settings})
    assert list(protocol.error_to_json(caught.value)["problems"]) == list(settings)
    request = protocol.parse_request("generate", {"settings": {"stop": ["ab"]}})
    assert isinstance(request, GenerateRequest)
    assert request.settings.stop == ("ab",)


def test_unknown_words_are_said_one_by_one() -> None:
    tokenizer = Tokenizer.train("word", ["the cat sat"])
    said = protocol.error_to_json(unknown_word_error(tokenizer, "the caat xyzzy"))
    assert said["unknown"] == ["caat", "xyzzy"]
    assert said["nearest"] == {"caat": ["cat", "sat"], "xyzzy": []}
    assert json.loads(json.dumps(said)) == said


def test_the_question_of_every_operation_says_what_it_is() -> None:
    assert all(kind.__doc__ for kind in protocol.OPERATIONS.values())
    assert GenerateRequest().settings == SamplingConfig()
