"""Where did it read that: the parts of a reply that stand word for word in the corpus.

A corpus at a line: what stands around it, read from the file as one goes on; nothing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from core.attribution.passages import PassageLine, read_lines_around
from core.errors import MiniGPTError
from core.text.encoding import Encoding
from tui.common.format import CHOSEN
from tui.common.wrapping import Piece
from tui.screens.base import BaseScreen
from tui.talk import origin
from tui.talk.origin import MARKS, PLAIN_MARKS, CopiedPassage, CorpusPlace, ReplyOrigin
from tui.talk.record import Turn
from tui.widgets.token_text import MarkedText


class PassageScreen(BaseScreen):
    """Some lines of a file, beginning with those around a place.

    Args:
        place: what is marked.
        encoding: of the file.
    """

    HEADING = "Corpus"
    HELP = "The text the run was trained on, around the place; more is read as you go on."
    CSS_PATH = "../styles/origin.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", key_display="↑", tooltip="A line up"),
        Binding("down,j", "move(1)", "Down", key_display="↓", tooltip="A line down"),
        Binding("pageup", "page(-1)", "Page up", key_display="PgUp", tooltip="A page up"),
        Binding(
            "pagedown,space", "page(1)", "Page down", key_display="PgDn", tooltip="A page down"
        ),
        Binding("enter,home", "place", "Back to it", key_display="Enter", tooltip="To the place"),
    ]

    def __init__(self, place: CorpusPlace, encoding: Encoding) -> None:
        super().__init__()
        self._place, self._encoding = place, encoding
        self._lines: list[PassageLine] = []

    def body(self) -> ComposeResult:
        """The lines."""
        yield MarkedText()

    def on_mount(self) -> None:
        """Reads around the place."""
        self._read(self._place.offset, self._place.line)

    @work(group="passage", exclusive=True, exit_on_error=False)
    async def _read(self, offset: int, number: int) -> None:
        try:
            lines = await asyncio.to_thread(
                read_lines_around, self._place.file, self._encoding, offset, number
            )
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._lines = lines
        self.set_title(f"line {self._place.line:,} of {self._place.file.name}")
        pieces, view = self._pieces(number)
        self.query_one(MarkedText).show(pieces, view)

    def _pieces(self, number: int) -> tuple[list[Piece], int | None]:
        """The lines with their numbers, and which piece stands at a line."""
        width = max((len(f"{line.number:,}") for line in self._lines), default=1)
        pieces: list[Piece] = []
        view = None
        for line in self._lines:
            if line.number == number:
                view = len(pieces)
            here = line.number == self._place.line
            pieces.append((f"{line.number:>{width},} ", "accent" if here else "muted"))
            pieces += self._marked(line) if here else [(line.text, "")]
            pieces.append(("\n", ""))
        return pieces, view

    def _marked(self, line: PassageLine) -> list[Piece]:
        """The line of the place: what stands there between marks, as far as it is on this line."""
        left, right = PLAIN_MARKS if self.services.terminal.is_ascii else MARKS
        wanted = self._place.text.split("\n")[0]
        before = self._place.before.rpartition("\n")[2]
        begin = line.text.find(before + wanted)
        if begin < 0 or not wanted:
            return [(f"{left}{line.text}{right}", CHOSEN)]
        begin += len(before)
        end = begin + len(wanted)
        marked = f"{left}{line.text[begin:end]}{right}"
        return [(line.text[:begin], ""), (marked, CHOSEN), (line.text[end:], "")]

    def action_place(self) -> None:
        """Back to where one began."""
        self._read(self._place.offset, self._place.line)

    def action_move(self, by: int) -> None:
        """A line."""
        self._scroll(by)

    def action_page(self, by: int) -> None:
        """A page."""
        self._scroll(by * max(1, self.query_one(MarkedText).size.height - 1))

    def _scroll(self, by: int) -> None:
        """Within what was read; at its edge more is read."""
        text = self.query_one(MarkedText)
        edge = text.max_scroll_y if by > 0 else 0
        if text.scroll_offset.y != edge or not self._lines:
            text.scroll_relative(y=by, animate=False)
            return
        line = self._lines[-1 if by > 0 else 0]
        self._read(line.offset, line.number)


LEAST, MOST_LEAST, PLACES = 4, 64, 5
Widths = list[tuple[int, str]] | None


class OriginScreen(BaseScreen):
    """The replies of a talk, one at a time, with their copies marked.

    Args:
        turns: the replies, oldest first, each with the run that spoke; the last one is shown first.
    """

    HEADING = "Where did it read that?"
    HELP = (
        "Parts of the reply that stand word for word in the text the run was trained on, at least "
        "so many tokens long. The first time an index of the text is made; it is kept."
    )
    CSS_PATH = "../styles/origin.tcss"
    HORIZONTAL_BREAKPOINTS: Widths = [(0, "-below"), (100, "-side")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,n", "copy(1)", "Next", key_display="→", tooltip="The next copy"),
        Binding("left,N", "copy(-1)", "Before", key_display="←", tooltip="The copy before"),
        Binding("p,tab", "place", "Place", key_display="p", tooltip="The next place of this copy"),
        Binding("enter", "open", "Open", tooltip="The corpus, at this line"),
        Binding("up", "reply(-1)", "Older", key_display="↑", tooltip="The reply before"),
        Binding("down", "reply(1)", "Newer", key_display="↓", tooltip="The reply after"),
        Binding("plus", "least(1)", "Longer", key_display="+", tooltip="Only longer copies"),
        Binding("minus", "least(-1)", "Shorter", key_display="-", tooltip="Shorter copies too"),
        Binding("pageup", "page(-1)", "Up", show=False, tooltip="Back through the reply"),
        Binding("pagedown", "page(1)", "Down", show=False, tooltip="On through the reply"),
    ]

    def __init__(self, turns: Sequence[tuple[str, Turn]]) -> None:
        super().__init__()
        self._turns, self._number = list(turns), len(turns) - 1
        self._least, self._copy, self._place = LEAST, 0, 0
        self._found: ReplyOrigin | None = None

    def body(self) -> ComposeResult:
        """Figures, the reply, the places."""
        yield Static(id="figures", markup=False)
        with Horizontal(id="room"):
            yield MarkedText()
            yield Static(id="places")

    def on_mount(self) -> None:
        """Looks at the newest reply."""
        self._look()

    @property
    def _turn(self) -> Turn:
        return self._turns[self._number][1]

    @property
    def _spans(self) -> tuple[CopiedPassage, ...]:
        return self._found.spans if self._found else ()

    @property
    def _span(self) -> CopiedPassage | None:
        return self._spans[self._copy] if self._spans else None

    @property
    def _chosen_place(self) -> CorpusPlace | None:
        return self._span.places[self._place] if self._span and self._span.places else None

    @work(group="origin", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        """Has the index ready, then compares the reply."""
        run, turn = self._turns[self._number]
        self._found, self._copy, self._place = None, 0, 0
        self.set_title(f"{run} · reply {self._number + 1} of {len(self._turns)}")
        self._show("Looking…")
        asked = {"text": turn.text, "least": self._least, "places": PLACES}
        try:
            await self._have_index(run)
            said = await self.services.client.request("origin", run=run, **asked)
        except MiniGPTError as error:
            self._show(f"This cannot be looked up: {error.message}")
            self.show_error(error)
            return
        self._found = origin.read_origin(said)
        for note in self._found.notes:
            self.notify(note, markup=False)
        self._show()

    async def _have_index(self, run: str) -> None:
        """Closing the stream, as leaving the screen does, cancels the work."""
        async with aclosing(self.services.client.stream("index", run=run)) as said:
            async for message in said:
                if not message.get("done"):
                    self._show(_progress(message))
                for note in message.get("notes", ()):
                    self.notify(note, markup=False)

    def _show(self, instead: str = "") -> None:
        found, marks = self._found, self._marks
        text = self.query_one(MarkedText)
        places = self.query_one("#places", Static)
        self.refresh_bindings()
        if found is None:
            self.query_one("#figures", Static).update(instead)
            text.show([(f"{self._sign} ", "accent"), (self._turn.prompt, "prompt")])
            text.append([(self._turn.text, "")])
            places.update("")
            return
        figures = origin.chosen_header(found, self._copy)
        self.query_one("#figures", Static).update(figures)
        pieces, view = origin.reply_pieces(self._turn.prompt, found, self._copy, marks, self._sign)
        text.show(pieces, view)
        self._show_places()

    def _show_places(self) -> None:
        places = self.query_one("#places", Static)
        if self._span is None:
            places.update(origin.NONE.format(least=self._least))
            return
        width = max(20, places.content_size.width or self.size.width - 4)
        several = origin.several(self._spans)
        rows = origin.place_rows(self._span, self._place, width, self._sign, several=several)
        places.update(rows)

    def on_resize(self) -> None:
        """The places have another width."""
        if self._found is not None:
            self.call_after_refresh(self._show_places)

    @property
    def _marks(self) -> tuple[str, str]:
        return PLAIN_MARKS if self.services.terminal.is_ascii else MARKS

    @property
    def _sign(self) -> str:
        return ">" if self.services.terminal.is_ascii else "›"

    def action_copy(self, by: int) -> None:
        """To another copy; after the last comes the first."""
        self._copy, self._place = (self._copy + by) % len(self._spans), 0
        self._show()

    def action_place(self) -> None:
        """To the next place of the copy."""
        assert self._span is not None
        self._place = (self._place + 1) % len(self._span.places)
        self._show_places()

    def action_open(self) -> None:
        """The corpus at this line."""
        place, found = self._chosen_place, self._found
        assert place is not None
        assert found is not None
        self.app.push_screen(PassageScreen(place, Encoding(found.encoding, found.errors)))

    def action_reply(self, by: int) -> None:
        """To another reply."""
        self._number += by
        self._look()

    def action_least(self, by: int) -> None:
        """Copies of more, or fewer tokens."""
        self._least += by
        self._look()

    def action_page(self, by: int) -> None:
        """Through a long reply."""
        text = self.query_one(MarkedText)
        text.scroll_relative(y=by * max(1, text.size.height - 1), animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer tells what can be done now."""
        match action, parameters:
            case "copy", _:
                return len(self._spans) > 1
            case "place", _:
                return self._span is not None and len(self._span.places) > 1
            case "open", _:
                return self._chosen_place is not None
            case "reply", (int(by),):
                return 0 <= self._number + by < len(self._turns)
            case "least", (int(by),):
                return 1 <= self._least + by <= MOST_LEAST
        return True


def _progress(message: dict[str, Any]) -> str:
    done, total = message.get("finished", 0), message.get("total") or 1
    return (
        f"{str(message.get('phase', '')).capitalize()}: {done / total:.0%}. Esc leaves; it stops."
    )
