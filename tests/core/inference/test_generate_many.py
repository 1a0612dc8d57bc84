"""Continuations side by side: each is the one that generating it alone would have made."""

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
def test_each_is_what_its_seed_gives_alone(architecture: str, settings: dict[str, object]) -> None:
    """Rows that share a generator, a stop text, or what they have said so far."""
    tokenizer = Tokenizer.train("char", ["abcdefgh 12345678"])
    shape = dataclasses.replace(tiny(architecture).config, vocab_size=tokenizer.vocab_size)
    model = factory.build_model(ModelConfig(**dataclasses.asdict(shape)), seed=1).eval()
    config = SamplingConfig(temperature=1.5, max_tokens=12, seed=7, **settings)  # type: ignore[arg-type]
    prompt = [SOS, *tokenizer.encode("ab")]
    session = Session(model, keep_first=1)
    found = generate_many(session, prompt, tokenizer, config, 5)
    assert list(session.ids) == prompt
    for number, one in enumerate(found):
        alone = dataclasses.replace(config, seed=7 + number)
        steps = list(generate(Session(model, keep_first=1), prompt, tokenizer, alone))
        assert one.ids == [step.id for step in steps]
        assert one.text == "".join(step.text for step in steps)
        assert one.ended == steps[-1].ended
    assert len({tuple(one.ids) for one in found}) > 1
    assert all(EOS not in one.ids[:-1] for one in found)
