"""Sources: passages of a reply that occur verbatim in the corpus, and the corpus around them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from core.attribution.passages import PassageLine, read_lines_around
from core.errors import MiniGPTError
from core.server.protocol import IndexRequest, OriginRequest
from core.server.replies import IndexProgress, OriginPlace, OriginReply, OriginSpan
from core.text.encoding import Encoding
from tui.chat import origin
from tui.chat.origin import MARKS, PLAIN_MARKS
from tui.chat.record import Turn
from tui.common.format import CHOSEN
from tui.common.wrapping import Piece
from tui.screens.base import BaseScreen
from tui.widgets.token_text import MarkedText
from tui.widgets.transcript import prompt_mark

MIN_COPY_TOKENS, MAX_MIN_COPY_TOKENS = 4, 64
MAX_PLACES = 5
Breakpoints = list[tuple[int, str]] | None


class OriginScreen(BaseScreen):
    """The replies of a conversation, one at a time, with copied passages marked.

    Args:
        turns: oldest first, each with the run that generated it; the last one is shown first.
    """

    HEADING = "Sources"
    HELP = (
        "Passages of the reply that occur verbatim in the corpus, from a minimum number of tokens. "
        "The corpus index is built the first time and kept."
    )
    CSS_PATH = "../styles/origin.tcss"
    HORIZONTAL_BREAKPOINTS: Breakpoints = [(0, "-below"), (100, "-side")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,n",
            "next_copy(1)",
            "Next",
            key_display="→",
            tooltip="Next copied passage",
            id="next_copy",
        ),
        Binding(
            "left,N",
            "next_copy(-1)",
            "Previous",
            key_display="←",
            tooltip="Previous passage",
            id="previous_copy",
        ),
        Binding("p,tab", "place", "Place", key_display="p", tooltip="Next place of this passage"),
        Binding("enter", "open", "Open", tooltip="Open the corpus at this place"),
        Binding("up", "reply(-1)", "Older", key_display="↑", tooltip="Previous reply"),
        Binding("down", "reply(1)", "Newer", key_display="↓", tooltip="Next reply"),
        Binding(
            "plus",
            "min_tokens(1)",
            "Longer",
            key_display="+",
            tooltip="Longer passages only",
            id="longer",
        ),
        Binding(
            "minus",
            "min_tokens(-1)",
            "Shorter",
            key_display="-",
            tooltip="Shorter passages too",
            id="shorter",
        ),
        Binding("pageup", "page(-1)", "Up", show=False, tooltip="Scroll a page up"),
        Binding("pagedown", "page(1)", "Down", show=False, tooltip="Scroll a page down"),
    ]

    def __init__(self, turns: Sequence[tuple[str, Turn]], index: int | None = None) -> None:
        super().__init__()
        self._turns = list(turns)
        self._turn_index = len(turns) - 1 if index is None else index
        self._min_tokens = MIN_COPY_TOKENS
        self._span_index = self._place_index = 0
        self._reply: OriginReply | None = None

    def body(self) -> ComposeResult:
        """Yield the figures, the reply and the places."""
        yield Static(id="figures", markup=False)
        with Horizontal(id="room"):
            yield MarkedText()
            yield Static(id="places")

    def on_mount(self) -> None:
        """Look up the newest reply."""
        self._look_up()

    @property
    def _turn(self) -> Turn:
        return self._turns[self._turn_index][1]

    @property
    def _spans(self) -> Sequence[OriginSpan]:
        return self._reply.spans if self._reply else ()

    @property
    def _span(self) -> OriginSpan | None:
        return self._spans[self._span_index] if self._spans else None

    @property
    def _place(self) -> OriginPlace | None:
        return self._span.places[self._place_index] if self._span and self._span.places else None

    @work(group="origin", exclusive=True, exit_on_error=False)
    async def _look_up(self) -> None:
        """Build the index if needed, then find the copied passages of the reply."""
        run, turn = self._turns[self._turn_index]
        self._reply, self._span_index, self._place_index = None, 0, 0
        self.set_header(run, state=f"reply {self._turn_index + 1} of {len(self._turns)}")
        self._show("Searching…")
        request = OriginRequest(
            run=run, text=turn.text, min_tokens=self._min_tokens, max_places=MAX_PLACES
        )
        try:
            await self._build_index(run)
            self._reply = await self.services.client.request(request)
        except MiniGPTError as error:
            self._show(f"Not available: {error.message}")
            self.show_error(error)
            return
        for note in self._reply.notes:
            self.notify(note, markup=False)
        self._show()

    async def _build_index(self, run: str) -> None:
        """Build the index; closing the stream, as leaving the screen does, cancels that."""
        messages = self.services.client.stream(IndexRequest(run=run))
        async with aclosing(messages):
            async for message in messages:
                if isinstance(message, IndexProgress):
                    share = message.finished / (message.total or 1)
                    phase = message.phase.capitalize()
                    self._show(f"{phase}: {share:.0%}. Esc cancels.")
                else:
                    for note in message.notes:
                        self.notify(note, markup=False)

    def _show(self, status: str = "") -> None:
        """Show the reply with its passages, or a status while there is none."""
        reply, turn = self._reply, self._turn
        figures, text = self.query_one("#figures", Static), self.query_one(MarkedText)
        self.refresh_bindings()
        if reply is None:
            figures.update(status)
            text.show([(f"{self._mark} ", "accent"), (turn.prompt, "prompt"), (turn.text, "")])
            self.query_one("#places", Static).update("")
            return
        figures.update(origin.summary(reply, self._span_index))
        marks = PLAIN_MARKS if self.services.terminal.is_ascii else MARKS
        pieces, view = origin.reply_pieces(turn.prompt, reply, self._span_index, marks, self._mark)
        text.show(pieces, view)
        self._show_places()

    def _show_places(self) -> None:
        places = self.query_one("#places", Static)
        if self._span is None or self._reply is None:
            places.update(origin.NO_COPIES.format(min_tokens=self._min_tokens))
            return
        width = max(20, places.content_size.width or self.size.width - 4)
        with_files = origin.has_several_files(self._reply)
        places.update(
            origin.place_rows(
                self._span, self._place_index, width, self._mark, with_files=with_files
            )
        )

    def on_resize(self) -> None:
        """Refit the places."""
        if self._reply is not None:
            self.call_after_refresh(self._show_places)

    @property
    def _mark(self) -> str:
        return prompt_mark(self.services.terminal.charset)

    def action_next_copy(self, by: int) -> None:
        """Select another passage, cyclically."""
        self._span_index = (self._span_index + by) % len(self._spans)
        self._place_index = 0
        self._show()

    def action_place(self) -> None:
        """Select the next place of the passage."""
        assert self._span is not None
        self._place_index = (self._place_index + 1) % len(self._span.places)
        self._show_places()

    def action_open(self) -> None:
        """Open the corpus at the selected place."""
        place, reply = self._place, self._reply
        assert place is not None
        assert reply is not None
        self.app.push_screen(PassageScreen(place, Encoding(reply.encoding, reply.errors)))

    def action_reply(self, by: int) -> None:
        """Show another reply."""
        self._turn_index += by
        self._look_up()

    def action_min_tokens(self, by: int) -> None:
        """Change the minimum length of passages."""
        self._min_tokens += by
        self._look_up()

    def action_page(self, by: int) -> None:
        """Scroll a long reply."""
        text = self.query_one(MarkedText)
        text.scroll_relative(y=by * max(1, text.size.height - 1), animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        match action, parameters:
            case "next_copy", _:
                return len(self._spans) > 1
            case "place", _:
                return self._span is not None and len(self._span.places) > 1
            case "open", _:
                return self._place is not None
            case "reply", (int(by),):
                return 0 <= self._turn_index + by < len(self._turns)
            case "min_tokens", (int(by),):
                return 1 <= self._min_tokens + by <= MAX_MIN_COPY_TOKENS
        return True


class PassageScreen(BaseScreen):
    """Lines of a corpus file around a place; more are read while scrolling.

    Args:
        place: what is marked.
        encoding: of the file.
    """

    HEADING = "Corpus"
    HELP = "The corpus around the passage; scrolling reads more."
    CSS_PATH = "../styles/origin.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", key_display="↑", tooltip="A line up"),
        Binding("down,j", "move(1)", "Down", key_display="↓", tooltip="A line down"),
        Binding("pageup", "page(-1)", "Page up", key_display="PgUp", tooltip="A page up"),
        Binding(
            "pagedown,space", "page(1)", "Page down", key_display="PgDn", tooltip="A page down"
        ),
        Binding(
            "enter,home", "passage", "Passage", key_display="Enter", tooltip="Back to the passage"
        ),
    ]

    def __init__(self, place: OriginPlace, encoding: Encoding) -> None:
        super().__init__()
        self._place, self._encoding = place, encoding
        self._file = Path(place.file)
        self._lines: list[PassageLine] = []

    def body(self) -> ComposeResult:
        """Yield the lines."""
        yield MarkedText()

    def on_mount(self) -> None:
        """Read the lines around the place."""
        self.action_passage()

    @work(group="passage", exclusive=True, exit_on_error=False)
    async def _read(self, offset: int, number: int) -> None:
        try:
            lines = await asyncio.to_thread(
                read_lines_around, self._file, self._encoding, offset, number
            )
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._lines = lines
        self.set_header(self._file.name, state=f"line {self._place.line:,}")
        self.query_one(MarkedText).show(*self._pieces(number))

    def _pieces(self, number: int) -> tuple[list[Piece], int | None]:
        """Return the lines with their numbers, and the index of the piece of line `number`."""
        width = max((len(f"{line.number:,}") for line in self._lines), default=1)
        pieces: list[Piece] = []
        view = None
        for line in self._lines:
            if line.number == number:
                view = len(pieces)
            here = line.number == self._place.line
            pieces.append((f"{line.number:>{width},} ", "accent" if here else "muted"))
            pieces += self._marked_line(line.text) if here else [(line.text, "")]
            pieces.append(("\n", ""))
        return pieces, view

    def _marked_line(self, text: str) -> list[Piece]:
        """Return the line of the place, with the passage between marks as far as it is on it."""
        left, right = PLAIN_MARKS if self.services.terminal.is_ascii else MARKS
        passage = self._place.text.split("\n")[0]
        before = self._place.before.rpartition("\n")[2]
        begin = text.find(before + passage)
        if begin < 0 or not passage:
            return [(f"{left}{text}{right}", CHOSEN)]
        begin += len(before)
        end = begin + len(passage)
        return [(text[:begin], ""), (f"{left}{passage}{right}", CHOSEN), (text[end:], "")]

    def action_passage(self) -> None:
        """Show the lines around the place."""
        self._read(self._place.offset, self._place.line)

    def action_move(self, by: int) -> None:
        """Scroll by lines."""
        self._scroll(by)

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        self._scroll(by * max(1, self.query_one(MarkedText).size.height - 1))

    def _scroll(self, by: int) -> None:
        """Scroll within the lines read; at their edge read more."""
        text = self.query_one(MarkedText)
        edge = text.max_scroll_y if by > 0 else 0
        if text.scroll_offset.y != edge or not self._lines:
            text.scroll_relative(y=by, animate=False)
            return
        line = self._lines[-1 if by > 0 else 0]
        self._read(line.offset, line.number)
