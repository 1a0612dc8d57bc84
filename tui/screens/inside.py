"""Inside: what every layer would say at a place of a text, and where a head looks from there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.config.configs import SamplingConfig
from core.config.schema import to_json
from core.errors import MiniGPTError
from core.run.weights_ref import weights_label
from tui.explore.layers import LayerView, columns, read, table, text_pieces, words
from tui.screens.base import BaseScreen
from tui.widgets.token_text import MarkedText

HEAD_ROWS = 3  # above the row of the first layer
ALL = None  # heads: their mean


class InsideScreen(BaseScreen):
    """A place in a text, looked at from inside the model.

    Args:
        name, which: the run and its weights.
        prompt: the text; None where the ids are all of it.
        chosen: ids that come after it.
        at: the index of the token to begin with; None is the last.

    Attributes:
        drawn: the rows that are shown; another object whenever they were drawn anew.
    """

    HEADING = "Inside"
    HELP = (
        "Each row is a layer: what the model would say if it stopped there, how likely, and how "
        "much a head looked at each token before, in tenths. A head that is switched off adds "
        "nothing; what becomes of the likeliest token is said above."
    )
    CSS_PATH = "../styles/inside.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "place(-1)", "Before", key_display="←", tooltip="The token before"),
        Binding("right", "place(1)", "Next", key_display="→", tooltip="The next token"),
        Binding("j,down", "layer(1)", "Layer", key_display="j", tooltip="The next layer"),
        Binding("k,up", "layer(-1)", "Layer", show=False, tooltip="The layer before"),
        Binding("l", "head(1)", "Head", tooltip="The next head; after the last, their mean"),
        Binding("h", "head(-1)", "Head", show=False, tooltip="The head before"),
        Binding("0", "mean", "Mean", tooltip="The mean over all heads"),
        Binding("o", "switch", "Off", tooltip="Switch this head off, or on again"),
        Binding("O", "all_on", "All on", tooltip="Switch all heads on"),
        Binding("home", "end(0)", "First", show=False, tooltip="The first token"),
        Binding("end", "end(-1)", "Last", show=False, tooltip="The last token"),
    ]

    def __init__(
        self,
        name: str,
        which: str = "last",
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        at: int | None = None,
    ) -> None:
        super().__init__()
        self._beginning = name, which, prompt, list(chosen)
        self._session: str | None = None
        self._place = at
        self._layer = -1
        self._head: int | None = ALL
        self._off: set[tuple[int, int]] = set()
        self._looked: LayerView | None = None
        self.drawn: Content | None = None
        self._turn = asyncio.Lock()  # an answer is shown before the next key is asked about
        self._keys = 0

    def body(self) -> ComposeResult:
        """The text, what is said there, the layers."""
        yield MarkedText()
        yield Static("Looking…", id="said", markup=False)
        with VerticalScroll(id="layers", can_focus=False):
            yield Static(id="table", markup=False)

    def on_mount(self) -> None:
        """Looks at the last token."""
        self._look()

    @work(group="inside", exit_on_error=False)
    async def _look(self) -> None:
        name, which, *_ = self._beginning
        self.set_title(f"{name} · {weights_label(which, None)}")
        self._keys = mine = self._keys + 1
        async with self._turn:
            if mine != self._keys:  # a held key asks for where it ended, not for every place passed
                return
            try:
                self._looked = read(await self._ask())
            except MiniGPTError as error:
                self._session = None
                self.show_error(error)
                return
            self._layer %= self._looked.layers
            self._show()

    async def _ask(self) -> dict[str, Any]:
        """The sampler's answer; it keeps what it computed, so moving about costs little."""
        sampler = self.services.client
        if self._session is None:
            name, which, prompt, chosen = self._beginning
            said = await sampler.request(
                "step",
                run=name,
                which=which,
                prompt=prompt,
                chosen=chosen,
                settings=to_json(SamplingConfig()),
                top=1,
            )
            self._session = said["session"]
        off = [list(pair) for pair in sorted(self._off)]
        asked = {"at": self._place, "head": self._head, "off": off}
        return dict(await sampler.request("inside", session=self._session, **asked))

    def _show(self) -> None:
        looked = self._looked
        if looked is None or not self.is_attached:
            return
        plain = self.services.terminal.is_ascii
        self.query_one(MarkedText).show(*text_pieces(looked, self._layer, plain=plain))
        self.query_one("#said", Static).update(words(looked, sorted(self._off)))
        layers = self.query_one("#layers", VerticalScroll)
        width = max(30, (layers.content_size.width or self.size.width) - 1)
        shape = columns(looked, self._layer, width)
        self.drawn = table(looked, self._layer, self._head, shape, plain=plain)
        self.query_one("#table", Static).update(self.drawn)
        row, height = HEAD_ROWS + self._layer, max(1, layers.size.height)
        if not layers.scroll_offset.y <= row < layers.scroll_offset.y + height:
            layers.scroll_to(y=max(0, row - height // 2), animate=False)
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Other columns fit."""
        self.call_after_refresh(self._show)

    def action_place(self, by: int) -> None:
        """Another token, within what the model sees."""
        if self._looked is None:
            return
        seen = self._looked.seen
        place = (self._looked.number if self._place is None else self._place) + by
        if place in seen:
            self._place = place
            self._look()

    def action_end(self, which: int) -> None:
        """The first token it sees, or the last."""
        if self._looked is not None:
            self._place = self._looked.seen[which]
            self._look()

    def action_layer(self, by: int) -> None:
        """Another layer; all of them are known."""
        if self._looked is not None:
            self._layer = max(0, min(self._looked.layers - 1, self._layer + by))
            self._show()

    def action_head(self, by: int) -> None:
        """Another head; beyond the last comes their mean."""
        if self._looked is not None:
            count = self._looked.heads + 1
            number = (0 if self._head is ALL else self._head + 1) + by
            self._head = (number % count) - 1 if number % count else ALL
            self._look()

    def action_mean(self) -> None:
        """All heads together."""
        self._head = ALL
        self._look()

    def action_switch(self) -> None:
        """This head of this layer, or all of the layer's; off, or on again."""
        if self._looked is None:
            return
        heads = range(self._looked.heads) if self._head is ALL else [self._head]
        these = {(self._layer, head) for head in heads}
        self._off = self._off - these if these <= self._off else self._off | these
        self._look()

    def action_all_on(self) -> None:
        """The model as it is."""
        self._off.clear()
        self._look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer tells what can be done now."""
        if action == "all_on":
            return bool(self._off)
        return True
