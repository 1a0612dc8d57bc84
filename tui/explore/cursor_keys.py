"""Key bindings of the Cursor screen. Single letters act; text is typed only in a dialog."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key
from tui.explore.keys import BEST, GREEDY, INSIDE, NEWER, OLDER, PANEL

DEFAULT_BRANCHES, MAX_BRANCHES = 4, 9

BINDINGS: list[BindingType] = [
    Binding("escape", "stop", "Stop", tooltip="Stop generating; tokens so far are kept"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    hidden_key("left", "move(-1)", "Left", "Cursor to the previous token", "←"),
    hidden_key("right", "move(1)", "Right", "Cursor to the next token", "→"),
    hidden_key("home", "move_far(-1)", "Start", "Cursor to the first token"),
    hidden_key("end", "move_far(1)", "End", "Cursor to the end of the text"),
    hidden_key("up", "move_choice(-1)", "Up", "Select a likelier token"),
    hidden_key("down", "move_choice(1)", "Down", "Select a less likely token"),
    Binding(
        "enter",
        "replace",
        "Replace",
        tooltip="Put the selected token here and continue; the old text stays as a branch",
    ),
    Binding("space", "branch", "Branch", tooltip=f"Generate {DEFAULT_BRANCHES} branches from here"),
    Binding(
        "right_square_bracket",
        "sibling(1)",
        "Next",
        key_display="]",
        tooltip="Next branch at the nearest fork",
    ),
    hidden_key(
        "left_square_bracket", "sibling(-1)", "Previous", "Previous branch at this fork", "["
    ),
    Binding("backspace", "parent", "Parent", tooltip="Back to the parent branch"),
    INSIDE,
    hidden_key("f", "blank", "Blank", "Mask words of this text, with the encoder of its corpus"),
    Binding(
        "u",
        "probabilities",
        "Unsure",
        tooltip="Show token probabilities as colours and tenths; ! is below 1%",
    ),
    PANEL,
    OLDER,
    NEWER,
    BEST,
    GREEDY,
    hidden_key("f2", "own_text", "Text", "Type or paste your own text to be scored"),
]
COMMANDS = (  # in the palette only: what they do, and the action
    ("Next child branch", "child"),
    ("Previous text with its branches", "change_text(-1)"),
    ("Next text with its branches", "change_text(1)"),
    ("Copy this branch from the beginning", "copy"),
    ("Load the newest weights", "newest"),
    *(
        (f"Generate {count} branches at a time", f"branch_count({count})")
        for count in (2, DEFAULT_BRANCHES, MAX_BRANCHES)
    ),
)
