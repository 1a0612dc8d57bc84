"""The server with OpenAI's own client: same text as `generate`, streams, log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from core.config.configs import SamplingConfig
from core.inference.generate import generate
from core.inference.load import LoadedModel, prompt_ids
from core.inference.session import Session
from core.serve.models import ServedModel
from core.text.messages import Message
from tests.support.served import Server, served_models, serving

PROMPTS = {"words": "the cat", "chars": "the c", "bytes": "the cat s"}
HELLO: list[Any] = [{"role": "user", "content": "the cat"}]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ServedModel]:
    return served_models(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def server(models: list[ServedModel]) -> Iterator[Server]:
    with serving(models, token="key") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, api_key="key", max_retries=0, timeout=60) as client:
        yield client


def loaded(models: list[ServedModel], name: str) -> LoadedModel:
    return next(model.loaded for model in models if model.name == name)


def generated(model: LoadedModel, ids: list[int], **settings: Any) -> str:
    """What `minigpt-tui generate` prints."""
    session = Session(model.model, keep_first=model.keep_first)
    tokens = generate(session, ids, model.tokenizer, SamplingConfig(**settings))
    return "".join(token.text for token in tokens)


@pytest.mark.parametrize("name", list(PROMPTS))
def test_greedy_text_is_that_of_generate(
    client: openai.OpenAI, models: list[ServedModel], name: str
) -> None:
    model = loaded(models, name)
    ids = prompt_ids(model.tokenizer, model.reading, PROMPTS[name])
    reply = client.completions.create(
        model=name, prompt=PROMPTS[name], temperature=0, max_tokens=24
    )
    assert reply.choices[0].text == generated(model, ids, max_tokens=24)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(ids), 24)
    by_ids = client.completions.create(model=name, prompt=ids, temperature=0, max_tokens=24)
    assert by_ids.choices[0].text == reply.choices[0].text


def test_a_reply_is_that_of_generate_until_the_context_is_full(
    client: openai.OpenAI, models: list[ServedModel]
) -> None:
    model = loaded(models, "talk")
    ids = model.encode_messages([Message("user", "the cat")]).ids
    reply = client.chat.completions.create(model="talk", messages=HELLO, temperature=0)
    expected = generated(model, ids, max_tokens=64 - len(ids))
    assert reply.choices[0].message.content == expected
    assert reply.usage is not None
    assert reply.usage.total_tokens == 64


@pytest.mark.parametrize("name", list(PROMPTS))
def test_a_stream_has_the_text_the_end_and_the_counts(client: openai.OpenAI, name: str) -> None:
    wish: dict[str, Any] = {
        "model": name, "prompt": PROMPTS[name], "temperature": 0.9, "seed": 5, "max_tokens": 20,
        "logprobs": 2,
    }  # fmt: skip
    whole = client.completions.create(**wish)
    chunks = list(
        client.completions.create(**wish, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.choices[0].text
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    streamed = [
        value
        for chunk in chunks[:-1]
        if chunk.choices[0].logprobs
        for value in chunk.choices[0].logprobs.token_logprobs or []
    ]
    assert whole.choices[0].logprobs is not None
    assert streamed == whole.choices[0].logprobs.token_logprobs


def test_a_streamed_reply_says_first_who_speaks(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "talk", "messages": HELLO, "temperature": 0, "n": 2}
    whole = client.chat.completions.create(**wish)
    chunks = list(client.chat.completions.create(**wish, stream=True))
    assert [chunk.choices[0].delta.role for chunk in chunks[:3]] == ["assistant", "assistant", None]
    for index, choice in enumerate(whole.choices):
        parts = [
            each.delta.content or ""
            for chunk in chunks
            for each in chunk.choices
            if each.index == index
        ]
        assert "".join(parts) == choice.message.content
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


@pytest.mark.parametrize("name", list(PROMPTS))
def test_log_probabilities_sum_to_that_of_the_text(
    client: openai.OpenAI, models: list[ServedModel], name: str
) -> None:
    model = loaded(models, name)
    reply = client.completions.create(
        model=name, prompt=PROMPTS[name], temperature=1, seed=3, max_tokens=10, logprobs=3
    )
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert logprobs.token_logprobs is not None
    assert logprobs.top_logprobs is not None
    ids = prompt_ids(model.tokenizer, model.reading, PROMPTS[name])
    tokens = list(
        generate(
            Session(model.model, keep_first=model.keep_first),
            ids,
            model.tokenizer,
            SamplingConfig(temperature=1.0, seed=3, max_tokens=10),
        )
    )
    session = Session(model.model, keep_first=model.keep_first)
    session.extend(ids)
    scores = session.score([token.id for token in tokens])
    assert sum(logprobs.token_logprobs) == pytest.approx(float(scores.sum()), rel=1e-4)
    assert "".join(logprobs.tokens) == reply.choices[0].text
    for token, value, top in zip(
        logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, strict=True
    ):
        assert 3 <= len(top) <= 4 or name == "bytes"
        assert top[token] == pytest.approx(value, abs=1e-5) or name == "bytes"
        assert max(top.values()) >= value - 1e-6


def test_chat_log_probabilities_have_bytes_and_alternatives(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="talk", messages=HELLO, temperature=0, logprobs=True, top_logprobs=2, max_tokens=5
    )
    choice = reply.choices[0]
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    content = choice.logprobs.content
    assert len(content) == 5
    assert b"".join(bytes(token.bytes or []) for token in content).decode() == (
        choice.message.content
    )
    for token in content:
        assert len(token.top_logprobs) == 2
        assert token.top_logprobs[0].logprob >= token.top_logprobs[1].logprob


@pytest.mark.parametrize("name", list(PROMPTS))
def test_an_echo_begins_with_the_prompt_and_scores_it(
    client: openai.OpenAI, models: list[ServedModel], name: str
) -> None:
    """What evaluation harnesses ask for: the log-probability of a given text, and whether it is
    what the model would say."""
    model, prompt = loaded(models, name), PROMPTS[name]
    reply = client.completions.create(
        model=name, prompt=prompt, max_tokens=0, echo=True, logprobs=1
    )
    choice = reply.choices[0]
    assert choice.text == prompt
    assert choice.finish_reason == "length"
    assert choice.logprobs is not None
    assert choice.logprobs.token_logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == prompt
    ids = prompt_ids(model.tokenizer, model.reading, prompt)
    scores = Session(model.model, keep_first=model.keep_first).score(ids)
    values = [value for value in choice.logprobs.token_logprobs if value is not None]
    assert values == pytest.approx(scores.tolist(), rel=1e-3, abs=1e-4)


def test_an_echo_goes_on_with_the_continuation(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "words", "prompt": "the cat", "temperature": 0}
    plain = client.completions.create(**wish, logprobs=0)
    echo = client.completions.create(**wish, logprobs=0, echo=True)
    assert echo.choices[0].text == "the cat" + plain.choices[0].text
    assert plain.choices[0].logprobs is not None
    assert echo.choices[0].logprobs is not None
    assert (echo.choices[0].logprobs.token_logprobs or [])[2:] == (
        plain.choices[0].logprobs.token_logprobs
    )
    text, offsets = echo.choices[0].text, echo.choices[0].logprobs.text_offset or []
    tokens = echo.choices[0].logprobs.tokens or []
    assert all(
        text[offset : offset + len(token)] == token
        for offset, token in zip(offsets, tokens, strict=True)
    )


@pytest.mark.parametrize("name", list(PROMPTS))
def test_a_stop_text_ends_a_choice_and_is_not_part_of_it(client: openai.OpenAI, name: str) -> None:
    wish: dict[str, Any] = {
        "model": name, "prompt": PROMPTS[name], "temperature": 1, "seed": 1, "max_tokens": 20,
        "logprobs": 0,
    }  # fmt: skip
    text = client.completions.create(**wish).choices[0].text
    stop = text[6:9]
    for stream in (False, True):
        if stream:
            chunks = list(client.completions.create(**wish, stop=[stop, "never"], stream=True))
            shown = "".join(chunk.choices[0].text for chunk in chunks)
            reason = chunks[-1].choices[0].finish_reason
        else:
            reply = client.completions.create(**wish, stop=[stop, "never"])
            shown, reason = reply.choices[0].text, reply.choices[0].finish_reason
            assert reply.choices[0].logprobs is not None
            tokens = "".join(reply.choices[0].logprobs.tokens or [])
            assert tokens.startswith(shown)
        assert shown == text[: text.index(stop)]
        assert reason == "stop"


def test_several_choices_differ_and_their_seeds_count_up(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "words", "prompt": "the", "temperature": 1, "max_tokens": 8}
    several = client.completions.create(**wish, seed=10, n=3)
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    texts = [choice.text for choice in several.choices]
    one_each = [client.completions.create(**wish, seed=10 + n).choices[0].text for n in range(3)]
    assert texts == one_each
    assert len(set(texts)) > 1
    assert several.usage is not None
    assert several.usage.completion_tokens == 24
    again = client.completions.create(**wish, seed=10, n=3)
    assert [choice.text for choice in again.choices] == texts


def test_several_prompts_have_choices_of_their_own(client: openai.OpenAI) -> None:
    reply = client.completions.create(
        model="words", prompt=["the cat", "a bird"], temperature=0, n=2, max_tokens=3, echo=True
    )
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    assert [choice.text[:6] for choice in reply.choices] == ["the ca"] * 2 + ["a bird"] * 2


def test_without_a_seed_replies_differ(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "words", "prompt": "the", "temperature": 1, "max_tokens": 30}
    assert len({client.completions.create(**wish).choices[0].text for _ in range(3)}) > 1


def test_top_p_keeps_only_the_likeliest(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "words", "prompt": "the", "max_tokens": 8}
    greedy = client.completions.create(**wish, temperature=0)
    narrow = client.completions.create(**wish, temperature=1, top_p=1e-6)
    assert narrow.choices[0].text == greedy.choices[0].text


def test_errors_have_the_classes_of_the_client(client: openai.OpenAI, server: Server) -> None:
    with pytest.raises(openai.NotFoundError, match="There is no model"):
        client.completions.create(model="none", prompt="a")
    with pytest.raises(openai.BadRequestError, match="tools is not supported") as error:
        client.chat.completions.create(
            model="talk",
            messages=HELLO,
            tools=[{"type": "function", "function": {"name": "f"}}],
        )
    assert error.value.param == "tools"
    assert error.value.code == "unsupported_parameter"
    other = openai.OpenAI(base_url=server.url, api_key="wrong", max_retries=0)
    with other, pytest.raises(openai.AuthenticationError):
        other.models.list()


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["words", "chars", "bytes", "talk"]
    assert client.models.retrieve("talk").owned_by == "minigpt-tui"


def test_a_message_begun_by_the_assistant_is_continued(
    client: openai.OpenAI, models: list[ServedModel]
) -> None:
    begun = [*HELLO, {"role": "assistant", "content": "the dog"}]
    reply = client.chat.completions.create(
        model="talk", messages=begun, temperature=0, max_tokens=4
    )
    model = loaded(models, "talk")
    ids = model.encode_messages([Message("user", "the cat"), Message("assistant", "the dog")]).ids
    assert reply.choices[0].message.content == generated(model, ids, max_tokens=4)
    assert math.isfinite(reply.created)
