"""Sources: passages of a reply that occur verbatim in the corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from core.errors import MiniGPTError
from core.server.protocol import IndexRequest, OriginRequest
from core.server.replies import IndexProgress, OriginPlace, OriginReply, OriginSpan
from core.text.encoding import Encoding
from tui.chat import origin
from tui.chat.origin import MARKS, PLAIN_MARKS
from tui.chat.record import Turn
from tui.chat.turn_tree import JsonMessages, with_reply
from tui.common.keys import hidden_key
from tui.common.messages import CopyRequested, OpenChat, OpenInside, OpenStep
from tui.common.sanitize import clean
from tui.screens.base import BaseScreen
from tui.screens.corpus import PassageScreen
from tui.widgets.panel import Panel
from tui.widgets.row_list import RowList
from tui.widgets.source_lists import OPEN_TOOLTIP, PassageList, PlaceList
from tui.widgets.source_text import ReplyText, SourceText
from tui.widgets.transcript import prompt_mark

MIN_COPY_TOKENS, MAX_MIN_COPY_TOKENS = 4, 64
MAX_PLACES = 5
MAX_DIGIT = 9
SEARCHING = "The corpus is still being searched; Esc cancels."


class OriginScreen(BaseScreen):
    """The replies of a conversation, one at a time, with copied passages marked.

    Args:
        turns: oldest first, each with the run that generated it.
        index: of the one shown first; None is the last.
        messages_before: what the model read before a turn, where it replies to messages.
    """

    HEADING = "Sources"
    HELP = (
        "Passages of the reply that occur verbatim in the corpus, from a minimum number of tokens, "
        "and where. Step and Inside open just before the chosen passage: how sure was the model? "
        "The corpus index is built the first time and kept."
    )
    CSS_PATH = "../styles/origin.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Corpus", tooltip=OPEN_TOOLTIP),
        Binding(
            *("right", "next_copy(1)", "Passage"),
            key_display="←→",
            tooltip="Next copied passage",
            id="next_copy",
        ),
        hidden_key("left", "next_copy(-1)", "Previous", "Previous copied passage"),
        Binding("tab", "app.focus_next", "Panels", tooltip="Reply, copied passages, places"),
        Binding("x", "step", "Step", tooltip="Choose token by token, from before the passage"),
        Binding("i", "inside", "Inside", tooltip="Look inside the model before the passage"),
        Binding("y", "copy", "Copy", tooltip="Copy the passage, or the reply if nothing is copied"),
        Binding(
            *("comma", "reply(-1)", "Older"), key_display=",", tooltip="Older reply", id="older"
        ),
        Binding(
            *("full_stop", "reply(1)", "Newer"), key_display=".", tooltip="Newer reply", id="newer"
        ),
        Binding(
            *("plus", "min_tokens(1)", "Longer"),
            key_display="+",
            tooltip="Longer passages only",
            id="longer",
        ),
        Binding(
            *("minus", "min_tokens(-1)", "Shorter"),
            key_display="-",
            tooltip="Shorter passages too",
            id="shorter",
        ),
        Binding("t", "chat", "Chat", tooltip="Chat with the weights of this reply"),
        *(
            hidden_key(str(n), f"choose({n})", "Passage", f"Choose passage {n}")
            for n in range(1, MAX_DIGIT + 1)
        ),
    ]

    def __init__(
        self,
        turns: Sequence[tuple[str, Turn]],
        index: int | None = None,
        messages_before: Callable[[Turn], JsonMessages] | None = None,
    ) -> None:
        super().__init__()
        self._turns, self._messages_before = list(turns), messages_before
        self._turn_index = len(turns) - 1 if index is None else index
        self._min_tokens = MIN_COPY_TOKENS
        self._span_index = self._place_index = 0
        self._reply: OriginReply | None = None
        self._span_of_piece: dict[int, int] = {}
        self._failure = ""

    def body(self) -> ComposeResult:
        """The figures, the reply, its copied passages, and the places of the chosen one."""
        yield Static(id="figures", markup=False)
        with Container(id="room"):
            with Container(id="texts"):
                with Panel(title="Reply", id="replied"):
                    yield ReplyText(id="reply")
                with Panel(title="Around it", id="around"):
                    text = SourceText(id="context")
                    text.can_focus = False
                    yield text
            with Container(id="side"):
                hint = "+ longer only  - shorter too"
                with Panel(title="Copied passages", hint=hint, id="copied"):
                    yield PassageList(id="passages")
                hint = "Enter opens the corpus there"
                with Panel(title="In the corpus", hint=hint, id="found"):
                    yield PlaceList(self._marks, id="places")

    def on_mount(self) -> None:
        """Look up the newest reply."""
        self.query_one(PassageList).focus()
        self._look_up()

    @property
    def _marks(self) -> tuple[str, str]:
        return PLAIN_MARKS if self.services.terminal.is_ascii else MARKS

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

    # Searching

    @work(group="origin", exclusive=True, exit_on_error=False)
    async def _look_up(self) -> None:
        """Build the index if needed, then find the copied passages of the reply."""
        run, turn = self._turns[self._turn_index]
        self._reply, self._span_index, self._place_index = None, 0, 0
        self._failure = ""
        self.set_header(run, state=f"reply {self._turn_index + 1} of {len(self._turns)}")
        self._show("Searching…")
        request = OriginRequest(
            run=run, text=turn.text, min_tokens=self._min_tokens, max_places=MAX_PLACES
        )
        try:
            await self._build_index(run)
            self._reply = await self.services.client.request(request)
        except MiniGPTError as error:
            self._failure = f"Not available: {error.message}"
            self._show(self._failure)
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

    # Showing

    def _show(self, status: str = "") -> None:
        """Show the reply with its passages, or a status while there is none."""
        reply, turn = self._reply, self._turn
        figures, text = self.query_one("#figures", Static), self.query_one(ReplyText)
        mark = prompt_mark(self.services.terminal.charset)
        is_continuation = self._messages_before is None
        prompt = turn.prompt if is_continuation else f"{turn.prompt}\n"
        if reply is None:
            figures.update(status)
            self._span_of_piece = {}
            text.show([(f"{mark} ", "accent"), (prompt, "prompt"), (turn.text, "")])
        else:
            figures.update(_with_bold_figures(origin.summary(reply)))
            shown = origin.reply_pieces(prompt, reply, self._span_index, self._marks, mark)
            self._span_of_piece = shown.spans
            text.show(shown.pieces, shown.view)
        self.query_one(PassageList).show(reply, self._span_index)
        count = f" · {self._span_index + 1:,} of {len(self._spans):,}" if self._spans else ""
        title = f"Copied passages of {self._min_tokens} tokens or more{count}"
        self.query_one("#copied", Panel).set_title(title)
        self._show_places()

    def _show_places(self) -> None:
        span, reply = self._span, self._reply
        empty = ""
        if reply is not None and span is None:
            empty = origin.NO_COPIES.format(min_tokens=self._min_tokens)
        self.query_one("#found", Panel).set_title(origin.places_title(span))
        self.query_one(PlaceList).show(
            span.places if span else (),
            self._place_index,
            with_files=reply is not None and origin.has_several_files(reply),
            empty=empty,
        )
        self._show_context()

    def _show_context(self) -> None:
        """Show the text around the chosen place."""
        place = self._place
        pieces = origin.place_pieces(place, self._marks) if place else []
        self.query_one("#context", SourceText).show(pieces, 1 if place else None)
        title = f"Around line {place.line:,}" if place else "Around it"
        self.query_one("#around", Panel).set_title(title)
        self.refresh_bindings()

    # Choosing

    def _choose_span(self, index: int) -> None:
        if index != self._span_index:
            self._span_index, self._place_index = index, 0
            self._show()

    def action_next_copy(self, by: int) -> None:
        """Choose another passage, cyclically."""
        self._choose_span((self._span_index + by) % len(self._spans))

    def action_choose(self, number: int) -> None:
        """Choose a passage by its number."""
        self._choose_span(number - 1)

    @on(RowList.Moved, "#passages")
    def _passage_chosen(self, event: RowList.Moved) -> None:
        if event.rows.cursor < len(self._spans):
            self._choose_span(event.rows.cursor)

    @on(RowList.Moved, "#places")
    def _place_chosen(self, event: RowList.Moved) -> None:
        if self._span is not None and event.rows.cursor < len(self._span.places):
            self._place_index = event.rows.cursor
            self._show_context()

    @on(RowList.Opened)
    def _row_opened(self) -> None:
        self.action_open()

    @on(SourceText.Clicked, "#reply")
    def _reply_clicked(self, event: SourceText.Clicked) -> None:
        """Choose the passage clicked on; of a double click, open the corpus."""
        span = self._span_of_piece.get(event.piece)
        if span is not None:
            self._choose_span(span)
            if event.twice:
                self.action_open()

    @on(SourceText.Clicked, "#context")
    def _context_clicked(self, event: SourceText.Clicked) -> None:
        if event.twice:
            self.action_open()

    def action_reply(self, by: int) -> None:
        """Show another reply."""
        self._turn_index += by
        self._look_up()

    def action_min_tokens(self, by: int) -> None:
        """Change the minimum length of passages."""
        self._min_tokens += by
        self._look_up()

    # Other views

    def action_open(self) -> None:
        """Open the corpus at the chosen place."""
        place, reply = self._place, self._reply
        if place is not None and reply is not None:
            self.app.push_screen(PassageScreen(place, Encoding(reply.encoding, reply.errors)))

    def action_copy(self) -> None:
        """Copy the passage, or the reply without one."""
        span, text = self._span, self._turn.text
        if span is not None and self._reply is not None:
            text = self._reply.text[span.from_ : span.to]
        self.post_message(CopyRequested(clean(text.strip(" ")), "passage" if span else "reply"))

    @property
    def _text_before(self) -> tuple[str, JsonMessages | None]:
        """The prompt and the reply up to the chosen passage, or all of it without one.

        Returns:
            The text, or the prompt with the messages that the text is in.
        """
        turn, span = self._turn, self._span
        reply = turn.text if span is None else turn.text[: span.from_]
        if self._messages_before is None:
            return clean(turn.prompt + reply), None
        return clean(turn.prompt), with_reply(self._messages_before(turn), reply)

    def action_step(self) -> None:
        """Open Step just before the passage."""
        run, turn = self._turns[self._turn_index]
        prompt, messages = self._text_before
        self.post_message(OpenStep(run, turn.weights, prompt, messages=messages))

    def action_inside(self) -> None:
        """Open Inside just before the passage."""
        run, turn = self._turns[self._turn_index]
        prompt, messages = self._text_before
        self.post_message(OpenInside(run, turn.weights, prompt, messages=messages))

    def action_chat(self) -> None:
        """Open Chat with the weights of the reply."""
        run, turn = self._turns[self._turn_index]
        self.post_message(OpenChat(run, turn.weights))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        match action, parameters:
            case "next_copy", _:
                return len(self._spans) > 1
            case "choose", (int(number),):
                return number <= len(self._spans)
            case "open", _:
                return self._place is not None
            case "reply", (int(by),):
                return 0 <= self._turn_index + by < len(self._turns)
            case "min_tokens", (int(by),):
                return 1 <= self._min_tokens + by <= MAX_MIN_COPY_TOKENS
        return True

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now."""
        name, count = action.partition("(")[0], len(self._spans)
        if name in ("next_copy", "choose", "open") and self._reply is None:
            return self._failure or SEARCHING
        match name:
            case "open":
                return origin.NO_COPIES.format(min_tokens=self._min_tokens)
            case "next_copy" | "choose":
                if not count:
                    return origin.NO_COPIES.format(min_tokens=self._min_tokens)
                return f"Copied passages: {count}, no more."
            case "reply":
                return "This is the oldest reply." if "-" in action else "This is the newest reply."
            case "min_tokens":
                limit = 1 if "-" in action else MAX_MIN_COPY_TOKENS
                return f"The minimum is {limit} already."
        return None


def _with_bold_figures(summary: str) -> Content:
    """A line of muted words, its numbers bold."""
    words = [
        (word, "bold $ink" if word[0].isdigit() else "$muted")
        for word in summary.split(" ")
        if word
    ]
    return Content(" ").join(Content.styled(word, style) for word, style in words)
