"""Requests with the messages of a conversation, and with words outside the vocabulary."""

from __future__ import annotations

import pytest

from core.config.configs import SamplingConfig
from core.errors import InputError
from core.inference.load import load_model
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.server.protocol import (
    GenerateRequest,
    InsideRequest,
    LoadRequest,
    ScoreAtRequest,
    StepRequest,
    TraceRequest,
)
from core.server.replies import GenerateBatch
from core.text.messages import parse_messages
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.runs import tiny_run

EXCHANGE = [
    {"role": "user", "content": "the cat sat"},
    {"role": "assistant", "content": "on the mat"},
]
ASK = {"role": "user", "content": "a bird"}
CONTEXT = 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("home")
    home = Home(root=root, cache=root / "cache")
    tiny_run(home, "talk", reading="conversations", context=CONTEXT)
    tiny_run(home, "lines")
    return home


@pytest.fixture
def server(home: Home) -> Dispatcher:
    return Dispatcher(home)


def answer(server: Dispatcher, request: object) -> tuple[object, list[int]]:
    """The last reply, and the ids of the batches before it."""
    batches: list[GenerateBatch] = []
    reply = server.answer(1, request, batches.append, lambda: False)  # type: ignore[arg-type]
    return reply, [token.id for batch in batches for token in batch.tokens]


def test_a_model_says_that_it_converses(server: Dispatcher) -> None:
    reply, _ = answer(server, LoadRequest(run="talk"))
    assert (reply.reading, reply.task, reply.labels) == ("conversations", "continue", [])  # type: ignore[attr-defined]


def test_the_reply_follows_the_messages_and_never_has_a_role(
    home: Home, server: Dispatcher
) -> None:
    settings = SamplingConfig(temperature=50.0, max_tokens=20)
    messages = [*EXCHANGE, ASK]
    reply, ids = answer(server, GenerateRequest(run="talk", messages=messages, settings=settings))
    roles = load_model(Run(home.runs / "talk")).tokenizer.roles
    assert roles
    assert not {*ids} & {0, 1, *roles}
    again, same = answer(
        server, GenerateRequest(run="talk", messages=messages, settings=settings, top=3)
    )
    assert (again.text, same) == (reply.text, ids)  # type: ignore[attr-defined]
    _, other = answer(server, GenerateRequest(run="talk", messages=[ASK], settings=settings))
    assert other != ids, "what was said before matters"


def test_a_reply_ends_where_the_context_is_full(server: Dispatcher) -> None:
    settings = SamplingConfig(max_tokens=500)
    reply, ids = answer(server, GenerateRequest(run="talk", messages=[ASK], settings=settings))
    assert reply.used <= CONTEXT  # type: ignore[attr-defined]
    assert reply.reason in ("end", "length")  # type: ignore[attr-defined]
    assert len(ids) <= CONTEXT - 6


@pytest.mark.parametrize(("exchanges", "dropped"), [(0, 0), (1, 0), (3, 1), (9, 7)])
def test_the_oldest_exchanges_are_dropped(server: Dispatcher, exchanges: int, dropped: int) -> None:
    request = GenerateRequest(run="talk", messages=[*EXCHANGE * exchanges, ASK])
    reply, _ = answer(server, request)
    assert reply.dropped == dropped  # type: ignore[attr-defined]


def test_step_look_and_inside_stand_in_a_conversation(home: Home, server: Dispatcher) -> None:
    messages = [*EXCHANGE, ASK]
    due = load_model(Run(home.runs / "talk")).encode_messages(parse_messages("it", messages)).ids
    opened, _ = answer(server, StepRequest(run="talk", messages=messages))
    assert [token.id for token in opened.tokens] == due  # type: ignore[attr-defined]
    looked, _ = answer(server, ScoreAtRequest(run="talk", messages=messages, with_scores=True))
    assert [token.id for token in looked.tokens] == due  # type: ignore[attr-defined]
    assert looked.top == opened.top  # type: ignore[attr-defined]
    inside, _ = answer(server, InsideRequest(run="talk", messages=messages))
    assert [token.id for token in inside.window] == due  # type: ignore[attr-defined]
    traced, _ = answer(server, TraceRequest(run="talk", text="a bird"))
    names = [token.text for token in traced.tokens]  # type: ignore[attr-defined]
    assert names == ["<|user|>", "a", "bird", "<|end|>", "<|assistant|>"]


def test_an_unknown_word_is_refused_or_read_as_unk(server: Dispatcher) -> None:
    for run in ("talk", "lines"):
        with pytest.raises(UnknownWordError, match="zebra"):
            answer(server, GenerateRequest(run=run, prompt="the zebra"))
        reply, _ = answer(server, GenerateRequest(run=run, prompt="the zebra", allow_unknown=True))
        assert reply.tokens > 0  # type: ignore[attr-defined]
        opened, _ = answer(server, StepRequest(run=run, prompt="zebra", allow_unknown=True))
        assert "<unk>" in [token.text for token in opened.tokens]  # type: ignore[attr-defined]


def test_messages_that_cannot_be_answered_are_refused(server: Dispatcher) -> None:
    for request, message in (
        (GenerateRequest(run="talk", messages=[]), "no list"),
        (GenerateRequest(run="talk", prompt="x", messages=[ASK]), "a prompt or messages, not both"),
        (GenerateRequest(run="lines", messages=[ASK]), "continues a text"),
        (GenerateRequest(run="talk", prompt="the cat " * 40), "has 82 tokens"),
        (StepRequest(run="talk", messages=[{"role": "x", "content": "y"}]), "the role is 'x'"),
    ):
        with pytest.raises(InputError, match=message):
            answer(server, request)
