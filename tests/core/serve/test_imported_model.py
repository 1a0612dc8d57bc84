"""A server of imported models: the same text as `generate`, with their own ends and beginnings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from core.config.configs import SamplingConfig
from core.importing.model import import_model, read_foreign_model
from core.inference.generate import generate
from core.inference.session import Session
from core.paths import Home
from core.serve.models import ServedModel, load_models
from tests.support.foreign_models import blank_tokenizer, byte_level_tokenizer, make_foreign_model
from tests.support.served import serving

CASES = {"llama": blank_tokenizer, "gpt2": byte_level_tokenizer}
PROMPT = "The quick fox"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ServedModel]:
    folder: Path = tmp_path_factory.mktemp("served")
    home = Home(root=folder / "home", cache=folder / "cache")
    for layout, tokenizer in CASES.items():
        make_foreign_model(folder / layout, layout, tokenizer)
        import_model(home, read_foreign_model(folder / layout), name=layout)
    return load_models(home, list(CASES))


@pytest.fixture(scope="module")
def client(models: list[ServedModel]) -> Iterator[openai.OpenAI]:
    with (
        serving(models) as server,
        openai.OpenAI(base_url=server.url, api_key="any", max_retries=0, timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {"temperature": 1.0, "seed": 3}], ids=str
)
def test_its_text_is_that_of_generate(
    name: str, settings: dict[str, Any], client: openai.OpenAI, models: list[ServedModel]
) -> None:
    loaded = next(model.loaded for model in models if model.name == name)
    ids = loaded.encode(PROMPT)
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(max_tokens=60, **settings)
    tokens = list(generate(session, ids, loaded.tokenizer, config))
    reply = client.completions.create(model=name, prompt=PROMPT, max_tokens=60, **settings)
    assert reply.choices[0].text == "".join(token.text for token in tokens)
    ended = tokens[-1].end_reason == "end"
    assert reply.choices[0].finish_reason == ("stop" if ended else "length")
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == len(ids)
    assert reply.usage.completion_tokens == len(tokens) - ended
    chunks = client.completions.create(
        model=name, prompt=PROMPT, max_tokens=60, stream=True, **settings
    )
    assert "".join(chunk.choices[0].text for chunk in chunks) == reply.choices[0].text


@pytest.mark.parametrize("name", list(CASES))
def test_log_probabilities_are_those_of_its_tokens(
    name: str, client: openai.OpenAI, models: list[ServedModel]
) -> None:
    loaded = next(model.loaded for model in models if model.name == name)
    ids = loaded.encode(PROMPT)
    reply = client.completions.create(
        model=name, prompt=PROMPT, max_tokens=0, echo=True, logprobs=1
    )
    choice = reply.choices[0]
    assert choice.text == PROMPT
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == PROMPT
    scores = Session(loaded.model, keep_first=loaded.keep_first).score(ids)
    values = [value for value in choice.logprobs.token_logprobs or [] if value is not None]
    assert values == pytest.approx(scores.tolist(), rel=1e-3, abs=1e-4)


def test_it_does_not_converse(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="llama", messages=[{"role": "user", "content": "hi"}])
