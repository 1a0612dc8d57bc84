"""The form of a new run, without widgets: ladders, choices, typing, problems, parents."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import ModelConfig, TrainConfig
from core.config.schema import find_value_problems, parse_value, setting_specs
from core.errors import SettingsError
from core.run.parents import Parent
from tui.runs.form import SettingsForm, default_text, texts_of
from tui.runs.form_fields import ALL, FIELDS, NUMBER, TOGGLE, number_text, step_number

NUMBERS = [field for field in FIELDS.values() if field.kind == NUMBER]
PARENT = Parent(name="tales", model=ModelConfig(), tokenizer="bpe", unknown_share=0.0)


def form(chosen: str, **texts: str) -> SettingsForm:
    result = SettingsForm(dict(texts))
    result.choose(chosen)
    return result


def type_into(settings: SettingsForm, text: str) -> None:
    for character in text:
        assert settings.accepts(character), character
        settings.type_text(character)


def test_every_setting_of_both_configs_has_a_row() -> None:
    """Detects a setting that only the command line can change."""
    assert set(FIELDS) >= {*setting_specs(TrainConfig), *setting_specs(ModelConfig)}


@given(st.sampled_from(NUMBERS), st.floats(0, 1), st.sampled_from([-1, 1]))
def test_a_step_of_a_ladder_is_allowed_and_goes_the_right_way(
    field: object, share: float, by: int
) -> None:
    field = next(each for each in NUMBERS if each is field)
    assert field.config is not None
    low, high = field.spec.minimum, field.spec.maximum
    assert low is not None
    assert high is not None
    value = low + share * (min(high, 1e6) - low)
    value = math.floor(value) if field.is_whole else value
    stepped = step_number(field, value, by)
    assert (stepped - value) * by >= 0
    typed = parse_value(field.config, field.name, number_text(stepped))
    if stepped != value:
        assert find_value_problems(field.config, {field.name: typed}) == {}


@pytest.mark.parametrize(
    ("name", "value", "by", "stepped"),
    [
        ("context", 256, 1, 512),
        ("context", 300, -1, 256),
        ("context", 4096, 1, 4096),
        ("learning_rate", 3e-3, 1, 5e-3),
        ("learning_rate", 2e-3, -1, 1e-3),
        ("dropout", 0.0, -1, 0.0),
        ("seed", 7, 1, 8),
        ("seed", 0, -1, 0),
        ("minutes", None, 1, 5),
        ("epochs", 9.2, 1, 10),
    ],
)
def test_steps_follow_the_ladder_of_a_setting(
    name: str, value: float | None, by: int, stepped: float
) -> None:
    assert step_number(FIELDS[name], value, by) == stepped


def test_arrows_begin_at_what_auto_chose() -> None:
    settings = form("context")
    settings.automatic = {"context": 32}
    assert settings.step(1) == ""
    assert settings.texts == {"context": "64"}
    settings.texts["context"] = "4096"
    assert "highest step" in settings.step(1)
    assert settings.texts == {"context": "4096"}


def test_choices_are_cycled_through_auto() -> None:
    settings = form("tokenizer")
    seen = []
    for _ in range(4):
        settings.step(1)
        seen.append(settings.texts.get("tokenizer"))
    assert seen == ["word", "char", "bpe", None]
    settings.step(-1)
    assert settings.texts["tokenizer"] == "bpe"


def test_a_choice_with_a_default_of_its_own_has_no_automatic_one() -> None:
    """Arrows pass from the default to the others and back."""
    settings = form("loss_on")
    seen = []
    for _ in range(3):
        settings.step(1)
        seen.append(settings.choices().config.loss_on)
    assert seen == ["all", "replies", "all"]


def test_only_readings_of_the_text_are_offered() -> None:
    settings = form("reading")
    settings.readings = ("lines", "text", "pairs")
    seen = []
    for _ in range(4):
        settings.step(1)
        seen.append(settings.choices().reading)
    assert seen == ["lines", "text", "pairs", None]


def test_a_switch_has_two_values_and_its_default_is_no_choice() -> None:
    settings = form("snapshots")
    settings.step(1)
    assert settings.choices().config.snapshots is False
    settings.step(1)
    assert settings.texts == {}


def test_digits_replace_a_value_and_are_validated_as_typed() -> None:
    settings = form("context", context="512")
    type_into(settings, "1")
    assert settings.texts["context"] == "1"
    assert settings.problem("context") == "must be at least 2, is 1"
    type_into(settings, "28")
    assert settings.problem("context") == ""
    assert settings.choices().shape == {"context": 128}
    settings.cancel_typing()
    assert settings.texts == {"context": "512"}


def test_letters_are_keys_unless_a_row_takes_text() -> None:
    assert not form("context").accepts("a")
    assert not form("learning_rate").accepts("e"), "before a digit"
    settings = form("learning_rate")
    type_into(settings, "3e-4")
    assert settings.choices().config.learning_rate == 3e-4
    assert not form("device").accepts("a")
    assert form("sample_prompt").accepts("a")


def test_backspace_edits_a_value_and_clear_makes_it_automatic() -> None:
    settings = form("epochs", epochs="12")
    settings.delete()
    assert settings.texts == {"epochs": "1"}
    settings.delete()
    assert settings.texts == {}
    settings.texts["epochs"] = "3"
    settings.clear()
    assert settings.choices().config.epochs is None


def test_values_that_contradict_each_other_are_a_problem_of_a_row() -> None:
    settings = form("minutes", epochs="2", minutes="3")
    assert settings.first_problem() == "minutes"
    assert settings.problem("minutes") == "choose one of epochs and minutes"
    with pytest.raises(SettingsError) as raised:
        settings.choices()
    assert set(raised.value.problems) == {"minutes"}
    assert settings.choices(skip_invalid=True).config == TrainConfig(epochs=2.0)


def test_a_parent_determines_the_shape_until_it_is_given_up() -> None:
    """Detects a setting that is shown as one's own and ignored."""
    settings = form("parent", layers="3", preset="small", epochs="2")
    assert "still looking" in settings.step(1)
    settings.set_parents([PARENT])
    assert settings.step(1) == ""
    choices = settings.choices()
    assert (choices.parent, choices.shape, choices.config.preset) == ("tales", {}, "auto")
    assert choices.config.epochs == 2.0
    settings.choose("layers")
    assert settings.step(1) == "taken from tales; start from fresh weights to change it"
    settings.choose("parent")
    settings.step(1)
    assert settings.choices().shape == {"layers": 3}


def test_a_parent_that_does_not_know_the_text_is_refused_by_name() -> None:
    settings = form("parent")
    type_into(settings, "poem@best")
    assert settings.problem("parent") == "", "not known yet"
    settings.set_parents([PARENT])
    assert "possible: tales" in settings.problem("parent")
    settings.texts["parent"] = "tales@best"
    assert settings.problem("parent") == ""
    without_parents = form("parent")
    without_parents.set_parents([])
    assert "no run" in without_parents.step(1)


def test_settings_of_another_run_become_texts() -> None:
    config = TrainConfig(epochs=2.5, seed=7, learning_rate=3e-4, snapshots=False, precision=None)
    texts = texts_of({**vars(config), "layers": 3, "parent": "tales@best", "unknown": 1})
    assert texts == {
        "epochs": "2.5",
        "seed": "7",
        "learning_rate": "0.0003",
        "snapshots": "off",
        "layers": "3",
        "parent": "tales@best",
    }
    choices = SettingsForm(texts).choices()
    assert choices.config == config
    assert (choices.shape, choices.parent) == ({}, "tales@best"), "the parent has the layers"
    del texts["parent"]
    assert SettingsForm(texts).choices().shape == {"layers": 3}


def test_rows_with_a_value_are_shown_at_every_level() -> None:
    """Detects a choice that takes effect unseen."""
    settings = form("preset", beta1="0.8")
    names = [field.name for field in settings.shown_fields(0)]
    assert "beta1" in names
    assert "beta2" not in names
    assert len(settings.shown_fields(ALL)) == len(FIELDS)


def test_moving_stays_within_the_rows() -> None:
    settings = form("preset")
    settings.move(-1, 0)
    assert settings.chosen == "preset"
    settings.move(1000, 0)
    assert settings.chosen == settings.shown_fields(0)[-1].name


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_every_choice_of_a_row_is_valid(field: object) -> None:
    field = next(each for each in FIELDS.values() if each is field)
    for text in (*field.choices, *(("on", "off") if field.kind == TOGGLE else ())):
        settings = form(field.name, **{field.name: text})
        assert settings.problem(field.name) == ""
    if text := default_text(field):
        assert form(field.name, **{field.name: text}).problem(field.name) == ""


def test_letters_that_are_keys_of_the_form_do_not_begin_the_name_of_a_parent() -> None:
    settings = form("parent")
    assert not settings.accepts("a")
    assert not settings.accepts("o")
    assert settings.accepts("t")
    settings.type_text("t")
    assert settings.accepts("a")
