"""Where two replies to one prompt part, in words. Pure."""

from __future__ import annotations

from tui.common.sanitize import one_line
from tui.talk.record import Turn
from tui.explore.walk import first_difference
from core.run.weights_choice import label

SHOWN = 24  # characters of what was the same, and of what was not


def parting(pinned: Turn, turn: Turn) -> str:
    """How a reply differs from one that was pinned; empty where that says nothing."""
    if pinned.id == turn.id or pinned.prompt != turn.prompt:
        return ""
    name = f"pinned ({label(pinned.weights, pinned.step)})"
    at = first_difference(pinned.text, turn.text)
    if at is None:
        return f"the same as {name}"
    same = turn.text[:at]
    begin = max(same.rfind(" "), 0)  # a word that differs is shown whole
    here, there = (_beginning(text[begin:]) for text in (turn.text, pinned.text))
    before = one_line(same[:begin]).strip()
    after = (
        f"after “{before if len(before) <= SHOWN else '…' + before[-SHOWN:]}” " if before else ""
    )
    return f"{after}here {here}, {name} {there}"


def _beginning(text: str) -> str:
    shown = one_line(text).strip()
    if not shown:
        return "the end"
    return f"“{shown}”" if len(shown) <= SHOWN else f"“{shown[:SHOWN]}…”"
