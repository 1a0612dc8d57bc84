"""Key bindings of Chat: letters in command mode, function and control keys also while typing.

Keys that a terminal or tmux may intercept are not used: Ctrl+B, Ctrl+I, Ctrl+M, Ctrl+H, F11.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.sampling_settings import setting_bindings

MAX_SUGGESTIONS = 9
TYPING = "typing"  # in the footer only while the prompt has the focus, where letters are typed

GREEDY_TOOLTIP = "Back to greedy: always the likeliest token"
SETTING_TOOLTIP = "Select the setting that F6 and F7 change"
BEST_TOOLTIP = "Weights with the lowest validation loss"
NEWEST_TOOLTIP = "Newest weights, also while it trains"
SEED_TOOLTIP = "Keep the seed of the last reply, or draw a new one for each"


def _key(key: str, action: str, label: str, tooltip: str, *, first: bool = False) -> Binding:
    """A key that is not in the footer; `first` if it takes precedence over the prompt's own."""
    return Binding(key, action, label, show=False, priority=first, tooltip=tooltip)


MODES: list[BindingType] = [
    Binding("escape", "stop_reply", "Stop", priority=True, tooltip="Stop the reply; it is kept"),
    Binding("escape", "command", "Commands", tooltip="Command mode: single letters act"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    _key("ctrl+c", "stop_by_copy", "Stop", "Stop the reply, unless text is selected", first=True),
    Binding("i,enter", "type", "Type", key_display="i", tooltip="Type a prompt"),
]
TURNS: list[BindingType] = [
    Binding("r", "again", "Again", tooltip="Send the last prompt again"),
    Binding("e", "edit", "Edit", tooltip="Edit the last prompt"),
    Binding("y", "copy_reply", "Copy", tooltip="Copy the last reply"),
    _key("f5,ctrl+r", "again", "Again", "Send the last prompt again", first=True),
    _key("x", "step", "Step", "Choose token by token, from the end of the last reply"),
    _key("ctrl+t", "step", "Step", "Choose token by token, from the typed text", first=True),
    _key("w", "inside", "Inside", "Look inside the model at the end of the last reply"),
    Binding("c", "origin", "Sources", tooltip="Sources: passages copied from the corpus"),
    _key("v", "cursor", "Cursor", "Edit or branch at any token of the last reply"),
    _key("equals_sign", "pin", "Pin", "Pin the last reply and compare later ones with it"),
    _key("Y", "copy_all", "Copy all", "Copy the whole conversation"),
]
SETTINGS: list[BindingType] = [
    *setting_bindings(),
    _key("s", "seed", "Seed", SEED_TOOLTIP),
    _key("ctrl+s", "seed", "Seed", SEED_TOOLTIP, first=True),
    _key("g", "greedy", "Greedy", GREEDY_TOOLTIP),
    Binding("f2", f"greedy('{TYPING}')", "Greedy", priority=True, tooltip=GREEDY_TOOLTIP),
    _key("f2", "greedy()", "Greedy", GREEDY_TOOLTIP, first=True),
    _key("f3", "adjust('temperature', 1)", "Warmer", "Raise temperature", first=True),
    _key("f6", "adjust_selected(-1)", "Less", "Lower the selected setting", first=True),
    _key("f7", "adjust_selected(1)", "More", "Raise the selected setting", first=True),
    Binding("f8", f"next_setting('{TYPING}')", "Setting", priority=True, tooltip=SETTING_TOOLTIP),
    _key("f8", "next_setting()", "Setting", SETTING_TOOLTIP, first=True),
]
WEIGHTS: list[BindingType] = [
    _key("comma", "older", "Older", "Previous snapshot"),
    _key("full_stop", "newer", "Newer", "Next snapshot"),
    _key("b", "best", "Best", BEST_TOOLTIP),
    _key("l", "newest", "Newest", NEWEST_TOOLTIP),
    _key("o", "other_run", "Another run", "Chat with another run"),
    _key("f9", "older", "Older", "Previous snapshot", first=True),
    _key("f10", "newer", "Newer", "Next snapshot", first=True),
    _key("f12", "best", "Best", BEST_TOOLTIP, first=True),
    _key("ctrl+l", "newest", "Newest", NEWEST_TOOLTIP, first=True),
    _key("ctrl+o", "other_run", "Another run", "Chat with another run", first=True),
]
SCROLLING: list[BindingType] = [
    _key("pageup", "page(-1)", "Up", "Scroll a page up", first=True),
    _key("pagedown", "page(1)", "Down", "Scroll a page down", first=True),
]
SUGGESTIONS: list[BindingType] = [
    _key(
        str(number),
        f"use_suggestion('{number}')",
        "Use",
        f"Use suggested word {number}",
        first=True,
    )
    for number in range(1, MAX_SUGGESTIONS + 1)
]
BINDINGS = [*MODES, *TURNS, *SETTINGS, *WEIGHTS, *SCROLLING, *SUGGESTIONS]
