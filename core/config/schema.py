"""Settings as dataclass fields: declaration, validation, parsing and JSON.

A field declares its label, help, limits and choices, and whether a running trainer accepts a new
value; the command line, the forms and the validation are all derived from the declarations.
`from_json_checked` serves dataclasses without declarations: it checks types only.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from core.errors import InputError, SettingsError, did_you_mean

ConfigT = TypeVar("ConfigT")
RecordT = TypeVar("RecordT")

MAX_SEED = 2**63 - 1
UNKNOWN_SETTING = "unknown setting"
TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
BOOL_WORDS = {"true": True, "yes": True, "on": True, "1": True}
BOOL_WORDS |= {"false": False, "no": False, "off": False, "0": False}
MAX_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, kw_only=True)
class SettingSpec:
    """Declaration of one setting.

    Attributes:
        label: short name for a form.
        help: one phrase, with the unit.
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
    spec = SettingSpec(label=label, help=help, **limits)
    return field(default=default, metadata={"setting": spec})


def setting_specs(config: type[Any]) -> dict[str, SettingSpec]:
    """The declarations of a config class by field name, in order; other fields are no settings."""
    fields = dataclasses.fields(config)
    return {f.name: f.metadata["setting"] for f in fields if "setting" in f.metadata}


def find_problems(config: Any) -> dict[str, str]:
    """The invalid fields of a config, each with what is wrong; empty if there are none."""
    fields = setting_specs(type(config))
    return find_value_problems(type(config), {name: getattr(config, name) for name in fields})


def find_value_problems(config: type[Any], values: Mapping[str, Any]) -> dict[str, str]:
    """The invalid ones of some fields' values, checked one by one; unknown names are invalid."""
    hints, specs = get_type_hints(config), setting_specs(config)
    problems = {}
    for name, value in values.items():
        if name not in specs:
            problems[name] = UNKNOWN_SETTING
        elif problem := _find_problem(value, hints[name], specs[name]):
            problems[name] = problem
    return problems


def _find_problem(value: Any, hint: Any, spec: SettingSpec) -> str | None:
    kinds = _plain_types(hint)
    if value is None:
        return None if type(None) in kinds else "is required"
    if isinstance(value, bool) and bool not in kinds:
        return f"must be {_describe(kinds)}, is {value}"
    if not isinstance(value, kinds) and not (float in kinds and isinstance(value, int)):
        return f"must be {_describe(kinds)}, is {value!r}"
    if spec.choices and value not in spec.choices:
        return f"must be one of {', '.join(spec.choices)}, is {value!r}"
    return _find_limit_problem(value, spec) if isinstance(value, int | float) else None


def _find_limit_problem(value: float, spec: SettingSpec) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, is {value}"
    try:
        shown = f"{value:g}"
    except OverflowError:  # a whole number too large for a float
        shown = "a number of more than 300 digits"
    if spec.minimum is not None and value < spec.minimum:
        return f"must be at least {spec.minimum:g}, is {shown}"
    if spec.maximum is not None and value > spec.maximum:
        return f"must be at most {spec.maximum:g}, is {shown}"
    return None


def _plain_types(hint: Any) -> tuple[type, ...]:
    """The classes of an annotation such as `int | None` or `tuple[str, ...]`."""
    if hasattr(hint, "__origin__"):
        return (hint.__origin__,)
    return tuple(hint.__args__) if hasattr(hint, "__args__") else (hint,)


def _describe(kinds: Iterable[type]) -> str:
    return " or ".join(TYPE_NAMES.get(k, k.__name__) for k in kinds if k is not type(None))


def parse_value(config: type[Any], name: str, text: str) -> Any:
    """The value of field `name` written as `text` on a command line or in a form.

    Raises:
        SettingsError: no such field (the hint names similar ones), or a value of another type.
    """
    if name not in setting_specs(config):
        raise SettingsError({name: UNKNOWN_SETTING}, did_you_mean(name, setting_specs(config)))
    kinds = _plain_types(get_type_hints(config)[name])
    if text.casefold() in ("none", "auto") and type(None) in kinds:
        return None
    if tuple in kinds:
        return (text,)
    problem = {name: f"must be {_describe(kinds)}, is {text!r}"}
    if bool in kinds:
        if text.casefold() not in BOOL_WORDS:
            raise SettingsError(problem)
        return BOOL_WORDS[text.casefold()]
    try:
        return next(k for k in (int, float, str) if k in kinds)(text)
    except ValueError:
        raise SettingsError(problem) from None


def to_json(config: Any) -> dict[str, Any]:
    """The fields as JSON values."""
    return dataclasses.asdict(config)


def from_json(config: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
    """The config with these fields; a field written by a newer version is an error.

    Raises:
        SettingsError: unknown fields or invalid values, all of them.
    """
    hints = get_type_hints(config)
    names = {f.name for f in dataclasses.fields(config)}  # type: ignore[arg-type]
    unknown = {name: UNKNOWN_SETTING for name in values if name not in names}
    if unknown:
        raise SettingsError(unknown, did_you_mean(next(iter(unknown)), names))
    fields = dict(values)
    for name, value in values.items():
        if isinstance(value, list) and _plain_types(hints[name]) == (tuple,):
            fields[name] = tuple(value)
    return config(**fields)


def from_json_checked(kind: type[RecordT], values: Mapping[str, Any], what: str) -> RecordT:
    """A dataclass from untrusted JSON, every field of the type its annotation gives.

    Args:
        what: names the object in errors.

    Raises:
        InputError: an unknown or missing field, or one of another type.
    """
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            hint = did_you_mean(name, hints) or f"Its fields are {', '.join(hints)}."
            raise InputError(f"{what} has no field {name!r}.", hint)
    for declared in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = declared.name
        required = declared.default is MISSING and declared.default_factory is MISSING
        if name not in values:
            if required:
                raise InputError(f"The field {name!r} of {what} is missing.")
        elif not _has_type(values[name], hints[name]):
            shown = repr(values[name])
            if len(shown) > MAX_SHOWN_CHARACTERS:
                shown = f"{shown[:MAX_SHOWN_CHARACTERS]}…"
            raise InputError(f"The field {name!r} of {what} cannot be {shown}.")
    return kind(**values)


def _has_type(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_has_type(value, option) for option in inner)
    if origin is list:
        return isinstance(value, list) and all(_has_type(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)
