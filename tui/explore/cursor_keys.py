"""Key bindings of the Cursor screen. Single letters act; text is typed only in a dialog."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key
from tui.explore.keys import NEWER, NEWEST, OLDER, best_key, setting_keys

DEFAULT_BRANCHES, MAX_BRANCHES = 4, 9


MOVING: list[BindingType] = [
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
]
BRANCHES: list[BindingType] = [
    Binding(
        "b", "branch", "Branch", tooltip=f"Generate {DEFAULT_BRANCHES} branches, or as set with 2–9"
    ),
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
    hidden_key("left_curly_bracket", "parent", "Parent", "Parent branch", "{"),
    hidden_key("right_curly_bracket", "child", "Child", "Next child branch", "}"),
    hidden_key("pageup", "change_text(-1)", "Older", "Previous text with its branches"),
    hidden_key("pagedown", "change_text(1)", "Newer", "Next text with its branches"),
    *(
        hidden_key(
            str(count), f"branch_count({count})", "Branches", f"b generates {count} branches"
        )
        for count in range(2, MAX_BRANCHES + 1)
    ),
]
OTHER_VIEWS: list[BindingType] = [
    Binding(
        "c",
        "probabilities",
        "Chances",
        tooltip="Show token probabilities as colours and tenths; ! is below 1%",
    ),
    hidden_key("w", "inside", "Inside", "Look inside the model at this token"),
    hidden_key("e", "own_text", "Text", "Type or paste your own text to be scored"),
    hidden_key("y", "copy", "Copy", "Copy this branch from the beginning"),
]
SETTINGS = setting_keys("Keep the seed of the last branches, or draw a new one for each")
WEIGHTS: list[BindingType] = [OLDER, NEWER, NEWEST, best_key("f12")]
BINDINGS = [*MOVING, *BRANCHES, *OTHER_VIEWS, *SETTINGS, *WEIGHTS]
