"""What could come next after the text: the likeliest tokens with bars."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from core.server.replies import NextTokensReply
from core.server.tokens import CandidateToken
from tui.common.format import mark_spaces
from tui.explore.candidates import percent
from tui.plot.bars import bar
from tui.widgets.panel import Panel, is_wide

TITLE = "Next token"
MARK = "›"
NARROW_ROWS, NARROW_COLUMNS = 3, 2
MARK_CELLS, MIN_LABEL_CELLS, MAX_LABEL_CELLS, PERCENT_CELLS, GAP_CELLS = 2, 4, 12, 7, 2
NOTHING = "shown after the reply"
MAX_ENTROPY = 50.0  # nats; beyond, the perplexity is no number to read
BITS_PER_NAT = 1 / math.log(2)


class NextTokenPanel(Panel):
    """The likeliest next tokens, with entropy and perplexity of the distribution."""

    def __init__(self, id: str | None = None) -> None:
        self.rows = NextTokenRows()
        super().__init__(self.rows, title=TITLE, id=id)
        self._measures = ""

    class Taken(Message):
        """Enter or a double click on a token.

        Attributes:
            token: the chosen one.
        """

        def __init__(self, token: CandidateToken) -> None:
            super().__init__()
            self.token = token

    def show(self, view: NextTokensReply | None, vocab_size: int | None, note: str = "") -> None:
        """Show what could come next.

        Args:
            view: None while it is unknown.
            vocab_size: the number of tokens there are.
            note: why nothing is shown.
        """
        self._measures = ""
        if view is not None:
            perplexity = math.exp(min(view.entropy, MAX_ENTROPY))
            bits = f"entropy {view.entropy * BITS_PER_NAT:.1f} bits"
            self._measures = f"{bits} · perplexity {perplexity:,.1f}"
        self.rows.show(view, vocab_size, note)
        self._show_measures()

    def on_resize(self) -> None:
        """Show the measures where there is room for them."""
        self._show_measures()

    def _show_measures(self) -> None:
        narrow_title = f"{TITLE} · {self._measures}" if self._measures else TITLE
        self.set_title(TITLE if is_wide(self) else narrow_title)
        self.set_hint(self._measures)


class NextTokenRows(Widget, can_focus=True):
    """The tokens; one of them is chosen while the rows have the focus."""

    DEFAULT_CSS = "NextTokenRows { height: 1fr; width: 1fr; text-wrap: nowrap; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Step with it", tooltip="Take the token and continue in Step"),
        Binding("up", "choose(-1)", "Token", key_display="↑↓", tooltip="Choose a token"),
        Binding("down", "choose(1)", "Token", show=False, tooltip="Choose a token"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view: NextTokensReply | None = None
        self._vocab_size: int | None = None
        self._note = ""
        self._chosen = 0

    def show(self, view: NextTokensReply | None, vocab_size: int | None, note: str) -> None:
        """Show these tokens."""
        if (view, vocab_size, note) != (self._view, self._vocab_size, self._note):
            self._view, self._vocab_size, self._note = view, vocab_size, note
            self._chosen = 0
            self.refresh()

    @property
    def tokens(self) -> list[CandidateToken]:
        """The tokens that fit."""
        top = self._view.top if self._view else []
        return top[: self._columns * self._rows]

    @property
    def _columns(self) -> int:
        return 1 if is_wide(self) else NARROW_COLUMNS

    @property
    def _rows(self) -> int:
        """Rows of tokens; the last two of a tall panel are for the others."""
        height = self.size.height
        return max(1, height - 2) if is_wide(self) else max(1, height)

    # Display

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A few rows where the screen is narrow."""
        return NARROW_ROWS

    def render(self) -> Content:
        """The rows."""
        if self._view is None:
            return Content.styled(self._note or NOTHING, "$faint")
        tokens, rows, columns = self.tokens, self._rows, self._columns
        gap = GAP_CELLS * (columns - 1)
        width = (self.size.width - gap) // columns
        label = max((cell_len(token_label(token)) for token in tokens), default=0)
        label = min(MAX_LABEL_CELLS, max(MIN_LABEL_CELLS, label))
        lines = []
        for row in range(min(rows, len(tokens))):
            cells = [self._token(index, width, label) for index in range(row, len(tokens), rows)]
            lines.append(Content(" " * GAP_CELLS).join(cells))
        if is_wide(self) and (rest := self._rest(tokens)):
            lines += [Content(""), Content.styled(rest, "$faint")]
        return Content("\n").join(lines)

    def _token(self, index: int, width: int, label: int) -> Content:
        """A token's text, bar and probability."""
        token, is_ascii = self.tokens[index], self.app.has_class("-ascii")
        is_chosen = self.has_focus and index == self._chosen
        # Greedy decoding removes all but the first, which is bold.
        is_removed = token.removed not in (None, "temperature")
        style = "$faint" if is_removed else "bold $ink" if index == 0 or is_chosen else "$ink"
        text = token_label(token)
        if cell_len(text) > label:
            text = set_cell_size(text, label - 1) + "…"
        bar_style = "$faint" if is_removed else "$secondary"
        bar_cells = max(1, width - MARK_CELLS - label - 1 - PERCENT_CELLS)
        row = Content.assemble(
            (f"{MARK if is_chosen else '':<{MARK_CELLS}}", "bold $primary"),
            (set_cell_size(text, label) + " ", style),
            bar(token.probability, bar_cells, bar_style, is_ascii=is_ascii),
            (f"{percent(token.probability):>{PERCENT_CELLS}}", style if is_removed else "$ink"),
        )
        return row.stylize("on $cursor") if is_chosen else row

    def _rest(self, tokens: list[CandidateToken]) -> str:
        """How many other tokens there are, and their share."""
        if self._vocab_size is None or self._vocab_size <= len(tokens):
            return ""
        share = max(0.0, 1.0 - sum(token.probability for token in tokens))
        return f"{self._vocab_size - len(tokens):,} more share {share:.1%} · x to choose"

    # Keys and mouse

    def action_choose(self, by: int) -> None:
        """Choose the token above or below."""
        self._choose(max(0, min(len(self.tokens) - 1, self._chosen + by)))

    def _choose(self, index: int) -> None:
        self._chosen = index
        self.refresh()

    def action_take(self) -> None:
        """Take the chosen token."""
        if self.tokens:
            self.post_message(NextTokenPanel.Taken(self.tokens[self._chosen]))

    def on_click(self, event: Click) -> None:
        """Choose the token under the pointer; a double click takes it."""
        width = (self.size.width - GAP_CELLS * (self._columns - 1)) // self._columns
        column = min(self._columns - 1, event.x // (width + GAP_CELLS))
        index = event.y + column * self._rows
        if event.y < self._rows and index < len(self.tokens):
            event.stop()
            self._choose(index)
            if event.chain == 2:
                self.action_take()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Choose a likelier token."""
        event.stop()
        self.action_choose(-1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Choose a less likely token."""
        event.stop()
        self.action_choose(1)

    def on_focus(self) -> None:
        """Show the mark."""
        self.refresh()

    def on_blur(self) -> None:
        """Remove the mark."""
        self.refresh()


def token_label(token: CandidateToken) -> str:
    """A token's text without the blank before a word; other blanks are made visible."""
    return mark_spaces(token.text.removeprefix(" ") if token.text.strip() else token.text)
