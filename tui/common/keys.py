"""The keys of a screen as rows, read from its bindings: help and README say what is bound."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget


class KeyRow(NamedTuple):
    """One row of a table of keys.

    Attributes:
        key: as it is written on a keyboard.
        says: what it does.
        action: its name in the code.
    """

    key: str
    says: str
    action: str


def keys_of(screen: Screen[object]) -> list[KeyRow]:
    """The keys of a screen, its focused widget's and the app's, each action once."""
    rows = [row for node in nodes_of(screen) for row in bindings_of(node._bindings)]
    return list(dict.fromkeys(rows))


def nodes_of(screen: Screen[object]) -> list[DOMNode]:
    """Whose keys count while a screen is shown: what has the focus, the screen, the app."""
    focused = screen.focused
    own = [] if focused is None or _plain(focused) else [focused]
    return [*own, screen, screen.app]


def _plain(widget: Widget) -> bool:
    """Whether a widget is Textual's own: its keys are the usual ones of lists and lines."""
    return type(widget).__module__.startswith("textual.")


def bindings_of(bindings: BindingsMap) -> list[KeyRow]:
    """Rows of the bindings that say what they do."""
    by_action: dict[str, list[Binding]] = {}
    for _, binding in bindings:
        if binding.tooltip:
            by_action.setdefault(binding.action, []).append(binding)
    return [
        KeyRow(" ".join(dict.fromkeys(map(key_name, group))), group[0].tooltip, group[0].action)
        for group in by_action.values()
    ]


def folded(rows: Iterable[KeyRow]) -> list[KeyRow]:
    """One row for digits that do the same with their number: 1-9, instead of nine rows."""
    found: list[KeyRow] = []
    digits: dict[str, int] = {}  # what they do, without the number; where that row stands
    for row in rows:
        says = re.sub(rf"\b{row.key}\b", NUMBER, row.says) if row.key.isdecimal() else row.says
        if NUMBER in says and says in digits:
            first = found[digits[says]].key.partition("-")[0]
            name, numbers = f"{first}-{row.key}", f"{first} to {row.key}"
            found[digits[says]] = KeyRow(name, says.replace(NUMBER, numbers), row.action)
            continue
        digits[says] = len(found)
        found.append(row)
    return found


NUMBER = "\0"
NAMES = {
    "question_mark": "?",
    "slash": "/",
    "escape": "Esc",
    "enter": "Enter",
    "comma": ",",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "space": "Space",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "up": "Up",
    "down": "Down",
    "tab": "Tab",
    "backspace": "Backspace",
    "home": "Home",
    "end": "End",
}


def key_name(binding: Binding) -> str:
    """A key as people write it: Ctrl+Q, F1, ?."""
    if binding.key_display:
        return binding.key_display
    *held, last = binding.key.split("+")
    if held or re.fullmatch(r"f\d+", last):
        return "+".join([*(part.capitalize() for part in held), NAMES.get(last, last.capitalize())])
    return NAMES.get(last, last)
