"""Declared settings: validation, parsing, JSON; the limits of configs and extensions."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import Extension, ModelConfig, SamplingConfig, TrainConfig
from core.config.schema import from_json, parse_value, setting_specs, to_json
from core.errors import SettingsError

CONFIGS = [ModelConfig, TrainConfig, SamplingConfig]


@pytest.mark.parametrize("config", CONFIGS)
def test_every_field_has_a_label_and_help_and_a_valid_default(config: type[Any]) -> None:
    config()
    for name, setting in setting_specs(config).items():
        assert setting.label, name
        assert setting.help, name


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_round_trips_through_json(config: type[Any]) -> None:
    value = config()
    assert from_json(config, json.loads(json.dumps(to_json(value)))) == value


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate": 10**400}, "learning_rate"),
        ({"steps": -(10**400)}, "steps"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"tokenizer": "sentence"}, "tokenizer"),
        ({"epochs": 3.0, "steps": 5}, "steps"),
        ({"snapshots": 1}, "snapshots"),
        ({"seed": 2**63}, "seed"),
    ],
)
def test_an_invalid_value_is_an_error_naming_the_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainConfig(**fields)
    assert list(caught.value.problems) == [named]


def test_all_invalid_values_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        TrainConfig(batch_size=0, dropout=2.0, schedule="zigzag")
    assert set(caught.value.problems) == {"batch_size", "dropout", "schedule"}
    assert "at least 1" in caught.value.message


@pytest.mark.parametrize(
    ("fields", "named"), [({"heads": 4, "kv_heads": 3}, "kv_heads"), ({"head_dim": 5}, "head_dim")]
)
def test_an_impossible_shape_is_an_error_naming_the_field(
    fields: dict[str, int], named: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        ModelConfig(**fields)  # type: ignore[arg-type]
    assert list(caught.value.problems) == [named]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("learning_rate", "3e-4", 3e-4),
        ("learning_rate", "auto", None),
        ("batch_size", "12", 12),
        ("snapshots", "off", False),
        ("device", "cuda:1", "cuda:1"),
        ("patience", "3", 3),
    ],
)
def test_a_value_is_parsed_with_the_type_of_its_field(name: str, text: str, value: Any) -> None:
    parsed = parse_value(TrainConfig, name, text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("learning_rat", "1", "learning_rate"),
        ("batch_size", "many", "a whole number"),
        ("snapshots", "maybe", "true or false"),
    ],
)
def test_an_unparsable_value_is_an_error_with_what_is_valid(
    name: str, text: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_value(TrainConfig, name, text)


def test_an_unknown_field_of_a_newer_version_is_an_error_naming_it() -> None:
    with pytest.raises(SettingsError, match="warp"):
        from_json(TrainConfig, {"warp": 9})


@given(st.dictionaries(st.sampled_from(list(setting_specs(TrainConfig))), st.integers()))
def test_a_config_is_valid_or_names_its_invalid_fields(fields: dict[str, Any]) -> None:
    try:
        config = TrainConfig(**fields)
    except SettingsError as error:
        assert error.problems.keys() <= {f.name for f in dataclasses.fields(TrainConfig)}
        return
    assert from_json(TrainConfig, to_json(config)) == config


@pytest.mark.parametrize(
    ("extension", "steps"),
    [
        (Extension(steps=7), 7),
        (Extension(epochs=2), 50),
        (Extension(epochs=0.01), 1),
        (Extension(minutes=1), 120),
    ],
)
def test_an_extension_is_converted_to_steps(extension: Extension, steps: int) -> None:
    assert extension
    assert extension.steps_to_add(25.0, 0.5) == steps
    assert Extension(**extension.to_json()) == extension


def test_an_extension_without_units_is_false() -> None:
    assert not Extension()


@pytest.mark.parametrize("units", [{"steps": 0}, {"epochs": -1.0}, {"steps": 3, "epochs": 1.0}])
def test_an_invalid_extension_is_an_error(units: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        Extension(**units)  # type: ignore[arg-type]
