"""Turning the sampling settings: every step is a valid setting, and says what it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.config.schema import find_value_problems, setting_specs
from tui.common.sampling_settings import (
    BY_NAME,
    CONTROLS,
    SamplingControls,
    at_end,
    bindings,
    in_words,
    now_in_words,
    value_text,
)
from tui.widgets.talk_side import rows


def test_every_declared_setting_but_stop_is_on_a_key() -> None:
    """A new sampling setting that no key reaches; two settings on one key."""
    assert {*BY_NAME, "seed", "stop"} == set(setting_specs(SamplingConfig))
    keys = [binding.key for binding in bindings()]
    assert len(keys) == len(set(keys)) == 2 * len(CONTROLS)
    assert all(binding.tooltip for binding in bindings())


@pytest.mark.parametrize("dial", CONTROLS, ids=lambda dial: dial.name)
def test_every_step_of_a_ladder_is_allowed_and_in_order(dial: Any) -> None:
    """A key that raises a SettingsError; a step that goes the wrong way."""
    assert list(dial.ladder) == sorted(set(dial.ladder))
    for value in dial.ladder:
        assert find_value_problems(SamplingConfig, {dial.name: value}) == {}
    default = getattr(SamplingConfig(), dial.name)
    assert default in dial.ladder
    assert dial.off in (None, default)


@given(st.lists(st.tuples(st.sampled_from(sorted(BY_NAME)), st.sampled_from([-1, 1])), max_size=60))
def test_any_keys_lead_to_valid_settings_and_one_key_back(turns: list[tuple[str, int]]) -> None:
    """A state that cannot be left, or that the sampler refuses."""
    dials = SamplingControls()
    for name, by in turns:
        says = at_end(dials, name, by)
        after = dials.turned(name, by)
        assert (after.config == dials.config) == bool(says)
        dials = after
        assert in_words(dials.to_json())
        assert rows(dials).plain.count("\n") == len(CONTROLS)
    greedy = dials.made_greedy()
    assert greedy.greedy
    assert in_words(greedy.to_json()) == "greedy"
    assert greedy.config.max_tokens == dials.config.max_tokens


def test_up_and_down_come_back() -> None:
    """A ladder that drifts."""
    dials = SamplingControls()
    assert dials.turned("temperature", 1).config.temperature == 0.1
    assert dials.turned("temperature", 1).turned("temperature", -1) == dials


def test_seeds() -> None:
    """Asking again with chance that gives the same text; a kept seed that is not kept."""
    dials = SamplingControls().turned("temperature", 1)
    assert dials.seeded(7).config.seed != dials.seeded(8).config.seed
    kept = SamplingControls(dials.config, fixed=True)
    assert kept.seeded(7) == kept
    assert 0 <= dials.seeded(2**200 + 5).config.seed < 2**16
    assert SamplingControls().seeded(7) == SamplingControls()


def test_words() -> None:
    """A reply that says another setting than the one that made it."""
    dials = SamplingControls()
    assert now_in_words(dials) == "greedy, 50 tokens"
    warm = dials.turned("temperature", 1).turned("top_k", 1)
    assert now_in_words(warm) == "temperature 0.1, top k 1, 50 tokens"
    assert in_words(warm.seeded(3).to_json()) == "temperature 0.1, top k 1, seed 3"
    assert value_text(dials, "temperature") == "greedy"
    assert value_text(dials, "top_p") == "off"
    assert value_text(SamplingControls(fixed=True), "seed") == "kept 0"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": "hot"},
        {"temperature": -1},
        {"temperature": 1e400},
        {"top_k": 2.5},
        {"future": 1},
        {"seed": None},
        {"stop": 3},
        {"temperature": 10**400},
    ],
)
def test_settings_of_another_version_never_break_an_old_talk(settings: dict[str, Any]) -> None:
    """A talk that cannot be opened because a line of it holds a number out of limits."""
    assert in_words(settings)


def test_next_goes_round() -> None:
    """A setting that the keys for less and more never reach."""
    dials, seen = SamplingControls(), []
    for _ in CONTROLS:
        seen.append(dials.chosen)
        dials = dials.next_chosen()
    assert set(seen) == set(BY_NAME)
    assert dials == SamplingControls()
