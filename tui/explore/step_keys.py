"""Key bindings of the Step screen. Single letters act; text is typed only in dialogs."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.sampling_settings import setting_bindings

NUMBERED_ROWS = 9


def _key(key: str, action: str, label: str, tooltip: str) -> Binding:
    """A key that is not in the footer."""
    return Binding(key, action, label, show=False, tooltip=tooltip)


CHOOSING: list[BindingType] = [
    Binding("escape", "stop_run", "Stop", tooltip="Stop sampling; tokens so far are kept"),
    Binding("escape", "show_likeliest", "All", tooltip="Back to the likeliest tokens"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    Binding("enter", "take_cursor", "Take", tooltip="Append the token at the cursor"),
    Binding("space", "sample", "Sample", tooltip="Append a token sampled with the settings"),
    Binding("backspace", "undo", "Undo", tooltip="Remove the last token"),
    Binding("slash", "find", "Find", tooltip="Find any token of the vocabulary, and its rank"),
    _key("x", "sample_to_end", "To the end", "Sample to the end or to the token limit"),
    _key("f", "sample_five", "Five", "Sample five tokens"),
    *(
        _key(str(number), f"take({number})", "Take", f"Append the token of row {number}")
        for number in range(1, NUMBERED_ROWS + 1)
    ),
    _key("up", "move(-1)", "Up", "Cursor to the row above"),
    _key("down", "move(1)", "Down", "Cursor to the row below"),
    _key("pageup", "page(-1)", "Page up", "Cursor a page up"),
    _key("pagedown", "page(1)", "Page down", "Cursor a page down"),
]
OTHER_VIEWS: list[BindingType] = [
    Binding("equals_sign", "pin", "Pin", tooltip="Pin these weights and settings, or unpin"),
    _key("e", "edit", "Edit", "Edit the text"),
    _key("y", "copy", "Copy", "Copy the text so far"),
    _key("v", "cursor", "Cursor", "Edit or branch at any token of the text"),
    _key("w", "inside", "Inside", "Look inside the model at this position"),
    _key("i", "index", "Index", "Build the corpus index, for counts from the corpus"),
]
SETTINGS: list[BindingType] = [
    *setting_bindings(),
    _key("s", "seed", "Seed", "Draw another seed for sampling"),
    _key("g", "greedy", "Greedy", "Back to greedy: always the likeliest token"),
]
WEIGHTS: list[BindingType] = [
    _key("comma", "older", "Older", "Previous snapshot, same text"),
    _key("full_stop", "newer", "Newer", "Next snapshot, same text"),
    _key("b", "best", "Best", "Weights with the lowest validation loss"),
    _key("l", "newest", "Newest", "Load the newest weights"),
    _key("o", "other_run", "Another run", "Another run, same text"),
]
BINDINGS = [*CHOOSING, *OTHER_VIEWS, *SETTINGS, *WEIGHTS]
