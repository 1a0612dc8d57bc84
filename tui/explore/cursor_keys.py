"""The keys of the cursor. Single letters act: nothing is typed here but in the line that asks."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.sampling_settings import bindings as setting_keys

WAYS, MOST_WAYS = 4, 9


def _key(key: str, action: str, label: str, tooltip: str, sign: str | None = None) -> Binding:
    """A key that is not in the footer."""
    return Binding(key, action, label, show=False, tooltip=tooltip, key_display=sign)


MOVING: list[BindingType] = [
    Binding("escape", "stop", "Stop", tooltip="Stop; what came is kept"),
    Binding("escape", "back", "Back", tooltip="Go back; nothing is lost"),
    _key("left", "move(-1)", "Left", "Cursor to the token before", "←"),
    _key("right", "move(1)", "Right", "Cursor to the token after", "→"),
    _key("home", "far(-1)", "Begin", "Cursor to the first token"),
    _key("end", "far(1)", "End", "Cursor to the end, where the text could go on"),
    _key("up", "choose(-1)", "Up", "Choose a likelier token"),
    _key("down", "choose(1)", "Down", "Choose a less likely token"),
    Binding(
        "enter",
        "swap",
        "Swap",
        tooltip="Put the chosen token here and go on from it; the old end is kept beside it",
    ),
]
BRANCHES: list[BindingType] = [
    Binding("b", "spread", "Branch", tooltip=f"{WAYS} ways on from here, or as many as 2–9 set"),
    Binding(
        "right_square_bracket",
        "sibling(1)",
        "Next",
        key_display="]",
        tooltip="The next way at the nearest fork",
    ),
    _key("left_square_bracket", "sibling(-1)", "Before", "The way before it", "["),
    _key("left_curly_bracket", "parent", "Parent", "The branch this one parts from", "{"),
    _key("right_curly_bracket", "child", "Child", "The branch that parts next from this one", "}"),
    _key("pageup", "text(-1)", "Older", "The text before, with its branches"),
    _key("pagedown", "text(1)", "Newer", "The text after, with its branches"),
    *(
        _key(str(count), f"ways({count})", "Ways", f"b makes {count} ways")
        for count in range(2, MOST_WAYS + 1)
    ),
]
BEYOND: list[BindingType] = [
    Binding(
        "c",
        "chances",
        "Chances",
        tooltip="How likely each token was, in colours and tenths; ! is less than 1%",
    ),
    _key("w", "inside", "Inside", "Look inside the model at this token"),
    _key("e", "text_of_own", "Text", "Type or paste a text of your own, to be scored"),
    _key("y", "copy", "Copy", "Copy this branch, from the beginning"),
]
SETTINGS: list[BindingType] = [
    *setting_keys(),
    _key("s", "seed", "Seed", "Keep the seed of the last branches, or draw a new one for each"),
    _key("g", "greedy", "Greedy", "Back to greedy: always the likeliest token"),
]
WEIGHTS: list[BindingType] = [
    _key("comma", "older", "Older", "The same place at the snapshot before"),
    _key("full_stop", "newer", "Newer", "The same place at the snapshot after"),
    _key("l", "newest", "Newest", "The newest weights, read anew"),
    _key("f12", "best", "Best", "The weights with the lowest validation loss"),
]
BINDINGS = [*MOVING, *BRANCHES, *BEYOND, *SETTINGS, *WEIGHTS]
