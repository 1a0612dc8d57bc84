"""Key bindings of Chat: letters outside the prompt, two function keys also while typing.

Keys that a terminal or tmux may intercept are not used: Ctrl+B, Ctrl+I, Ctrl+M, Ctrl+H, F11.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key

AS_UNKNOWN = "0"  # the key that reads unknown words as <unk>
MAX_SUGGESTIONS = 9
WARMER_TOOLTIP = "Answer the last prompt at temperature 0.8 with top p 0.95"

MODES: list[BindingType] = [
    Binding("escape", "stop_reply", "Stop", priority=True, tooltip="Stop the reply; it is kept"),
    Binding("escape", "command", "Commands", tooltip="Leave the prompt: single letters act"),
    Binding("escape", "type", "Prompt", tooltip="Back to the prompt"),
    Binding("escape", "back", "Back", tooltip="Go back"),
    hidden_key(
        "ctrl+c", "stop_by_copy", "Stop", "Stop the reply, unless text is selected", first=True
    ),
    Binding("f3", "warmer", "Try warmer", priority=True, tooltip=WARMER_TOOLTIP),
    Binding("tab", "app.focus_next", "Panels", tooltip="Turns, settings, weights, next token"),
]
TURNS: list[BindingType] = [
    Binding("r", "again", "Again", tooltip="Send the prompt again"),
    Binding("y", "copy_reply", "Copy", tooltip="Copy the reply"),
    Binding("x", "step", "Step", tooltip="Choose token by token, from the end of the reply"),
    Binding("i", "inside", "Inside", tooltip="Look inside the model at the end of the reply"),
    Binding("s", "origin", "Sources", tooltip="Sources: passages copied from the corpus"),
    Binding("v", "cursor", "Branches", tooltip="Edit or branch at any token of the reply"),
    Binding("o", "why", "Which word", tooltip="Leave out each word in turn: which one decides"),
    Binding("n", "new", "New", tooltip="New conversation; the earlier ones stay in the record"),
    Binding("slash", "search", "Find", tooltip="Find a text in the conversation; again: older"),
    Binding("d", "remove", "Remove", tooltip="Remove the chosen turn, or a prompt without reply"),
    hidden_key("equals_sign", "pin", "Pin", "Pin the reply and compare later ones with it"),
    hidden_key("T", "test", "Test", "Test how often the replies of these weights are right"),
    hidden_key("w", "export", "Write", "Write the conversation to a file: Markdown or JSON"),
    hidden_key("f5", "again", "Again", "Send the prompt again", first=True),
]
SETTINGS: list[BindingType] = [
    hidden_key("g", "greedy", "Greedy", "All settings back to greedy: the likeliest token"),
]
WEIGHTS: list[BindingType] = [
    hidden_key("comma", "older", "Older", "Older weights"),
    hidden_key("full_stop", "newer", "Newer", "Newer weights"),
    hidden_key("b", "best", "Best", "Best weights, by the validation part"),
]
SCROLLING: list[BindingType] = [
    hidden_key("pageup", "page(-1)", "Up", "Scroll a page up", first=True),
    hidden_key("pagedown", "page(1)", "Down", "Scroll a page down", first=True),
]
SUGGESTIONS: list[BindingType] = [
    hidden_key(
        AS_UNKNOWN,
        f"use_suggestion('{AS_UNKNOWN}')",
        "As <unk>",
        "Read unknown words as <unk>",
        first=True,
    ),
    *(
        hidden_key(
            str(number),
            f"use_suggestion('{number}')",
            "Use",
            f"Use suggested word {number}",
            first=True,
        )
        for number in range(1, MAX_SUGGESTIONS + 1)
    ),
]
BINDINGS = [*MODES, *TURNS, *SETTINGS, *WEIGHTS, *SCROLLING, *SUGGESTIONS]
