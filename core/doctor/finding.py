"""The result of one check: what was found, and what to do about a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        name: what was checked, in one word.
        value: the state, for people.
        problem: what is wrong; empty if nothing is.
        advice: what to do about the problem.
        fatal: whether the problem makes training impossible.
        numbers: the state for scripts: bytes, counts, flags.
    """

    name: str
    value: str
    problem: str = ""
    advice: str = ""
    fatal: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)
