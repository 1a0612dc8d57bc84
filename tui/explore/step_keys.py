"""Key bindings of the Step screen. Single letters act; text is typed only in dialogs."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key
from tui.explore.keys import BEST, GREEDY, INSIDE, NEWER, OLDER, PANEL

NUMBERED_ROWS = 9
SAMPLED_TOKENS = 5

BINDINGS: list[BindingType] = [
    Binding("escape", "stop_run", "Stop", tooltip="Stop sampling; tokens so far are kept"),
    Binding("escape", "show_likeliest", "All", tooltip="Back to the likeliest tokens"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    Binding("enter", "take_cursor", "Take", tooltip="Append the token at the cursor"),
    Binding("space", "sample", "Roll", tooltip="Append a token sampled with the settings"),
    Binding("backspace", "undo", "Take back", tooltip="Take the last token back"),
    INSIDE,
    Binding("slash", "find", "Find", tooltip="Find any token of the vocabulary, and its rank"),
    Binding("c", "compare", "Compare", tooltip="Compare with another run, same text"),
    PANEL,
    hidden_key("equals_sign", "pin", "Pin", "Pin these weights and settings, or unpin"),
    *(
        hidden_key(str(number), f"take({number})", "Take", f"Append the token of row {number}")
        for number in range(1, NUMBERED_ROWS + 1)
    ),
    hidden_key("up", "move(-1)", "Up", "Cursor to the row above"),
    hidden_key("down", "move(1)", "Down", "Cursor to the row below"),
    hidden_key("pageup", "page(-1)", "Page up", "Cursor a page up"),
    hidden_key("pagedown", "page(1)", "Page down", "Cursor a page down"),
    OLDER,
    NEWER,
    BEST,
    GREEDY,
    hidden_key("f2", "edit", "Text", "Edit the text"),
    hidden_key("k", "index", "Corpus", "Build the corpus index, for counts from the corpus"),
]
COMMANDS = (  # in the palette only: what they do, and the action
    (f"Sample {SAMPLED_TOKENS} tokens", "sample_some"),
    ("Sample to the end of the text or to the token limit", "sample_to_end"),
    ("Copy the text so far", "copy"),
    ("Edit or branch at any token of the text", "cursor"),
    ("Another run, same text", "other_run"),
    ("Load the newest weights", "newest"),
)
