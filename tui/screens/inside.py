"""Inside: every layer's prediction at a position of a text, and the attention of a head."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.errors import MiniGPTError
from core.run.weights_ref import LAST, weights_label
from core.server.protocol import InsideRequest, StepRequest
from core.server.replies import InsideReply
from tui.explore.layers import (
    fit_columns,
    layer_table,
    position,
    prediction_line,
    text_pieces,
    window_positions,
)
from tui.screens.base import BaseScreen
from tui.widgets.token_text import MarkedText

HEADER_ROWS = 3  # above the row of the first layer
MEAN_OF_HEADS = None


class InsideScreen(BaseScreen):
    """A position of a text, as the layers of a model see it.

    Args:
        name, weights: the run and its weights.
        prompt: the text; None if the ids are the whole text.
        chosen: ids after the prompt.
        at: the index of the token to begin with; None is the last.

    Attributes:
        table: the rows shown; another object after each update.
    """

    HEADING = "Inside"
    HELP = (
        "Each row is a layer: its prediction, with probability, if the model stopped there, and "
        "the attention of a head to the tokens before, in tenths. A disabled head contributes "
        "nothing; the line above shows how that changes the likeliest token."
    )
    CSS_PATH = "../styles/inside.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Left", key_display="←", tooltip="Previous token"),
        Binding("right", "move(1)", "Right", key_display="→", tooltip="Next token"),
        Binding("j,down", "layer(1)", "Layer", key_display="j", tooltip="Next layer"),
        Binding("k,up", "layer(-1)", "Layer", show=False, tooltip="Previous layer"),
        Binding("l", "head(1)", "Head", tooltip="Next head; after the last, the mean of heads"),
        Binding("h", "head(-1)", "Head", show=False, tooltip="Previous head"),
        Binding("0", "mean", "Mean", tooltip="Mean of all heads"),
        Binding("o", "toggle_head", "Off", tooltip="Disable this head, or enable it"),
        Binding("O", "enable_all", "All on", tooltip="Enable all heads"),
        Binding(
            "home", "move_to_end(0)", "First", show=False, tooltip="First token", id="first_token"
        ),
        Binding(
            "end", "move_to_end(-1)", "Last", show=False, tooltip="Last token", id="last_token"
        ),
    ]

    def __init__(
        self,
        name: str,
        weights: str = LAST,
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        at: int | None = None,
    ) -> None:
        super().__init__()
        self._run_name, self._weights = name, weights
        self._prompt, self._chosen = prompt, list(chosen)
        self._session: str | None = None
        self._at = at
        self._layer = -1
        self._head: int | None = MEAN_OF_HEADS
        self._disabled: set[tuple[int, int]] = set()
        self._reply: InsideReply | None = None
        self.table: Content | None = None
        self._action_lock = asyncio.Lock()  # a reply is shown before the next request
        self._last_request = 0
        self._waiting: list[Callable[[InsideReply], None]] = []  # keys for the first reply

    def body(self) -> ComposeResult:
        """Yield the text, the prediction, and the table of layers."""
        yield MarkedText()
        yield Static("Loading…", id="prediction", markup=False)
        with VerticalScroll(id="layers", can_focus=False):
            yield Static(id="table", markup=False)

    def on_mount(self) -> None:
        """Name the run, and request the first position."""
        self.set_header(self._run_name)
        self._refresh_view()

    @work(group="inside", exit_on_error=False)
    async def _refresh_view(self) -> None:
        """Request the present position; while keys repeat, only the last request is made."""
        self._last_request = number = self._last_request + 1
        async with self._action_lock:
            if number != self._last_request:
                return
            try:
                self._reply = await self._request()
            except MiniGPTError as error:
                self._session = None
                self._waiting.clear()
                self.show_error(error)
                return
            self._layer %= self._reply.layers
            self._show()
            waiting, self._waiting = self._waiting, []
            for act in waiting:
                act(self._reply)

    async def _request(self) -> InsideReply:
        """Request the position; the server's session keeps what it has computed."""
        client = self.services.client
        if self._session is None:
            opened = StepRequest(
                run=self._run_name,
                weights=self._weights,
                prompt=self._prompt,
                chosen=self._chosen,
                top=1,
                reload=False,
            )
            self._session = (await client.request(opened)).session
        disabled = [list(head) for head in sorted(self._disabled)]
        return await client.request(
            InsideRequest(
                session=self._session, at=self._at, head=self._head, disabled_heads=disabled
            )
        )

    def _show(self) -> None:
        reply = self._reply
        if reply is None or not self.is_attached:
            return
        self.set_header(self._run_name, state=weights_label(self._weights, reply.step))
        plain = self.services.terminal.is_ascii
        self.query_one(MarkedText).show(*text_pieces(reply, self._layer, plain=plain))
        prediction = prediction_line(reply, sorted(self._disabled))
        self.query_one("#prediction", Static).update(prediction)
        layers = self.query_one("#layers", VerticalScroll)
        width = max(30, (layers.content_size.width or self.size.width) - 1)
        columns = fit_columns(reply, self._layer, width)
        self.table = layer_table(reply, self._layer, self._head, columns, plain=plain)
        self.query_one("#table", Static).update(self.table)
        row, height = HEADER_ROWS + self._layer, max(1, layers.size.height)
        if not layers.scroll_offset.y <= row < layers.scroll_offset.y + height:
            layers.scroll_to(y=max(0, row - height // 2), animate=False)
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Refit the columns."""
        self.call_after_refresh(self._show)

    def _act(self, act: Callable[[InsideReply], None]) -> None:
        """Act on a key, when the first reply is there; request it again if that failed."""
        if self._reply is not None:
            act(self._reply)
        else:
            self._waiting.append(act)
            self._refresh_view()

    def action_move(self, by: int) -> None:
        """Go to another token of the window."""

        def move(reply: InsideReply) -> None:
            at = (position(reply) if self._at is None else self._at) + by
            if at in window_positions(reply):
                self._at = at
                self._refresh_view()

        self._act(move)

    def action_move_to_end(self, index: int) -> None:
        """Go to the first token of the window, or to the last."""

        def move(reply: InsideReply) -> None:
            self._at = window_positions(reply)[index]
            self._refresh_view()

        self._act(move)

    def action_layer(self, by: int) -> None:
        """Select another layer; the reply has all of them."""

        def select(reply: InsideReply) -> None:
            self._layer = max(0, min(reply.layers - 1, self._layer + by))
            self._show()

        self._act(select)

    def action_head(self, by: int) -> None:
        """Select another head; after the last comes the mean."""

        def select(reply: InsideReply) -> None:
            count = reply.heads + 1
            number = (0 if self._head is MEAN_OF_HEADS else self._head + 1) + by
            self._head = (number % count) - 1 if number % count else MEAN_OF_HEADS
            self._refresh_view()

        self._act(select)

    def action_mean(self) -> None:
        """Show the mean of all heads."""

        def select(reply: InsideReply) -> None:
            self._head = MEAN_OF_HEADS
            self._refresh_view()

        self._act(select)

    def action_toggle_head(self) -> None:
        """Disable or enable this head of this layer; with the mean, all heads of the layer."""

        def toggle(reply: InsideReply) -> None:
            heads = range(reply.heads) if self._head is MEAN_OF_HEADS else [self._head]
            selected = {(self._layer, head) for head in heads}
            enable = selected <= self._disabled
            self._disabled = self._disabled - selected if enable else self._disabled | selected
            self._refresh_view()

        self._act(toggle)

    def action_enable_all(self) -> None:
        """Enable all heads."""
        self._disabled.clear()
        self._refresh_view()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        if action == "enable_all":
            return bool(self._disabled)
        return True
