"""Several continuations in one batch."""

from __future__ import annotations

import dataclasses

import pytest

from core.config.configs import ModelConfig, SamplingConfig
from core.inference.generate import generate, generate_many
from core.inference.session import Session
from core.model import factory
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.sessions import architectures, tiny


@architectures
@pytest.mark.parametrize("settings", [{}, {"stop": ("c",)}, {"repetition_penalty": 1.3}])
def test_each_row_equals_generating_it_alone(
    architecture: str, settings: dict[str, object]
) -> None:
    """Rows share neither generator, stop filter nor previous tokens."""
    tokenizer = Tokenizer.train("char", ["abcdefgh 12345678"])
    shape = dataclasses.replace(tiny(architecture).config, vocab_size=tokenizer.vocab_size)
    model = factory.build_model(ModelConfig(**dataclasses.asdict(shape)), seed=1).eval()
    config = SamplingConfig(temperature=1.5, max_tokens=12, seed=7, **settings)  # type: ignore[arg-type]
    prompt = [SOS, *tokenizer.encode("ab")]
    session = Session(model, keep_first=1)
    replies = generate_many(session, prompt, tokenizer, config, 5)
    assert list(session.ids) == prompt
    for number, tokens in enumerate(replies):
        alone = dataclasses.replace(config, seed=7 + number)
        expected = list(generate(Session(model, keep_first=1), prompt, tokenizer, alone))
        assert [(token.id, token.text) for token in tokens] == [(e.id, e.text) for e in expected]
        assert [token.end_reason for token in tokens] == [e.end_reason for e in expected]
        assert [token.probability for token in tokens] == pytest.approx(
            [e.probability for e in expected], rel=1e-4
        )
    assert len({tuple(token.id for token in tokens) for tokens in replies}) > 1
    assert all(token.id != EOS for tokens in replies for token in tokens[:-1])
