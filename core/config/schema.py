"""How a setting is declared, checked, parsed and stored.

A field's declaration carries its label, help, limits, choices and whether it may change in a run
that is under way; the command line, the forms and the validation are all made from it.

A dataclass from JSON that came from outside: every field known, there, and of its kind.

It knows kinds of values, not what they mean.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from core.errors import InputError, SettingsError, nearest

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, kw_only=True)
class SettingSpec:
    """What a form, a help text and the validation need to know of one field.

    Attributes:
        label: its short name for a form.
        help: one sentence, with the unit.
        minimum, maximum: inclusive limits of a number.
        choices: the allowed words; empty for numbers and free text.
        live: whether a running trainer accepts a new value.
    """

    label: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False


def setting(default: Any, label: str, help: str, **limits: Any) -> Any:
    """A dataclass field with its declaration; `limits` are further fields of `SettingSpec`."""
    return field(
        default=default, metadata={"setting": SettingSpec(label=label, help=help, **limits)}
    )


def setting_specs(config: type[Any]) -> dict[str, SettingSpec]:
    """The declarations of a config class by field name, in order."""
    return {f.name: f.metadata["setting"] for f in dataclasses.fields(config)}


def find_problems(config: Any) -> dict[str, str]:
    """What is wrong with each field's own value; empty when all is well."""
    fields = setting_specs(type(config))
    return find_value_problems(type(config), {name: getattr(config, name) for name in fields})


def find_value_problems(config: type[Any], values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with some fields' values, each by itself; unknown names included."""
    hints, declared = get_type_hints(config), setting_specs(config)
    problems = {}
    for name, value in values.items():
        if name not in declared:
            problems[name] = "there is no such setting"
        elif problem := _problem(value, hints[name], declared[name]):
            problems[name] = problem
    return problems


def _problem(value: Any, kind: Any, setting: SettingSpec) -> str:
    kinds = _kinds(kind)
    if value is None:
        return "" if type(None) in kinds else "must be given"
    if isinstance(value, bool) and bool not in kinds:
        return f"must be {_names(kinds)}, is {value}"
    if not isinstance(value, kinds) and not (float in kinds and isinstance(value, int)):
        return f"must be {_names(kinds)}, is {value!r}"
    if setting.choices and value not in setting.choices:
        return f"must be one of {', '.join(setting.choices)}, is {value!r}"
    return _out_of_limits(value, setting) if isinstance(value, int | float) else ""


def _out_of_limits(value: float, setting: SettingSpec) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, is {value}"
    if setting.minimum is not None and value < setting.minimum:
        return f"must be at least {setting.minimum:g}, is {_written(value)}"
    if setting.maximum is not None and value > setting.maximum:
        return f"must be at most {setting.maximum:g}, is {_written(value)}"
    return ""


def _written(value: float) -> str:
    """A number in a few digits, also one that is too long for a float."""
    try:
        return f"{value:g}"
    except OverflowError:
        return "a number of hundreds of digits"


def _kinds(kind: Any) -> tuple[type, ...]:
    """The plain classes of an annotation such as `int | None` or `tuple[str, ...]`."""
    if hasattr(kind, "__origin__"):
        return (kind.__origin__,)
    return tuple(kind.__args__) if hasattr(kind, "__args__") else (kind,)


def _names(kinds: tuple[type, ...]) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return " or ".join(words.get(k, k.__name__) for k in kinds if k is not type(None))


def parse_value(config: type[Any], name: str, text: str) -> Any:
    """The value of field `name` written as `text` on a command line or in a form.

    Raises:
        SettingsError: no such field (the nearest are named), or not of its type.
    """
    if name not in setting_specs(config):
        near = nearest(name, setting_specs(config))
        raise SettingsError({name: "there is no such setting"}, _meant(near))
    kinds = _kinds(get_type_hints(config)[name])
    if text.casefold() in ("none", "auto") and type(None) in kinds:
        return None
    if bool in kinds:
        return _parse_bool(name, text)
    if tuple in kinds:
        return (text,)
    try:
        return next(k for k in (int, float, str) if k in kinds)(text)
    except ValueError:
        raise SettingsError({name: f"must be {_names(kinds)}, is {text!r}"}) from None


def _parse_bool(name: str, text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if text.casefold() not in words:
        raise SettingsError({name: f"must be true or false, is {text!r}"})
    return words[text.casefold()]


def _meant(near: list[str]) -> str:
    return f"Did you mean {' or '.join(near)}?" if near else ""


def to_json(config: Any) -> dict[str, Any]:
    """The fields as JSON values."""
    return dataclasses.asdict(config)


def from_json(config: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
    """The config with these fields; fields of a newer version are refused by name.

    Raises:
        SettingsError: unknown fields or values out of their limits, all of them.
    """
    known = setting_specs(config)
    unknown = {name: "there is no such setting" for name in values if name not in known}
    if unknown:
        raise SettingsError(unknown, _meant(nearest(next(iter(unknown)), known)))
    kinds = get_type_hints(config)
    return config(
        **{
            name: tuple(value)
            if isinstance(value, list) and _kinds(kinds[name]) == (tuple,)
            else value
            for name, value in values.items()
        }
    )


RecordT = TypeVar("RecordT")


def from_json_checked(kind: type[RecordT], values: Mapping[str, Any], what: str) -> RecordT:
    """A dataclass from JSON, every field of the kind its annotation says.

    Raises:
        InputError: unknown, missing or wrong fields.
    """
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            near = nearest(name, hints)
            raise InputError(f"{what} has no field {name!r}.", f"Meant: {', '.join(near or hints)}")
    for declared in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = declared.name
        if name in values and not _fits(values[name], hints[name]):
            raise InputError(f"The field {name!r} of {what} cannot be {_short(values[name])}.")
        open_too = declared.default is MISSING and declared.default_factory is MISSING
        if name not in values and open_too:
            raise InputError(f"The field {name!r} of {what} is missing.")
    return kind(**values)


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, kind) for kind in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
