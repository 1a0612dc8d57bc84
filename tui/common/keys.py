"""Tables of keys, generated from the bindings for the help screen, the palette and docs/keys.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.screen import Screen

from tui.common.keymap import active_keymap, remap_bindings

KEY_NAMES = {
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
KEY_SIGNS = {"Enter": "↵", "Up": "↑", "Down": "↓", "Left": "←", "Right": "→", "Backspace": "⌫"}
DIGIT_PLACEHOLDER = "\0"


def hidden_key(
    key: str,
    action: str,
    label: str,
    tooltip: str,
    display: str | None = None,
    *,
    first: bool = False,
) -> Binding:
    """Return a binding that is not in the footer.

    Args:
        display: the name of the key, if it is not that of `key_name`.
        first: whether it takes precedence over the focused widget's own keys.
    """
    return Binding(
        key, action, label, show=False, key_display=display, priority=first, tooltip=tooltip
    )


class KeyRow(NamedTuple):
    """One row of a table of keys.

    Attributes:
        key: as printed on a keyboard.
        description: the tooltip of the binding.
        action: its name in the code.
    """

    key: str
    description: str
    action: str


def key_rows(screen: Screen[object]) -> list[KeyRow]:
    """The keys of the focused widget, the screen and the app, without repetitions."""
    keymap = active_keymap(screen.app)
    maps = (remap_bindings(node, keymap) for node in key_nodes(screen))
    rows = [row for bindings in maps for row in binding_rows(bindings)]
    return list(dict.fromkeys(rows))


def key_nodes(screen: Screen[object]) -> list[DOMNode]:
    """The nodes whose bindings are active: the focused widget, the screen, the app.

    Textual's own widgets are left out: their keys are the usual ones of lists and inputs.
    """
    focused = screen.focused
    if focused is None or type(focused).__module__.startswith("textual."):
        return [screen, screen.app]
    return [focused, screen, screen.app]


def binding_rows(bindings: BindingsMap) -> list[KeyRow]:
    """One row for each action whose bindings have a tooltip."""
    by_action: dict[str, list[Binding]] = {}
    for _, binding in bindings:
        if binding.tooltip:
            by_action.setdefault(binding.action, []).append(binding)
    return [
        KeyRow(" ".join(dict.fromkeys(map(key_name, group))), group[0].tooltip, group[0].action)
        for group in by_action.values()
    ]


def merge_digit_rows(rows: Iterable[KeyRow]) -> list[KeyRow]:
    """Merge rows of digits that differ only in their number into one, such as 1-9."""
    merged: list[KeyRow] = []
    indices: dict[str, int] = {}  # of the row in `merged`, by description without the number
    for row in rows:
        description = row.description
        if row.key.isdecimal():
            description = re.sub(rf"\b{row.key}\b", DIGIT_PLACEHOLDER, description)
        if DIGIT_PLACEHOLDER in description and description in indices:
            index = indices[description]
            first = merged[index].key.partition("-")[0]
            numbers = description.replace(DIGIT_PLACEHOLDER, f"{first} to {row.key}")
            merged[index] = KeyRow(f"{first}-{row.key}", numbers, row.action)
            continue
        indices[description] = len(merged)
        merged.append(row)
    return merged


def key_name(binding: Binding) -> str:
    """The usual name of a key: Ctrl+Q, F1, ?."""
    if binding.key_display:
        return binding.key_display
    *modifiers, key = binding.key.split("+")
    if modifiers or re.fullmatch(r"f\d+", key):
        parts = [*(part.capitalize() for part in modifiers), KEY_NAMES.get(key, key.capitalize())]
        return "+".join(parts)
    return KEY_NAMES.get(key, key)
