"""What a look at this machine found: one thing a line, and what to do where something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what, in a word.
        value: how it is, for people.
        problem: what is wrong with it; empty if nothing is.
        advice: what to do about the problem.
        fatal: whether nothing can be trained because of it.
        numbers: the same for scripts: bytes, counts, yes or no.
    """

    name: str
    value: str
    problem: str = ""
    advice: str = ""
    fatal: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)
