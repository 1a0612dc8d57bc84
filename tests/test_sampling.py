from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core import sampling
from core.config import SamplingConfig
from core.sampling import Chooser

LOGITS = torch.tensor([9.0, 9.0, 0.0, 2.0, 1.0, 2.0, -1.0, 0.5])  # ids 0 and 1 are never chosen


def _rows(size: int = 12) -> st.SearchStrategy[Tensor]:
    return st.lists(st.floats(-8, 8, width=32), min_size=size, max_size=size).map(torch.tensor)


def _kept(logits: Tensor) -> set[int]:
    return set(torch.nonzero(logits > sampling.REMOVED).flatten().tolist())


@given(_rows(), st.integers(1, 14))
def test_top_k_keeps_exactly_k(logits: Tensor, k: int) -> None:
    kept = _kept(sampling.top_k(logits, k))
    assert len(kept) == min(k, 12)
    assert int(logits.argmax()) in kept


def test_top_k_keeps_the_lower_of_equal_ids() -> None:
    assert _kept(sampling.top_k(torch.tensor([1.0, 3.0, 3.0, 3.0]), 2)) == {1, 2}


@given(_rows(), st.floats(0, 1))
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits: Tensor, p: float) -> None:
    kept = _kept(sampling.top_p(logits, p))
    chances = logits.double().softmax(-1)
    total = float(chances[list(kept)].sum())
    assert total >= min(p, 1.0) - 1e-9
    if len(kept) > 1:
        assert total - float(chances[list(kept)].min()) < p + 1e-9
    assert float(chances[list(kept)].min()) >= max(
        [float(chances[i]) for i in range(12) if i not in kept], default=0.0
    )


@given(_rows(), st.floats(0, 1))
def test_min_p_is_relative_to_the_likeliest(logits: Tensor, p: float) -> None:
    kept = _kept(sampling.min_p(logits, p))
    chances = logits.softmax(-1)
    best = float(chances.max())
    assert int(chances.argmax()) in kept
    for id in range(12):
        share = float(chances[id]) / best
        if abs(share - p) > 1e-4:
            assert (id in kept) == (share > p)


@pytest.mark.parametrize(("value", "weaker"), [(3.0, 1.5), (-3.0, -6.0), (0.0, 0.0)])
def test_a_repetition_penalty_always_weakens(value: float, weaker: float) -> None:
    logits = torch.tensor([1.0, value, 1.0])
    assert sampling.repetition_penalty(logits, 2.0, [1, 1]).tolist() == [1.0, weaker, 1.0]


@given(
    _rows(),
    st.floats(0.1, 5),
    st.integers(0, 12),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_the_stages_always_leave_a_distribution(
    logits: Tensor, temperature: float, k: int, p: float, least: float
) -> None:
    config = SamplingConfig(temperature=temperature, top_k=k, top_p=p, min_p=least)
    id, final = Chooser(config).choose(logits, [4])
    assert final.softmax(-1).sum() == pytest.approx(1.0, abs=1e-5)
    assert id in _kept(final)
    assert id not in sampling.NEVER


def test_stages_stand_in_the_documented_order_and_only_where_they_act() -> None:
    everything = SamplingConfig(
        temperature=0.7, top_k=3, top_p=0.9, min_p=0.1, repetition_penalty=1.2
    )
    names = [stage.name for stage in sampling.stages(everything, [3])]
    assert names == ["repetition_penalty", "temperature", "top_k", "top_p", "min_p"]
    assert sampling.stages(SamplingConfig(), [3]) == []


def test_the_stage_that_removed_a_token_can_be_named() -> None:
    config = SamplingConfig(temperature=1.0, top_k=4, min_p=0.5)
    after = dict(sampling.staged(sampling.allowed(LOGITS), sampling.stages(config, [])))
    assert _kept(after["top_k"]) == {3, 4, 5, 7}
    assert _kept(after["min_p"]) == {3, 5}


def test_greedy_takes_the_likeliest_and_of_equals_the_lowest_id() -> None:
    assert Chooser(SamplingConfig()).choose(LOGITS, [])[0] == 3


def test_padding_and_the_start_of_a_line_are_never_chosen() -> None:
    assert _kept(sampling.allowed(LOGITS)) == {2, 3, 4, 5, 6, 7}


@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_draws_agree_with_the_final_distribution(top_p: float) -> None:
    """10,000 draws; a right sampler exceeds this chi-square bound once in 1,000 seeds."""
    chooser = Chooser(SamplingConfig(temperature=0.9, top_p=top_p, seed=5))
    _, final = chooser.choose(LOGITS, [])
    counts = torch.zeros(8)
    for _ in range(10_000):
        counts[chooser.draw(final)] += 1
    expected = 10_000 * final.softmax(-1)
    assert counts[expected == 0].sum() == 0
    seen = expected > 0
    chi_square = float(((counts - expected)[seen] ** 2 / expected[seen]).sum())
    freedom = int(seen.sum()) - 1
    bound = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52}[freedom]
    assert chi_square < bound


def test_the_same_seed_draws_the_same() -> None:
    config = SamplingConfig(temperature=1.0, seed=11)
    first, second = Chooser(config), Chooser(config)
    draws = [[c.choose(LOGITS, [])[0] for _ in range(50)] for c in (first, second)]
    assert draws[0] == draws[1]
    assert len(set(draws[0])) > 1


def test_temperature_changes_how_sharp_the_distribution_is() -> None:
    def entropy(temperature: float) -> float:
        chances = sampling.temperature(LOGITS[2:], temperature).softmax(-1)
        return -float((chances * chances.log()).sum())

    assert entropy(0.5) < entropy(1.0) < entropy(2.0) < math.log(6)
