"""The keys of Talk: letters in command mode, function and control keys also while typing.

Keys that a terminal or tmux may keep for itself are left out: Ctrl+B, Ctrl+I, Ctrl+M, Ctrl+H, F11.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.sampling_settings import bindings as setting_keys

MOST_OFFERED = 9
TYPING = "typing"  # in the footer only while the prompt has the focus, where letters are typed

GREEDY = "Back to greedy: always the likeliest token"
SETTING = "Choose what F6 and F7 turn"


def _key(key: str, action: str, label: str, tooltip: str, *, first: bool = False) -> Binding:
    """A key that is not in the footer; `first` if it comes before the prompt's own."""
    return Binding(key, action, label, show=False, priority=first, tooltip=tooltip)


MODES: list[BindingType] = [
    Binding("escape", "stop_reply", "Stop", priority=True, tooltip="Stop the reply; it is kept"),
    Binding("escape", "command", "Commands", tooltip="Leave the prompt: single letters act"),
    Binding("escape", "back", "Back", tooltip="Go back; nothing is lost"),
    _key("ctrl+c", "stop_by_copy", "Stop", "Stop the reply, unless text is selected", first=True),
    Binding("i,enter", "type", "Type", key_display="i", tooltip="Type a prompt"),
]
TURNS: list[BindingType] = [
    Binding("r", "again", "Again", tooltip="Send the last prompt once more"),
    Binding("e", "edit", "Edit", tooltip="Edit the last prompt and send it again"),
    Binding("y", "copy_reply", "Copy", tooltip="Copy the last reply"),
    _key("f5,ctrl+r", "again", "Again", "Send the last prompt once more", first=True),
    _key("x", "step", "Step", "Choose token by token, from the last reply's end"),
    _key("ctrl+t", "step", "Step", "Choose token by token, from what is typed", first=True),
    _key("w", "inside", "Inside", "Look inside the model, at the last reply's end"),
    Binding("c", "origin", "Source", tooltip="Where it read that: mark what was copied"),
    _key("v", "cursor", "Cursor", "Any token of the last reply: put another, branch"),
    _key("equals_sign", "pin", "Pin", "Pin the last reply: those after it say where they part"),
    _key("Y", "copy_talk", "Copy all", "Copy the whole talk"),
]
SETTINGS: list[BindingType] = [
    *setting_keys(),
    _key("s", "seed", "Seed", "Keep the seed of the last reply, or draw a new one for each"),
    _key("ctrl+s", "seed", "Seed", "Keep the seed of the last reply, or draw new ones", first=True),
    _key("g", "greedy", "Greedy", GREEDY),
    Binding("f2", f"greedy('{TYPING}')", "Greedy", priority=True, tooltip=GREEDY),
    _key("f2", "greedy()", "Greedy", GREEDY, first=True),
    _key("f3", "turn('temperature', 1)", "Warmer", "Raise temperature", first=True),
    _key("f6", "turn_chosen(-1)", "Less", "Lower the chosen setting", first=True),
    _key("f7", "turn_chosen(1)", "More", "Raise the chosen setting", first=True),
    Binding("f8", f"next_setting('{TYPING}')", "Setting", priority=True, tooltip=SETTING),
    _key("f8", "next_setting()", "Setting", SETTING, first=True),
]
WEIGHTS: list[BindingType] = [
    _key("comma", "older", "Older", "Weights of the snapshot before"),
    _key("full_stop", "newer", "Newer", "Weights of the snapshot after"),
    _key("b", "best", "Best", "The weights with the lowest validation loss"),
    _key("l", "newest", "Newest", "The newest weights, also while it trains"),
    _key("o", "other_run", "Another run", "Talk to another run"),
    _key("f9", "older", "Older", "Weights of the snapshot before", first=True),
    _key("f10", "newer", "Newer", "Weights of the snapshot after", first=True),
    _key("f12", "best", "Best", "The weights with the lowest validation loss", first=True),
    _key("ctrl+l", "newest", "Newest", "The newest weights, also while it trains", first=True),
    _key("ctrl+o", "other_run", "Another run", "Talk to another run", first=True),
]
SCROLL: list[BindingType] = [
    _key("pageup", "page(-1)", "Up", "Back through the talk", first=True),
    _key("pagedown", "page(1)", "Down", "On through the talk", first=True),
]
OFFER: list[BindingType] = [
    _key(
        str(number), f"take('{number}')", "Take", f"Take word {number} of those offered", first=True
    )
    for number in range(1, MOST_OFFERED + 1)
]
BINDINGS = [*MODES, *TURNS, *SETTINGS, *WEIGHTS, *SCROLL, *OFFER]
