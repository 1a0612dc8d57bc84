"""Messages as JSON: a dataclass is an object, a named tuple an array.

A field whose name is a keyword of Python carries a trailing underscore that JSON does not have.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from core.system.files import JsonObject

T = TypeVar("T")


def fields_to_json(message: Any) -> JsonObject:
    """The fields of a dataclass, not converted themselves; a `default=` for `json.dumps`."""
    return {
        field.name.rstrip("_"): getattr(message, field.name)
        for field in dataclasses.fields(message)
    }


def to_json(value: Any) -> Any:
    """A message as plain JSON values."""
    if dataclasses.is_dataclass(value):
        return {name: to_json(item) for name, item in fields_to_json(value).items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    return value


def from_json(kind: type[T], value: Any) -> T:
    """The message that `to_json` turned into this value; unknown fields are left out.

    The types of plain values are not checked: both ends of the pipe are the same program.

    Raises:
        LookupError, TypeError, ValueError: the value is not such a message.
    """
    message: T = decoder(cast(Any, kind))(value)
    return message


@cache
def decoder(hint: Any) -> Callable[[Any], Any]:
    """A function that converts JSON into values of this annotation."""
    if dataclasses.is_dataclass(hint):
        return _object_decoder(hint)
    if isinstance(hint, type) and hasattr(hint, "_fields"):
        return _array_decoder(hint)
    inner = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType) and type(None) in inner:
        # An optional message; unions of several messages do not occur.
        decode = decoder(next(kind for kind in inner if kind is not type(None)))
        return lambda value: None if value is None else decode(value)
    if get_origin(hint) in (list, tuple):
        decode, sequence = decoder(inner[0]), get_origin(hint)
        if decode is _unchanged:
            return _unchanged if sequence is list else sequence
        return lambda values: sequence(map(decode, values))
    return _unchanged


def _unchanged(value: Any) -> Any:
    return value


def _object_decoder(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    fields = [
        (field.name, field.name.rstrip("_"), decoder(hints[field.name]))
        for field in dataclasses.fields(kind)
    ]

    def decode(value: Mapping[str, Any]) -> Any:
        return kind(**{name: convert(value[key]) for name, key, convert in fields if key in value})

    return decode


def _array_decoder(kind: Any) -> Callable[[Any], Any]:
    converters = [decoder(hint) for hint in get_type_hints(kind).values()]
    if all(convert is _unchanged for convert in converters):
        return lambda values: kind(*values)

    def decode(values: Any) -> Any:
        return kind(*(convert(value) for convert, value in zip(converters, values, strict=False)))

    return decode
