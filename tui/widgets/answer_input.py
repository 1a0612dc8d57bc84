"""The input for an answer in the game of Blank."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.widgets.line_input import LineInput


class AnswerInput(LineInput):
    """One line for a word; Enter answers with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Answer", tooltip="Answer with this word", id="blank.answer"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder="your word", compact=True, id="answer")
