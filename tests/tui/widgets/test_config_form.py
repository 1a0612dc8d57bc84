"""The form of settings: keys, typing, the mouse, and how its rows look."""

from __future__ import annotations

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.config.configs import ModelConfig
from core.run.parents import Parent
from tests.support.apps import SIZES, play_widget
from tests.support.captures import assert_same_as_capture, screen_text
from tui.runs.form import SettingsForm
from tui.runs.form_fields import FIELDS
from tui.widgets.config_form import ConfigForm

WORDS = {"layers": "4", "context": "32 tokens", "epochs": "9", "learning_rate": "0.003, linear"}
VALUES = {"layers": 4, "context": 32, "epochs": 9.0, "learning_rate": 0.003}


def form(**texts: str) -> ConfigForm:
    settings = SettingsForm(dict(texts))
    settings.words, settings.automatic = WORDS, VALUES
    settings.instead = {"context": "32"}
    return ConfigForm(settings)


def row(pilot: Pilot[None], label: str) -> str:
    """The row of a setting."""
    lines = screen_text(pilot.app).split("\n")
    return next(line.strip() for line in lines if line[2:].startswith(label))


def names(messages: list[object]) -> list[str]:
    return [message.name for message in messages if isinstance(message, ConfigForm.Changed)]


@pytest.mark.parametrize("size", [*SIZES, (140, 38)])
def test_form_looks_as_captured(size: tuple[int, int]) -> None:
    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        widget.focus()
        await pilot.press("down", "down", "down", "right", "down", "down", *"0.0")
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"config_form_{size[0]}x{size[1]}")

    play_widget(form(seed="7"), act, size=size)


def test_arrows_choose_and_change_and_a_is_auto_again() -> None:
    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        widget.focus()
        await pilot.press("down", "down", "down", "right")
        assert widget.form.texts == {"context": "64"}
        await pilot.pause()
        assert "‹ 64 tokens ›  • auto says 32" in row(pilot, "context")
        await pilot.press("a")
        await pilot.pause()
        assert widget.form.texts == {}
        assert "auto → 32 tokens" in row(pilot, "context")

    app = play_widget(form(), act)
    assert names(list(app.messages)) == ["context", "context"]


def test_a_typed_value_is_checked_at_every_key_and_can_be_dropped() -> None:
    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        widget.focus()
        await pilot.press("down", "down", "down", "1")
        await pilot.pause()
        assert "! must be at least 2, is 1 (2 to 131,072)" in row(pilot, "context")
        await pilot.press("2")
        await pilot.pause()
        assert "12▌" in row(pilot, "context")
        assert "2 to 131,072" in row(pilot, "context")
        await pilot.press("escape")
        assert widget.form.texts == {}
        await pilot.press("1", "down")
        await pilot.pause()
        assert "! must be at least 2, is 1" in row(pilot, "context"), "an invalid value stays"

    play_widget(form(), act)


def test_letters_are_text_in_a_row_that_takes_text() -> None:
    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        widget.form.choose("sample_prompt")
        widget.focus()
        await pilot.press("a", "space", "o")
        assert widget.form.texts == {"sample_prompt": "a o"}
        await pilot.press("delete")
        assert widget.form.texts == {}

    play_widget(form(), act, size=(120, 40))


def test_the_runs_to_start_from_are_chosen_with_arrows() -> None:
    parents = [
        Parent(name=name, model=ModelConfig(), tokenizer="bpe", unknown_share=0.0)
        for name in ("tales", "[/]")
    ]

    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        widget.form.choose("parent")
        widget.focus()
        await pilot.press("right")
        assert widget.form.texts == {}, "not known yet"
        widget.form.set_parents(parents)
        await pilot.press("right", "right")
        await pilot.pause()
        assert "‹ [/] ›" in row(pilot, "start from")
        assert "[/] → 4" in row(pilot, "layers"), "the parent determines the shape"
        await pilot.press("left", "left")
        assert widget.form.texts == {}

    play_widget(form(), act)


def test_a_click_chooses_a_row_and_its_arrows_change_it() -> None:
    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        await pilot.click(widget, offset=(3, 4))
        assert widget.form.chosen == "context"
        await pilot.pause()
        at = screen_text(pilot.app).split("\n")[4].index("›", 3)
        await pilot.click(widget, offset=(at, 4))
        assert widget.form.texts == {"context": "64"}
        await pilot.pause()
        at = screen_text(pilot.app).split("\n")[4].index("‹")
        await pilot.click(widget, offset=(at, 4))
        assert widget.form.texts == {"context": "32"}
        await pilot.click(widget, offset=(3, 2), times=2)
        assert widget.form.texts["layers"] == "5", "a double click changes it"
        await pilot.click(widget, offset=(3, 0))
        assert widget.form.chosen == "layers", "a heading is no row"

    play_widget(form(), act)


def test_every_setting_can_be_shown() -> None:
    async def act(widget: ConfigForm, pilot: Pilot[None]) -> None:
        widget.shows_all = True
        widget.redraw()
        await pilot.pause()
        text = screen_text(pilot.app)
        assert all(f" {field.label} " in text for field in FIELDS.values())

    play_widget(form(), act, size=(100, 60))


def test_every_key_has_a_tooltip() -> None:
    assert all(isinstance(b, Binding) and b.tooltip for b in ConfigForm.BINDINGS)
