"""The form of settings: rows from the declarations, validation, keys."""

from __future__ import annotations

import dataclasses

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input

from core.config.configs import ModelConfig, TrainConfig
from core.config.schema import find_value_problems, parse_value, setting_specs
from core.errors import SettingsError
from tests.support.apps import SIZES, play_widget
from tests.support.captures import assert_same_as_capture, screen_text
from tui.widgets.config_form import ChoiceInput, ConfigForm, SettingRow, help_text

SETTING_NAMES = ("preset", "tokenizer", "epochs", "seed", "snapshots", "sample_prompt")


def form() -> ConfigForm:
    return ConfigForm(TrainConfig, SETTING_NAMES)


def changed_settings(messages: list[object]) -> list[str]:
    return [message.name for message in messages if isinstance(message, ConfigForm.Changed)]


@pytest.mark.parametrize("size", SIZES)
def test_form_looks_as_captured(size: tuple[int, int]) -> None:

    async def act(form_widget: ConfigForm, pilot: Pilot[None]) -> None:
        for row in form_widget.query(SettingRow):
            row.query_one(Input).cursor_blink = False
        await pilot.press("down", "down", *"0.0")
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"config_form_{size[0]}x{size[1]}")

    play_widget(form(), act, size=size)


def test_empty_inputs_are_not_among_the_values() -> None:
    """The program must be able to choose them for the text."""

    async def act(form_widget: ConfigForm, pilot: Pilot[None]) -> None:
        assert form_widget.values == {}
        await pilot.press("down", *"word", "down", *"2.5", "down", *"7", "down", *"no")
        await pilot.press("down", *"Py [/]")
        assert form_widget.values == {
            "tokenizer": "word",
            "epochs": 2.5,
            "seed": 7,
            "snapshots": False,
            "sample_prompt": "Py [/]",
        }

    app = play_widget(form(), act)
    assert set(changed_settings(list(app.messages))) >= {"tokenizer", "epochs", "seed"}


def test_problems_are_shown_below_their_inputs_and_raised_together() -> None:

    async def act(form_widget: ConfigForm, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down", *"-1", "down", *"many")
        await pilot.pause()
        text = screen_text(pilot.app)
        assert "must be at least 0.001, is -1" in text
        assert "must be a whole number, is 'many'" in text
        with pytest.raises(SettingsError) as raised:
            _ = form_widget.values
        assert set(raised.value.problems) == {"epochs", "seed"}
        await pilot.press(*["backspace"] * 4)
        assert "whole number" not in screen_text(pilot.app)

    app = play_widget(form(), act)
    assert changed_settings(list(app.messages))[-1] == "seed"


def test_choices_are_cycled_in_both_directions() -> None:

    async def act(form_widget: ConfigForm, pilot: Pilot[None]) -> None:
        await pilot.press("down", "ctrl+right")
        assert form_widget.values == {"tokenizer": "word"}
        await pilot.press("ctrl+right", "ctrl+right")
        assert form_widget.values == {"tokenizer": "bpe"}
        await pilot.press("ctrl+right")
        assert form_widget.values == {}
        await pilot.press("ctrl+left")
        assert form_widget.values == {"tokenizer": "bpe"}

    play_widget(form(), act)


def test_the_focused_setting_shows_its_help() -> None:

    async def act(form_widget: ConfigForm, pilot: Pilot[None]) -> None:
        assert "auto chooses it from the text" in screen_text(pilot.app)
        await pilot.press("down", "down")
        await pilot.pause()
        text = screen_text(pilot.app)
        assert "passes over the training data (from 0.001)" in text
        assert "one dial" not in text

    play_widget(form(), act)


@pytest.mark.parametrize("config", [TrainConfig, ModelConfig])
def test_every_setting_has_a_row_that_accepts_its_choices(config: type) -> None:
    names = [field.name for field in dataclasses.fields(config)]

    async def act(form_widget: ConfigForm, pilot: Pilot[None]) -> None:
        assert form_widget.values == {}
        for row in form_widget.query(SettingRow):
            for choice in row.choices:
                assert find_value_problems(config, {row.setting_name: parse_value(
                    config, row.setting_name, choice)}) == {}  # fmt: skip
            assert help_text(setting_specs(config)[row.setting_name], row.choices)

    play_widget(ConfigForm(config, names), act)


def test_every_key_has_a_tooltip() -> None:
    for widget in (ChoiceInput, SettingRow):
        assert all(isinstance(b, Binding) and b.tooltip for b in widget.BINDINGS)
