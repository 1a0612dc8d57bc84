"""The ids with which texts of a run's model begin and end; imported models have their own."""

from __future__ import annotations

from typing import NamedTuple

from core.errors import MiniGPTError
from core.paths import Home
from core.tokenizer.special_tokens import EOS, SOS


class SpecialIds(NamedTuple):
    """Ids of special tokens.

    Attributes:
        begins: an empty prompt is one of these.
        ends: of a text that ended by itself.
    """

    begins: frozenset[int] = frozenset((SOS, EOS))
    ends: frozenset[int] = frozenset((EOS,))


def special_ids(home: Home, run: str) -> SpecialIds:
    """The special ids of a run's model; those of this program if they cannot be read."""
    from core.tokenizer.imported import read_facts  # Slow to import, not for the first frame.

    try:
        facts = read_facts(home.runs / run)
    except MiniGPTError:
        facts = None
    if facts is None:
        return SpecialIds()
    begins = facts.end_ids if facts.begin_id is None else [facts.begin_id]
    return SpecialIds(frozenset(begins), frozenset(facts.end_ids))
