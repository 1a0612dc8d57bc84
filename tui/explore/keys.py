"""The keys of Step. Single letters act: nothing is typed here but in the lines that ask for it."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.sampling_settings import bindings as setting_keys

MOST_NUMBERED = 9


def _key(key: str, action: str, label: str, tooltip: str) -> Binding:
    """A key that is not in the footer."""
    return Binding(key, action, label, show=False, tooltip=tooltip)


CHOOSING: list[BindingType] = [
    Binding("escape", "stop_run", "Stop", tooltip="Stop running on; what came stays"),
    Binding("escape", "leave_found", "All", tooltip="Back to the likeliest tokens"),
    Binding("escape", "back", "Back", tooltip="Go back; nothing is lost"),
    Binding(
        "enter", "top", "Take", tooltip="Take the row with the cursor: the likeliest, at first"
    ),
    Binding("space", "roll", "Roll", tooltip="Take what the settings and the seed choose"),
    Binding("backspace", "undo", "Undo", tooltip="Take back the last token"),
    Binding("slash", "find", "Find", tooltip="Find any token of the vocabulary, and its rank"),
    _key("x", "run", "Run on", "Roll to the end, or for as many tokens as are set"),
    _key("f", "five", "Five", "Roll five tokens"),
    *(
        _key(str(number), f"take({number})", "Take", f"Take row {number}")
        for number in range(1, MOST_NUMBERED + 1)
    ),
    _key("up", "move(-1)", "Up", "Cursor to the row above"),
    _key("down", "move(1)", "Down", "Cursor to the row below"),
    _key("pageup", "page(-1)", "Page up", "Cursor a page up"),
    _key("pagedown", "page(1)", "Page down", "Cursor a page down"),
]
BEYOND: list[BindingType] = [
    Binding("equals_sign", "pin", "Pin", tooltip="Pin these weights and settings, or let go"),
    _key("e", "edit", "Edit", "Begin with another text"),
    _key("y", "copy", "Copy", "Copy the text so far"),
    _key("v", "cursor", "Cursor", "Any token of the text so far: put another, branch"),
    _key("w", "inside", "Inside", "Look inside the model at this place"),
    _key("i", "index", "Index", "Build the index of the corpus, for what it says itself"),
]
SETTINGS: list[BindingType] = [
    *setting_keys(),
    _key("s", "seed", "Seed", "Draw another seed for Space"),
    _key("g", "greedy", "Greedy", "Back to greedy: always the likeliest token"),
]
WEIGHTS: list[BindingType] = [
    _key("comma", "older", "Older", "The same place at the snapshot before"),
    _key("full_stop", "newer", "Newer", "The same place at the snapshot after"),
    _key("b", "best", "Best", "The weights with the lowest validation loss"),
    _key("l", "newest", "Newest", "The newest weights, read anew"),
    _key("o", "other_run", "Another run", "The same text with another run"),
]
BINDINGS = [*CHOOSING, *BEYOND, *SETTINGS, *WEIGHTS]
