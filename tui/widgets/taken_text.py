"""The text of Step with the tokens taken, and below it their path with probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from core.server.tokens import SessionToken
from tui.explore.taken_path import INDEX, breadcrumb, path_text

DOUBLE_CLICK = 2


class _TokenStatic(Static):
    """A text whose tokens can be clicked."""

    def on_click(self, event: Click) -> None:
        """Post the token clicked on."""
        index = event.style.meta.get(INDEX)
        if isinstance(index, int):
            self.post_message(TakenText.Clicked(index, twice=event.chain == DOUBLE_CLICK))


class TakenText(_TokenStatic):
    """The end of the text, as far as it fits; its height follows the text.

    Attributes:
        max_rows: how many rows it may take.
    """

    DEFAULT_CSS = "TakenText { height: 1; }"

    class Clicked(Message):
        """A taken token was clicked.

        Attributes:
            index: of the token among those taken.
            twice: whether it was a double click.
        """

        def __init__(self, index: int, *, twice: bool) -> None:
            super().__init__()
            self.index, self.twice = index, twice

    def __init__(self) -> None:
        super().__init__(id="text", markup=False)
        self._content = Content("")
        self.max_rows = 1

    def show(
        self, prompt: str, text: str, tokens: Sequence[SessionToken], upcoming: str = ""
    ) -> None:
        """Show a text; see `path_text`."""
        self._content = path_text(prompt, text, tokens, upcoming)
        self._draw()

    def on_resize(self) -> None:
        """Wrap the text anew."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if not width:
            return
        lines = [line for part in self._content.split("\n") for line in part.wrap(width)]
        shown = lines[-self.max_rows :]
        self.styles.height = max(1, len(shown))
        self.update(Content("\n").join(shown))


class Breadcrumb(_TokenStatic):
    """The last tokens taken, as far as they fit."""

    DEFAULT_CSS = "Breadcrumb { height: auto; }"

    def __init__(self) -> None:
        super().__init__(id="taken", markup=False)
        self._tokens: Sequence[SessionToken] = ()

    def show(self, tokens: Sequence[SessionToken]) -> None:
        """Show the path of these tokens."""
        self._tokens = list(tokens)
        self._draw()

    def on_resize(self) -> None:
        """Show what fits into the new width."""
        self._draw()

    def _draw(self) -> None:
        if width := self.content_size.width:
            is_ascii = self.app.has_class("-ascii")
            self.update(breadcrumb(self._tokens, width, is_ascii=is_ascii))
