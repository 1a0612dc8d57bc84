"""Key bindings of the Cursor screen. Single letters act; text is typed only in a dialog."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.sampling_settings import setting_bindings

DEFAULT_BRANCHES, MAX_BRANCHES = 4, 9


def _key(key: str, action: str, label: str, tooltip: str, display: str | None = None) -> Binding:
    """A key that is not in the footer."""
    return Binding(key, action, label, show=False, tooltip=tooltip, key_display=display)


MOVING: list[BindingType] = [
    Binding("escape", "stop", "Stop", tooltip="Stop generating; tokens so far are kept"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    _key("left", "move(-1)", "Left", "Cursor to the previous token", "←"),
    _key("right", "move(1)", "Right", "Cursor to the next token", "→"),
    _key("home", "move_far(-1)", "Start", "Cursor to the first token"),
    _key("end", "move_far(1)", "End", "Cursor to the end of the text"),
    _key("up", "move_choice(-1)", "Up", "Select a likelier token"),
    _key("down", "move_choice(1)", "Down", "Select a less likely token"),
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
    _key("left_square_bracket", "sibling(-1)", "Previous", "Previous branch at this fork", "["),
    _key("left_curly_bracket", "parent", "Parent", "Parent branch", "{"),
    _key("right_curly_bracket", "child", "Child", "Next child branch", "}"),
    _key("pageup", "change_text(-1)", "Older", "Previous text with its branches"),
    _key("pagedown", "change_text(1)", "Newer", "Next text with its branches"),
    *(
        _key(str(count), f"branch_count({count})", "Branches", f"b generates {count} branches")
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
    _key("w", "inside", "Inside", "Look inside the model at this token"),
    _key("e", "own_text", "Text", "Type or paste your own text to be scored"),
    _key("y", "copy", "Copy", "Copy this branch from the beginning"),
]
SETTINGS: list[BindingType] = [
    *setting_bindings(),
    _key("s", "seed", "Seed", "Keep the seed of the last branches, or draw a new one for each"),
    _key("g", "greedy", "Greedy", "Back to greedy: always the likeliest token"),
]
WEIGHTS: list[BindingType] = [
    _key("comma", "older", "Older", "Previous snapshot, same text"),
    _key("full_stop", "newer", "Newer", "Next snapshot, same text"),
    _key("l", "newest", "Newest", "Load the newest weights"),
    _key("f12", "best", "Best", "Weights with the lowest validation loss"),
]
BINDINGS = [*MOVING, *BRANCHES, *OTHER_VIEWS, *SETTINGS, *WEIGHTS]
