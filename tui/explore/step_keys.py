"""Key bindings of the Step screen. Single letters act; text is typed only in dialogs."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key
from tui.explore.keys import NEWER, NEWEST, OLDER, best_key, setting_keys

NUMBERED_ROWS = 9


CHOOSING: list[BindingType] = [
    Binding("escape", "stop_run", "Stop", tooltip="Stop sampling; tokens so far are kept"),
    Binding("escape", "show_likeliest", "All", tooltip="Back to the likeliest tokens"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    Binding("enter", "take_cursor", "Take", tooltip="Append the token at the cursor"),
    Binding("space", "sample", "Sample", tooltip="Append a token sampled with the settings"),
    Binding("backspace", "undo", "Undo", tooltip="Remove the last token"),
    Binding("slash", "find", "Find", tooltip="Find any token of the vocabulary, and its rank"),
    hidden_key("x", "sample_to_end", "To the end", "Sample to the end or to the token limit"),
    hidden_key("f", "sample_five", "Five", "Sample five tokens"),
    *(
        hidden_key(str(number), f"take({number})", "Take", f"Append the token of row {number}")
        for number in range(1, NUMBERED_ROWS + 1)
    ),
    hidden_key("up", "move(-1)", "Up", "Cursor to the row above"),
    hidden_key("down", "move(1)", "Down", "Cursor to the row below"),
    hidden_key("pageup", "page(-1)", "Page up", "Cursor a page up"),
    hidden_key("pagedown", "page(1)", "Page down", "Cursor a page down"),
]
OTHER_VIEWS: list[BindingType] = [
    Binding("equals_sign", "pin", "Pin", tooltip="Pin these weights and settings, or unpin"),
    hidden_key("e", "edit", "Edit", "Edit the text"),
    hidden_key("y", "copy", "Copy", "Copy the text so far"),
    hidden_key("v", "cursor", "Cursor", "Edit or branch at any token of the text"),
    hidden_key("w", "inside", "Inside", "Look inside the model at this position"),
    hidden_key("i", "index", "Index", "Build the corpus index, for counts from the corpus"),
]
SETTINGS = setting_keys("Draw another seed for sampling")
WEIGHTS: list[BindingType] = [
    OLDER,
    NEWER,
    best_key("b"),
    NEWEST,
    hidden_key("o", "other_run", "Another run", "Another run, same text"),
]
BINDINGS = [*CHOOSING, *OTHER_VIEWS, *SETTINGS, *WEIGHTS]
