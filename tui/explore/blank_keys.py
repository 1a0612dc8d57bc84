"""Key bindings of the Blank screen. Letters act, but for those of an answer in the game."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.common.keys import hidden_key
from tui.explore.keys import BEST, INSIDE, NEWER, OLDER, PANEL

BINDINGS: list[BindingType] = [
    hidden_key("left", "move(-1)", "Left", "Cursor to the previous word", "←"),
    hidden_key("right", "move(1)", "Right", "Cursor to the next word", "→"),
    hidden_key("home", "move_far(-1)", "Start", "Cursor to the first word"),
    hidden_key("end", "move_far(1)", "End", "Cursor to the last word"),
    hidden_key("up", "choose(-1)", "Up", "Select a likelier word"),
    hidden_key("down", "choose(1)", "Down", "Select a less likely word"),
    Binding("enter", "put", "Put in", tooltip="Put the selected word in, or answer with it"),
    Binding("space", "mask", "Mask", tooltip="Mask the word at the cursor, or restore it"),
    Binding(
        "m", "game", "Game", tooltip="Mask 15 % at random: you guess, then the model's choice shows"
    ),
    Binding("e,f2", "edit", "Edit", tooltip="Edit the text, or type another; [] is a blank"),
    INSIDE,
    Binding(
        "right_square_bracket",
        "next_blank(1)",
        "Next blank",
        key_display="]",
        tooltip="Cursor to the next blank",
    ),
    hidden_key(
        "left_square_bracket", "next_blank(-1)", "Last", "Cursor to the previous blank", "["
    ),
    PANEL,
    OLDER,
    NEWER,
    BEST,
    hidden_key("y", "copy", "Copy", "Copy the text with its choices"),
    Binding("escape", "clear", "Clear", tooltip="Clear the answer"),
    Binding("escape", "end_round", "End game", tooltip="End the game; the words return"),
    Binding("escape", "restore", "Restore", tooltip="Restore the words that were masked"),
    Binding("escape", "back", "Back", tooltip="Go back"),
]
COMMANDS = (  # in the palette only: what they do, and the action
    ("Load the newest weights", "newest"),
    ("Set the score of the game to zero", "forget_score"),
)
