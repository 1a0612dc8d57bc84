"""The form of settings by keys: made from the declarations, judged by them."""

from __future__ import annotations

import dataclasses

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input

from core.config.configs import ModelConfig, TrainConfig
from core.config.schema import find_value_problems, parse_value, setting_specs
from core.errors import SettingsError
from tests.support.captures import assert_same_as_capture, screen_text
from tests.support.pilots import SIZES, perform
from tui.widgets.config_form import ChoiceInput, ConfigForm, SettingRow, help_text

FIELDS = ("preset", "tokenizer", "epochs", "seed", "snapshots", "sample_prompt")


def form() -> ConfigForm:
    return ConfigForm(TrainConfig, FIELDS)


def changed(said: list[object]) -> list[str]:
    return [message.name for message in said if isinstance(message, ConfigForm.Changed)]


@pytest.mark.parametrize("size", SIZES)
def test_it_looks_as_committed(size: tuple[int, int]) -> None:
    """Values that do not line up; help or a problem that nobody sees without a mouse."""

    async def act(shown: ConfigForm, pilot: Pilot[None]) -> None:
        for row in shown.query(SettingRow):
            row.query_one(Input).cursor_blink = False
        await pilot.press("down", "down", *"0.0")
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"config_form_{size[0]}x{size[1]}")

    perform(form(), act, size=size)


def test_what_is_left_open_is_not_among_the_values() -> None:
    """A form that pins every default, so that nothing is chosen for the text any more."""

    async def act(shown: ConfigForm, pilot: Pilot[None]) -> None:
        assert shown.values == {}
        await pilot.press("down", *"word", "down", *"2.5", "down", *"7", "down", *"no")
        await pilot.press("down", *"Py [/]")
        assert shown.values == {
            "tokenizer": "word",
            "epochs": 2.5,
            "seed": 7,
            "snapshots": False,
            "sample_prompt": "Py [/]",
        }

    app = perform(form(), act)
    assert set(changed(list(app.said))) >= {"tokenizer", "epochs", "seed"}


def test_every_problem_is_said_below_its_line_and_all_are_raised() -> None:
    """A typing mistake that is only found when the run is made."""

    async def act(shown: ConfigForm, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down", *"-1", "down", *"many")
        await pilot.pause()
        words = screen_text(pilot.app)
        assert "must be at least 0.001, is -1" in words
        assert "must be a whole number, is 'many'" in words
        with pytest.raises(SettingsError) as raised:
            _ = shown.values
        assert set(raised.value.problems) == {"epochs", "seed"}
        await pilot.press(*["backspace"] * 4)
        assert "whole number" not in screen_text(pilot.app)

    app = perform(form(), act)
    assert changed(list(app.said))[-1] == "seed"


def test_choices_are_turned_by_keys_in_both_directions() -> None:
    """A choice one has to know by heart; keys that only move the cursor."""

    async def act(shown: ConfigForm, pilot: Pilot[None]) -> None:
        await pilot.press("down", "ctrl+right")
        assert shown.values == {"tokenizer": "word"}
        await pilot.press("ctrl+right", "ctrl+right")
        assert shown.values == {"tokenizer": "bpe"}
        await pilot.press("ctrl+right")
        assert shown.values == {}
        await pilot.press("ctrl+left")
        assert shown.values == {"tokenizer": "bpe"}

    perform(form(), act)


def test_the_help_of_the_line_one_is_in_is_shown() -> None:
    """Help that needs a mouse."""

    async def act(shown: ConfigForm, pilot: Pilot[None]) -> None:
        assert "auto chooses it from the text" in screen_text(pilot.app)
        await pilot.press("down", "down")
        await pilot.pause()
        words = screen_text(pilot.app)
        assert "passes over the training data (from 0.001)" in words
        assert "one dial" not in words

    perform(form(), act)


@pytest.mark.parametrize("config", [TrainConfig, ModelConfig])
def test_every_setting_has_a_row_that_takes_its_default(config: type) -> None:
    """A new setting whose row ends the app."""
    names = [field.name for field in dataclasses.fields(config)]

    async def act(shown: ConfigForm, pilot: Pilot[None]) -> None:
        assert shown.values == {}
        for row in shown.query(SettingRow):
            for choice in row.choices:
                assert find_value_problems(config, {row.setting_name: parse_value(
                    config, row.setting_name, choice)}) == {}  # fmt: skip
            assert help_text(setting_specs(config)[row.setting_name], row.choices)

    perform(ConfigForm(config, names), act)


def test_every_key_says_what_it_does() -> None:
    """A binding that the help cannot explain."""
    for widget in (ChoiceInput, SettingRow):
        assert all(isinstance(b, Binding) and b.tooltip for b in widget.BINDINGS)
