"""Key bindings of Chat: letters in command mode, function and control keys also while typing.

Keys that a terminal or tmux may intercept are not used: Ctrl+B, Ctrl+I, Ctrl+M, Ctrl+H, F11.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key
from tui.common.sampling_settings import setting_bindings

MAX_SUGGESTIONS = 9
TYPING = "typing"  # in the footer only while the prompt has the focus, where letters are typed

GREEDY_TOOLTIP = "Back to greedy: always the likeliest token"
SETTING_TOOLTIP = "Select the setting that F6 and F7 change"
BEST_TOOLTIP = "Weights with the lowest validation loss"
NEWEST_TOOLTIP = "Newest weights, also while it trains"
SEED_TOOLTIP = "Keep the seed of the last reply, or draw a new one for each"


MODES: list[BindingType] = [
    Binding("escape", "stop_reply", "Stop", priority=True, tooltip="Stop the reply; it is kept"),
    Binding("escape", "command", "Commands", tooltip="Command mode: single letters act"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    hidden_key(
        "ctrl+c", "stop_by_copy", "Stop", "Stop the reply, unless text is selected", first=True
    ),
    Binding("i,enter", "type", "Type", key_display="i", tooltip="Type a prompt"),
]
TURNS: list[BindingType] = [
    Binding("r", "again", "Again", tooltip="Send the last prompt again"),
    Binding("e", "edit", "Edit", tooltip="Edit the last prompt"),
    Binding("y", "copy_reply", "Copy", tooltip="Copy the last reply"),
    hidden_key("f5,ctrl+r", "again", "Again", "Send the last prompt again", first=True),
    hidden_key("x", "step", "Step", "Choose token by token, from the end of the last reply"),
    hidden_key("ctrl+t", "step", "Step", "Choose token by token, from the typed text", first=True),
    hidden_key("w", "inside", "Inside", "Look inside the model at the end of the last reply"),
    Binding("c", "origin", "Sources", tooltip="Sources: passages copied from the corpus"),
    hidden_key("v", "cursor", "Cursor", "Edit or branch at any token of the last reply"),
    hidden_key("equals_sign", "pin", "Pin", "Pin the last reply and compare later ones with it"),
    hidden_key("Y", "copy_all", "Copy all", "Copy the whole conversation"),
]
SETTINGS: list[BindingType] = [
    *setting_bindings(),
    hidden_key("s", "seed", "Seed", SEED_TOOLTIP),
    hidden_key("ctrl+s", "seed", "Seed", SEED_TOOLTIP, first=True),
    hidden_key("g", "greedy", "Greedy", GREEDY_TOOLTIP),
    Binding("f2", f"greedy('{TYPING}')", "Greedy", priority=True, tooltip=GREEDY_TOOLTIP),
    hidden_key("f2", "greedy()", "Greedy", GREEDY_TOOLTIP, first=True),
    hidden_key("f3", "adjust('temperature', 1)", "Warmer", "Raise temperature", first=True),
    hidden_key("f6", "adjust_selected(-1)", "Less", "Lower the selected setting", first=True),
    hidden_key("f7", "adjust_selected(1)", "More", "Raise the selected setting", first=True),
    Binding("f8", f"next_setting('{TYPING}')", "Setting", priority=True, tooltip=SETTING_TOOLTIP),
    hidden_key("f8", "next_setting()", "Setting", SETTING_TOOLTIP, first=True),
]
WEIGHTS: list[BindingType] = [
    hidden_key("comma", "older", "Older", "Previous snapshot"),
    hidden_key("full_stop", "newer", "Newer", "Next snapshot"),
    hidden_key("b", "best", "Best", BEST_TOOLTIP),
    hidden_key("l", "newest", "Newest", NEWEST_TOOLTIP),
    hidden_key("o", "other_run", "Another run", "Chat with another run"),
    hidden_key("f9", "older", "Older", "Previous snapshot", first=True),
    hidden_key("f10", "newer", "Newer", "Next snapshot", first=True),
    hidden_key("f12", "best", "Best", BEST_TOOLTIP, first=True),
    hidden_key("ctrl+l", "newest", "Newest", NEWEST_TOOLTIP, first=True),
    hidden_key("ctrl+o", "other_run", "Another run", "Chat with another run", first=True),
]
SCROLLING: list[BindingType] = [
    hidden_key("pageup", "page(-1)", "Up", "Scroll a page up", first=True),
    hidden_key("pagedown", "page(1)", "Down", "Scroll a page down", first=True),
]
SUGGESTIONS: list[BindingType] = [
    hidden_key(
        str(number),
        f"use_suggestion('{number}')",
        "Use",
        f"Use suggested word {number}",
        first=True,
    )
    for number in range(1, MAX_SUGGESTIONS + 1)
]
BINDINGS = [*MODES, *TURNS, *SETTINGS, *WEIGHTS, *SCROLLING, *SUGGESTIONS]
