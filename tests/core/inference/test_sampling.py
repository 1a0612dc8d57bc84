"""The sampling stages alone and together, and draws against the distribution they leave."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.config.configs import SamplingConfig
from core.errors import RunFailedError
from core.inference import sampling
from core.inference.sampling import TokenSampler
from core.tokenizer.special_tokens import NEVER_GENERATED

SIZE = 12
LOGITS = torch.tensor([9.0, 9.0, 0.0, 2.0, 1.0, 2.0, -1.0, 0.5])  # ids 0 and 1 are never chosen

# Few different values, so that equals are common; and any values at all.
_rows = st.one_of(
    st.lists(st.floats(-8, 8, width=32), min_size=SIZE, max_size=SIZE),
    st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=SIZE, max_size=SIZE),
).map(torch.tensor)
_configs = st.builds(
    SamplingConfig,
    temperature=st.one_of(st.just(0.0), st.floats(1e-300, 100)),
    top_k=st.integers(0, SIZE + 2),
    top_p=st.floats(0, 1),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(0.1, 10),
    seed=st.integers(0, 2**63 - 1),
)


def _kept(logits: Tensor) -> set[int]:
    return set(torch.nonzero(logits > sampling.REMOVED_LOGIT).flatten().tolist())


def _order(logits: Tensor) -> list[int]:
    """Ids from the likeliest on, of equals the lowest first."""
    return sorted(range(len(logits)), key=lambda i: (-float(logits[i]), i))


@given(_rows, st.integers(1, SIZE + 2))
def test_top_k_keeps_exactly_k_also_among_equals(logits: Tensor, k: int) -> None:
    assert _kept(sampling.top_k(logits, k)) == set(_order(logits)[:k])


@given(_rows, st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1e-300, 0.25, 0.5, 1 - 1e-16, 1.0])))
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits: Tensor, p: float) -> None:
    remaining = _kept(sampling.top_p(logits, p))
    order, chances = _order(logits), logits.double().softmax(-1)
    assert remaining == set(order[: len(remaining)])
    assert len(remaining) >= 1
    assert float(chances[order[: len(remaining)]].sum()) >= p - 1e-12
    assert len(remaining) == 1 or float(chances[order[: len(remaining) - 1]].sum()) < p + 1e-12


@given(_rows, st.floats(0, 1))
def test_min_p_is_relative_to_the_most_likely(logits: Tensor, p: float) -> None:
    remaining = _kept(sampling.min_p(logits, p))
    shares = logits.softmax(-1) / logits.softmax(-1).max()
    assert _order(logits)[0] in remaining
    for id in range(SIZE):
        if abs(float(shares[id]) - p) > 1e-4:
            assert (id in remaining) == (float(shares[id]) > p)


@pytest.mark.parametrize("stage", [sampling.top_k, sampling.top_p, sampling.min_p])
@given(_rows)
def test_rows_of_a_batch_are_independent(stage: Any, logits: Tensor) -> None:
    value = 3 if stage is sampling.top_k else 0.6
    batch = torch.stack((logits, logits.flip(-1), torch.zeros(SIZE)))
    together = stage(batch, value)
    assert torch.equal(together, torch.stack([stage(row, value) for row in batch]))


@given(_rows, st.integers(1, SIZE), st.floats(0.01, 1))
def test_top_k_and_min_p_commute(logits: Tensor, k: int, p: float) -> None:
    one = sampling.min_p(sampling.top_k(logits, k), p)
    assert torch.equal(one, sampling.top_k(sampling.min_p(logits, p), k))


@given(_rows, _configs, st.lists(st.integers(0, SIZE - 1)))
def test_no_stage_changes_its_input_or_restores_removed_ids(
    logits: Tensor, config: SamplingConfig, previous: list[int]
) -> None:
    given_logits, remaining = logits.clone(), set(range(SIZE))
    for _, after in sampling.apply_stages(logits, config, previous):
        assert _kept(after) <= remaining
        remaining = _kept(after)
    assert torch.equal(logits, given_logits)


@given(_rows, _configs, st.lists(st.integers(0, SIZE - 1)))
def test_the_most_likely_id_stays_and_probabilities_sum_to_one(
    logits: Tensor, config: SamplingConfig, previous: list[int]
) -> None:
    """At any temperature."""
    after = dict(sampling.apply_stages(logits, config, previous))
    weakened = after.get("repetition_penalty", after["special"])
    final = list(after.values())[-1]
    assert int(weakened.argmax()) in _kept(final)
    chances = sampling.final_probabilities(logits, config, previous)
    assert float(chances.sum()) == pytest.approx(1.0, abs=1e-5)
    id = TokenSampler(config, previous, SIZE).choose(logits)
    assert id in _kept(final)
    assert id not in NEVER_GENERATED


@pytest.mark.parametrize(("value", "weaker"), [(3.0, 1.5), (-3.0, -6.0), (0.0, 0.0)])
def test_a_repetition_penalty_lowers_logits_of_either_sign(value: float, weaker: float) -> None:
    before = sampling.occurrence_mask([1, 1], 3)
    result = sampling.repetition_penalty(torch.tensor([1.0, value, 1.0]), 2.0, before)
    assert result.tolist() == [1.0, weaker, 1.0]


def test_a_repetition_penalty_counts_the_last_choice() -> None:
    logits = torch.tensor([0.0, 0.0, 4.0, 3.0, 2.0])
    chooser = TokenSampler(SamplingConfig(repetition_penalty=10.0), [], 5)
    assert [chooser.choose(logits) for _ in range(3)] == [2, 3, 4]
    assert TokenSampler(SamplingConfig(repetition_penalty=10.0), [2, 3], 5).choose(logits) == 4


def test_stages_are_in_the_documented_order_and_neutral_ones_left_out() -> None:
    everything = SamplingConfig(
        temperature=0.7, top_k=3, top_p=0.9, min_p=0.1, repetition_penalty=1.2
    )
    names = ["special", "repetition_penalty", "temperature", "top_k", "top_p", "min_p"]
    assert [stage.name for stage in sampling.active_stages(everything)] == names
    neutral = SamplingConfig(temperature=1.0)
    assert [stage.name for stage in sampling.active_stages(neutral)] == ["special"]
    greedy = SamplingConfig(top_k=3, top_p=0.5)
    assert [stage.name for stage in sampling.active_stages(greedy)] == ["special", "temperature"]


def test_the_stage_that_removed_an_id_is_named() -> None:
    config = SamplingConfig(temperature=1.0, top_k=4, min_p=0.5)
    after = sampling.apply_stages(LOGITS, config, [])
    removed = sampling.removing_stages(after, range(8))
    assert removed[:4] == ["special", "special", "top_k", None]
    assert removed[4:] == ["min_p", None, "top_k", "min_p"]
    greedy = sampling.apply_stages(LOGITS, SamplingConfig(), [])
    assert sampling.removing_stages(greedy, [5]) == ["temperature"]


@given(_rows)
def test_greedy_takes_the_most_likely_and_of_equals_the_lowest_id(logits: Tensor) -> None:
    id = TokenSampler(SamplingConfig(), [], SIZE).choose(logits)
    assert id == next(i for i in _order(logits) if i not in NEVER_GENERATED)
    assert sampling.final_probabilities(logits, SamplingConfig(), [])[id] == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_reported(bad: float) -> None:
    logits = torch.full((SIZE,), bad) if bad < 0 else torch.tensor([1.0] * (SIZE - 1) + [bad])
    with pytest.raises(RunFailedError, match="diverged"):
        TokenSampler(SamplingConfig(), [], SIZE).choose(logits)


# The chi-square a right sampler exceeds once in 1,000 seeds, by degrees of freedom.
BOUNDS = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52}


@pytest.mark.parametrize(
    "settings",
    [{}, {"top_p": 0.8}, {"top_k": 3}, {"min_p": 0.3}, {"repetition_penalty": 2.0}],
)
def test_draws_follow_the_final_distribution(settings: dict[str, Any]) -> None:
    config = SamplingConfig(temperature=0.9, **settings)
    final = sampling.apply_stages(LOGITS, config, [3])[-1][1]
    generator = torch.Generator().manual_seed(5)
    counts = torch.zeros(8)
    for _ in range(10_000):
        counts[sampling.draw(final, generator)] += 1
    expected = 10_000 * sampling.final_probabilities(LOGITS, config, [3])
    there = expected > 0
    assert counts[~there].sum() == 0
    chi_square = float(((counts - expected)[there] ** 2 / expected[there]).sum())
    assert chi_square < BOUNDS[int(there.sum()) - 1]


@pytest.mark.parametrize(("point", "id"), [(0.0, 1), (0.499, 1), (0.5, 3), (1 - 2**-53, 3)])
def test_a_removed_id_is_never_drawn(
    point: float, id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by the numbers 0 and 1 at the ends of the distribution."""
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor(point, dtype=torch.float64))
    logits = torch.tensor(
        [sampling.REMOVED_LOGIT, 0.0, sampling.REMOVED_LOGIT, 0.0, sampling.REMOVED_LOGIT]
    )
    assert sampling.draw(logits, torch.Generator()) == id


def test_a_seed_decides_the_draws() -> None:
    def draws(seed: int) -> list[int]:
        chooser = TokenSampler(SamplingConfig(temperature=1.0, seed=seed), [], 8)
        return [chooser.choose(LOGITS) for _ in range(50)]

    assert draws(11) == draws(11)
    assert draws(11) != draws(12)


def test_a_draw_uses_one_random_number_with_any_settings() -> None:
    """Replies with one seed stay similar when a setting changes."""
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    for generator, p in zip(generators, (1.0, 0.5), strict=True):
        for _ in range(7):
            sampling.draw(sampling.top_p(LOGITS, p), generator)
    one, other = (torch.rand((), generator=generator) for generator in generators)
    assert one == other


def test_temperature_changes_how_sharp_the_distribution_is() -> None:
    def entropy(temperature: float) -> float:
        chances = sampling.temperature(LOGITS[2:], temperature).softmax(-1)
        return -float((chances * chances.log()).sum())

    assert entropy(0.5) < entropy(1.0) < entropy(2.0) < math.log(6)
