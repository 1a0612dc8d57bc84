"""A dataclass from JSON that came from outside: every field known, there, and of its kind.

It knows kinds of values, not what they mean.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from core.errors import InputError, nearest

Made = TypeVar("Made")


def made(kind: type[Made], values: Mapping[str, Any], what: str) -> Made:
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
