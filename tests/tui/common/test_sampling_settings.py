"""Sampling settings on keys: every step is valid, and the description names it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.config.schema import find_value_problems, setting_specs
from tui.common.sampling_settings import (
    CONTROLS,
    CONTROLS_BY_NAME,
    SamplingControls,
    SettingControl,
    describe,
    limit_note,
    value_text,
)
from tui.widgets.sampling_panel import NAMES


def test_every_setting_but_stop_is_in_the_panel() -> None:
    """Detects a new sampling setting that cannot be changed."""
    assert {*NAMES, "stop"} == set(setting_specs(SamplingConfig))
    assert set(CONTROLS_BY_NAME) | {"seed"} == set(NAMES)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_every_value_of_a_ladder_is_valid_and_in_order(control: SettingControl) -> None:
    """Detects a key that raises a SettingsError; a step in the wrong direction."""
    assert list(control.ladder) == sorted(set(control.ladder))
    for value in control.ladder:
        assert find_value_problems(SamplingConfig, {control.name: value}) == {}
    default = getattr(SamplingConfig(), control.name)
    assert default in control.ladder
    assert control.off in (None, default)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(CONTROLS_BY_NAME)), st.sampled_from([-1, 1])), max_size=60
    )
)
def test_any_keys_give_valid_settings_and_one_key_resets_them(steps: list[tuple[str, int]]) -> None:
    """Detects settings that cannot be reset, or that the model server refuses."""
    controls = SamplingControls()
    for name, by in steps:
        note = limit_note(controls, name, by)
        after = controls.stepped(name, by)
        assert (after.config == controls.config) == bool(note)
        controls = after
        assert describe(controls.to_json())
    greedy = controls.reset_to_greedy()
    assert greedy.greedy
    assert describe(greedy.to_json()) == "greedy"
    assert greedy.config.max_tokens == controls.config.max_tokens


def test_a_step_up_and_down_restores_the_value() -> None:
    """Detects a ladder whose steps up and down differ."""
    controls = SamplingControls()
    assert controls.stepped("temperature", 1).config.temperature == 0.1
    assert controls.stepped("temperature", 1).stepped("temperature", -1) == controls


def test_the_end_of_a_ladder_is_explained() -> None:
    """Detects a key without effect and without a note."""
    controls = SamplingControls()
    note = "Temperature is at its minimum, greedy."
    assert limit_note(controls, "temperature", -1) == note
    note = "Top p is at its maximum, off."
    assert limit_note(controls, "top_p", 1) == note


def test_each_reply_draws_a_seed_unless_it_is_fixed() -> None:
    """Detects the same text again at a temperature above 0; a fixed seed that changes."""
    controls = SamplingControls().stepped("temperature", 1)
    assert controls.with_seed(7).config.seed != controls.with_seed(8).config.seed
    fixed = SamplingControls(controls.config, fixed=True)
    assert fixed.with_seed(7) == fixed
    assert 0 <= controls.with_seed(2**200 + 5).config.seed < 2**16
    assert SamplingControls().with_seed(7) == SamplingControls()


def test_settings_are_described() -> None:
    """Detects a description of other settings than those of the reply."""
    controls = SamplingControls()
    warm = controls.stepped("temperature", 1).stepped("top_k", 1)
    assert describe(warm.with_seed(3).to_json()) == "temperature 0.1, top k 1, seed 3"
    assert value_text(controls, "temperature") == "greedy"
    assert value_text(controls, "top_p") == "off"
    assert value_text(SamplingControls(fixed=True), "seed") == "fixed 0"


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
def test_settings_of_another_version_are_described(settings: dict[str, Any]) -> None:
    """Detects a conversation that cannot be opened because of a value outside its limits."""
    assert describe(settings)
