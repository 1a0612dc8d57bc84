"""Generation: where it ends, what it shows and what the session holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from core.config.configs import ModelConfig, SamplingConfig
from core.errors import RunFailedError
from core.inference.generate import END, LENGTH, STOP, GeneratedToken, generate
from core.inference.session import Session
from core.model import factory
from core.model.attention import ForwardPass
from core.model.decoder import Decoder
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer


class Script(Decoder):
    """A model that predicts given ids after the first token, <eos> after the last of them."""

    def __init__(self, script: Sequence[int], vocab_size: int) -> None:
        config = ModelConfig(vocab_size=vocab_size, context=64, layers=1, heads=1, kv_heads=1)
        super().__init__(config)
        self.script, self.read = [*script, EOS], 0
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.eval()

    def layers(self, tokens: Tensor, positions: slice | Tensor, step: ForwardPass) -> Tensor:
        """Return the position in the script as the hidden state, (B, T, 1)."""
        assert isinstance(positions, slice)
        assert step.cache is not None
        step.cache.length = positions.stop
        self.read += tokens.shape[1]
        return torch.arange(positions.start, positions.stop)[None, :, None].double()

    def head(self, hidden: Tensor) -> Tensor:
        """Return logits nearly certain of the next id of the script."""
        message = torch.tensor([self.script[int(place)] for place in hidden.flatten()])
        return 8.0 * torch.nn.functional.one_hot(message, self.config.vocab_size)[None].double()

    def initialise(self, seed: int) -> None:
        """Do nothing: no weight is used."""


@pytest.fixture(scope="module")
def characters() -> Tokenizer:
    return Tokenizer.train("char", ["ab12 汉"])


def _session(tokenizer: Tokenizer, script: str) -> Session:
    return Session(Script(tokenizer.encode(script), tokenizer.vocab_size), keep_first=1)


def _steps(
    tokenizer: Tokenizer, script: str, top: int = 0, **settings: Any
) -> list[GeneratedToken]:
    config = SamplingConfig(**settings)
    return list(generate(_session(tokenizer, script), [SOS], tokenizer, config, top=top))


def _reply(tokenizer: Tokenizer, script: str, **settings: Any) -> tuple[str, str]:
    steps = _steps(tokenizer, script, **settings)
    assert not any(step.end_reason for step in steps[:-1])
    return "".join(step.text for step in steps), steps[-1].end_reason


def test_generation_ends_at_eos(characters: Tokenizer) -> None:
    """<eos> is neither shown nor read."""
    steps = _steps(characters, "abba")
    assert [step.text for step in steps] == ["a", "b", "b", "a", ""]
    assert [step.id for step in steps] == [*characters.encode("abba"), EOS]
    assert steps[-1].end_reason == END


def test_generation_ends_after_max_tokens(characters: Tokenizer) -> None:
    assert _reply(characters, "abba", max_tokens=3) == ("abb", LENGTH)
    assert _reply(characters, "abba", max_tokens=5) == ("abba", END)
    assert len(_steps(characters, "ab" * 30)) == 50


def test_the_session_holds_the_generated_tokens_and_reads_none_in_vain(
    characters: Tokenizer,
) -> None:
    session = _session(characters, "abba")
    list(generate(session, [SOS], characters, SamplingConfig(max_tokens=3)))
    assert session.ids == [SOS, *characters.encode("abb")]
    assert cast(Script, session.model).read == 3
    more = list(generate(session, [], characters, SamplingConfig()))
    assert [step.text for step in more] == ["a", ""]


@pytest.mark.parametrize(
    ("script", "stop", "shown", "ended"),
    [
        ("ab12ab", ("12",), "ab", STOP),
        ("a112b", ("12",), "a1", STOP),
        ("ab", ("b2",), "ab", END),
        ("ab1", ("12",), "ab1", END),
        ("aabb", ("ab", "aab"), "", STOP),
    ],
)
def test_a_stop_text_ends_generation_and_is_not_shown(
    characters: Tokenizer, script: str, stop: tuple[str, ...], shown: str, ended: str
) -> None:
    assert _reply(characters, script, stop=stop) == (shown, ended)


def test_text_that_was_held_back_is_shown_at_max_tokens(characters: Tokenizer) -> None:
    assert _reply(characters, "ab12", max_tokens=3, stop=("12",)) == ("ab1", LENGTH)
    assert _reply(characters, "ab12", max_tokens=4, stop=("12",)) == ("ab", STOP)


def test_a_stop_text_may_span_words() -> None:
    words = Tokenizer.train("word", ["one two three four"])
    assert _reply(words, "one two three four", stop=("two th",)) == ("one ", STOP)


def test_closing_the_generator_stops_the_model(characters: Tokenizer) -> None:
    session = _session(characters, "ababab")
    steps = generate(session, [SOS], characters, SamplingConfig())
    list(islice(steps, 2))
    steps.close()
    assert cast(Script, session.model).read == 2
    assert session.ids == [SOS, *characters.encode("ab")]
    assert list(steps) == []


def test_part_of_a_character_is_never_shown() -> None:
    tokenizer = Tokenizer.train("bpe", ["plain text only"], vocab_size=260)
    assert _reply(tokenizer, "a汉b🎉") == ("a汉b🎉", END)
    assert [step.text for step in _steps(tokenizer, "汉")] == ["", "", "汉", ""]
    assert _reply(tokenizer, "a汉", max_tokens=3) == ("a", LENGTH)
    assert _reply(tokenizer, "汉字", stop=("字",)) == ("汉", STOP)


def test_the_first_word_of_a_reply_has_the_blank_before_it() -> None:
    words = Tokenizer.train("word", ["one two three"])
    session = Session(Script(words.encode("one two three"), words.vocab_size), keep_first=1)
    prompt = [SOS, *words.encode("one")]
    texts = [step.text for step in generate(session, prompt, words, SamplingConfig())]
    assert texts == [" two", " three", ""]


def test_the_most_likely_tokens_have_both_probabilities(characters: Tokenizer) -> None:
    step = _steps(characters, "ab", top=3, temperature=1.0, top_k=1)[0]
    assert [len(step.top), step.top[0].id, step.top[0].text] == [3, step.id, "a"]
    expected = 1 / (1 + (characters.vocab_size - 1) * torch.tensor(-8.0).exp())
    assert step.probability == step.top[0].probability == pytest.approx(float(expected))
    assert [other.chance for other in step.top] == [1.0, 0.0, 0.0]
    assert step.top[1].probability > 0.0
    assert len(_steps(characters, "ab", top=1000)[0].top) == characters.vocab_size


def test_the_settings_do_not_change_the_models_probability(characters: Tokenizer) -> None:
    plain = _steps(characters, "ab")
    changed = _steps(characters, "ab", temperature=0.3, top_k=2, repetition_penalty=1.1)
    assert [s.probability for s in plain] == [s.probability for s in changed]


def test_logits_that_are_not_finite_are_an_error(characters: Tokenizer) -> None:
    session = _real()
    with torch.no_grad():
        next(session.model.parameters()).fill_(float("nan"))
    with pytest.raises(RunFailedError):
        list(generate(session, [SOS, 4], characters, SamplingConfig()))


def _real() -> Session:
    """A model for the characters' tokenizer, with a context of 8, that seldom predicts <eos>."""
    config = ModelConfig(
        vocab_size=10, context=8, layers=1, heads=2, kv_heads=2, d_model=16, head_dim=8, d_ff=24
    )
    model = factory.build_model(config, seed=1).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8.0)
        model.get_parameter("embedding.weight")[EOS] = 0.0
    return Session(model, keep_first=1)


def test_a_seed_gives_the_same_reply_while_the_window_slides(characters: Tokenizer) -> None:
    def reply(seed: int) -> list[GeneratedToken]:
        config = SamplingConfig(temperature=2.0, seed=seed, max_tokens=12)
        return list(generate(_real(), [SOS, 4], characters, config, top=2))

    assert reply(0) == reply(0)
    assert reply(0) != reply(1)
    assert [step.window_start for step in reply(0)] == [1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 7, 7]


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_the_probability_is_that_of_the_chosen_token(
    characters: Tokenizer, temperature: float
) -> None:
    """Not of a token beside it, nor under another window."""
    session = _real()
    config = SamplingConfig(temperature=temperature, seed=4, max_tokens=20)
    steps = list(generate(session, [SOS, 4], characters, config))
    assert len(steps) > 12
    scores = _real().score(session.ids)[1:].exp()
    assert [step.probability for step in steps] == pytest.approx(scores.tolist(), rel=1e-3)


def test_greedy_decoding_is_the_same_with_and_without_a_cache(characters: Tokenizer) -> None:
    steps = list(generate(_real(), [SOS, 4], characters, SamplingConfig(max_tokens=20)))
    ids = [SOS, 4]
    assert len(steps) == 20
    for step in steps:
        fresh = generate(_real(), ids, characters, SamplingConfig(max_tokens=1))
        assert next(fresh).id == step.id
        ids.append(step.id)
