"""Inside: what every layer predicts after each token of a text, and what every head attends to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from core.errors import MiniGPTError
from core.run.directory import Run
from core.run.weights_ref import LAST, weights_label
from core.server.protocol import InsideRequest, StepRequest
from core.server.replies import InsideReply
from tui.chat.run_task import task_of_run
from tui.chat.turn_tree import JsonMessages
from tui.common.keys import hidden_key
from tui.common.messages import CopyRequested, OpenChat, OpenStep
from tui.common.special_ids import special_ids
from tui.common.terminal import WIDE_COLUMNS
from tui.explore.inside_layout import (
    ATTENTION,
    BORDER_CELLS,
    HEADER_ROWS,
    HEADS,
    LENS,
    PARTS,
    RULE_ROWS,
    InsideLayout,
    arrange,
)
from tui.explore.inside_view import InsideView, text_until
from tui.explore.layers import (
    ENCODER_LEGEND,
    LEGEND,
    attention_as_table,
    attention_hint,
    attention_title,
    choice_line,
    lens_as_table,
    patterns_as_table,
    prediction_line,
    rows_shown,
    text_line,
)
from tui.screens.base import BaseScreen
from tui.widgets.head_maps import HeadMaps
from tui.widgets.heat_map import AttentionMap, HeatMap, LensMap
from tui.widgets.panel import Panel

LEGENDS = {
    LENS: "shade and raised digit: probability in tenths",
    HEADS: LEGEND,
}
NOTE_SECONDS = 3.0


class InsideScreen(BaseScreen):
    """A text as the layers and heads of a model see it.

    Args:
        name, weights: the run and its weights.
        prompt: the text; None if the ids are the whole text. For an encoder with `[]` as blanks.
        chosen: ids after the prompt; those of an encoder are the whole text.
        at: the index of the token to begin with; None is the last.
        messages: what a model that replies reads in place of `prompt`.

    Attributes:
        view: what is shown; None before the first reply.
        revision: the number of updates so far.
    """

    HEADING = "Inside"
    HELP = (
        "What each layer would predict if the model stopped there, how much of its attention a "
        "head gives each earlier token, and the pattern every head follows in this text. Shades "
        "and digits are tenths; the column ‹‹ is the sum over all tokens before. A head that is "
        "switched off contributes nothing; the line above shows how that changes the likeliest "
        "token. An encoder's tokens look both ways, and never at the padding (pad) that fills up a "
        "batch; its layers say what belongs in a token's place."
    )
    CSS_PATH = "../styles/inside.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Token", key_display="←→", tooltip="Previous token"),
        hidden_key("right", "move(1)", "Token", "Next token", "←→"),
        Binding("up", "layer(-1)", "Layer", key_display="↑↓", tooltip="Previous layer"),
        hidden_key("down", "layer(1)", "Layer", "Next layer", "↑↓"),
        Binding("h", "head(1)", "Head", tooltip="Next head; after the last, the mean of heads"),
        hidden_key("H", "head(-1)", "Head", "Previous head"),
        Binding("o", "toggle_head", "Off", tooltip="Switch this head off, or on again"),
        Binding("O", "enable_all", "All on", tooltip="Switch all heads on"),
        Binding(
            "enter", "enlarge", "Larger", key_display="Enter", tooltip="This panel alone, or all"
        ),
        Binding("x", "step", "Step", tooltip="Step token by token from here"),
        Binding("tab", "panel(1)", "Panel", key_display="Tab", tooltip="Next panel"),
        hidden_key("shift+tab", "panel(-1)", "Panel", "Previous panel"),
        hidden_key("y", "copy", "Copy", "Copy the panel as a table"),
        hidden_key("t", "chat", "Chat", "Chat with these weights"),
        Binding(
            "home", "move_to_end(0)", "First", show=False, tooltip="First token", id="first_token"
        ),
        Binding(
            "end", "move_to_end(-1)", "Last", show=False, tooltip="Last token", id="last_token"
        ),
        hidden_key("pageup", "page(-1)", "Page up", "A page of tokens back"),
        hidden_key("pagedown", "page(1)", "Page down", "A page of tokens on"),
    ]

    def __init__(
        self,
        name: str,
        weights: str = LAST,
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        at: int | None = None,
        messages: JsonMessages | None = None,
    ) -> None:
        super().__init__()
        self._run_name, self._weights = name, weights
        self._prompt, self._chosen, self._messages = prompt, list(chosen), messages
        self._session: str | None = None
        self._is_encoder = False
        self._is_open = False  # whether the server has answered, and not failed since
        self._at = at
        self._part, self._is_large = LENS, False
        self.view: InsideView | None = None
        self.revision = 0
        self._action_lock = asyncio.Lock()  # a reply is shown before the next request
        self._last_request = 0
        self._waiting: list[Callable[[InsideView], None]] = []  # keys for the first reply

    def body(self) -> ComposeResult:
        """Yield the text with its predictions, and the three panels."""
        yield Static("Loading…", id="text", markup=False)
        with Container(id="maps"):
            yield Panel(LensMap(), id=LENS, title="What each layer predicts", hint=LEGENDS[LENS])
            yield Panel(AttentionMap(), id=ATTENTION, title="Attention")
        yield Panel(HeadMaps(), id=HEADS, title="All heads", hint=LEGENDS[HEADS])

    def on_mount(self) -> None:
        """Name the run, and request the first block of tokens."""
        self.set_header(self._run_name)
        task = task_of_run(Run(self.services.home.runs / self._run_name))
        self._is_encoder = task.fills_blanks
        if self._is_encoder:
            self._panel(HEADS).set_hint(ENCODER_LEGEND)
        self._map_of(self._part).focus()
        self._refresh_view()

    def _map_of(self, part: str) -> HeatMap:
        return self.query_one(f"#{part} > HeatMap", HeatMap)

    # Requests

    @work(group="inside", exit_on_error=False)
    async def _refresh_view(self) -> None:
        """Request the tokens around the chosen one; while keys repeat, only once."""
        self._last_request = number = self._last_request + 1
        async with self._action_lock:
            if number != self._last_request:
                return
            at = self._at
            try:
                reply = await self._request()
            except MiniGPTError as error:
                self._session, self._is_open = None, False
                self._at = at if self.view is None else self.view.at
                self._waiting.clear()
                self.show_error(error)
                return
            self._is_open = True
            at = reply.window[-1].position if at is None else at
            if self.view is None:
                self.view = InsideView(reply, at, reply.layers - 1)
            else:
                self.view.replace_reply(reply, at)
            self._show(follow=True)
            waiting, self._waiting = self._waiting, []
            for act in waiting:
                act(self.view)

    async def _request(self) -> InsideReply:
        """Request a block of tokens; the server's session keeps what it has computed."""
        client = self.services.client
        disabled = sorted(self.view.disabled) if self.view is not None else []
        off = [list(head) for head in disabled]
        if self._is_encoder:
            return await client.request(
                InsideRequest(
                    run=self._run_name,
                    weights=self._weights,
                    prompt=self._prompt or "",
                    tokens=self._chosen or None,
                    allow_unknown=True,
                    at=self._at,
                    disabled_heads=off,
                    reload=False,
                )
            )
        if self._session is None:
            opened = StepRequest(
                run=self._run_name,
                weights=self._weights,
                prompt=None if self._messages else self._prompt,
                messages=self._messages,
                allow_unknown=bool(self._messages or self._chosen),  # of a turn that is there
                chosen=self._chosen,
                top=1,
                reload=False,
            )
            self._session = (await client.request(opened)).session
        return await client.request(
            InsideRequest(session=self._session, at=self._at, disabled_heads=off)
        )

    # Drawing

    def _show(self, *, follow: bool = False) -> None:
        """Draw everything.

        Args:
            follow: whether the chosen token's row is brought into view.
        """
        view = self.view
        if view is None or not self.is_attached:
            return
        layout = self._layout(view)
        self._apply(layout)
        rows = layout.rows
        view.scroll_to_row(rows) if follow else view.clamp_top(rows)
        state = Content.assemble(
            (weights_label(self._weights, view.reply.step), "$muted"),
            (" · token ", "$muted"),
            (f"{view.at + 1:,}", "bold $ink"),
            (f" of {view.length:,}", "$muted"),
        )
        self.set_header(self._run_name, state=state)
        self.query_one("#text", Static).update(self._text(view))
        shown = rows_shown(view, rows)
        self._panel(LENS).set_title(_joined("What each layer predicts", shown))
        note = "" if LENS in layout.shown else shown
        self._panel(ATTENTION).set_title(_joined(attention_title(view), note))
        hint_cells = (layout.attention_cells or self.size.width) - 2 * BORDER_CELLS
        self._panel(ATTENTION).set_hint(attention_hint(view, hint_cells))
        for part in PARTS:
            self._map_of(part).show(view)
        self.revision += 1
        self.refresh_bindings()

    def _panel(self, part: str) -> Panel:
        return self.query_one(f"#{part}", Panel)

    def _text(self, view: InsideView) -> Content:
        """One line on wide screens, else two."""
        plain, width = self.services.terminal.is_ascii, self.size.width - 2
        brackets = plain or self.app.current_theme.ansi
        predictions = prediction_line(view, plain=plain)
        if not self._is_wide:
            first = text_line(view, width, plain=plain, brackets=brackets)
            choice = choice_line(view, is_short=True)
            free = width - choice.cell_length - 1
            fitting = predictions.truncate(max(0, free), ellipsis=not plain, pad=True)
            return Content("\n").join([first, Content.assemble(fitting, " ", choice)])
        rest = Content.assemble(" ", predictions, "  ", choice_line(view))
        room = max(20, width - rest.cell_length)
        line = text_line(view, room, plain=plain, brackets=brackets)
        return Content.assemble(line, rest)

    @property
    def _is_wide(self) -> bool:
        """Whether the arrangement of the last layout has panels side by side."""
        return self.size.width >= WIDE_COLUMNS

    def _layout(self, view: InsideView) -> InsideLayout:
        """The panels for which there is room."""
        height = self.size.height - 2 - (1 if self._is_wide else 2)
        return arrange(view, self.size.width, max(1, height), self._part, is_alone=self._is_large)

    def _apply(self, layout: InsideLayout) -> None:
        for part in PARTS:
            self._panel(part).display = part in layout.shown
        maps = self.query_one("#maps", Container)
        maps.display = LENS in layout.shown or ATTENTION in layout.shown
        maps.styles.layout = "horizontal" if self._is_wide else "vertical"
        maps.styles.height = "auto" if layout.is_stacked else "1fr"
        for part in (LENS, ATTENTION):
            rows = RULE_ROWS + HEADER_ROWS + layout.rows
            self._panel(part).styles.height = rows if layout.is_stacked else "1fr"
        self._panel(HEADS).styles.height = layout.heads_rows or "1fr"
        self._panel(ATTENTION).styles.width = layout.attention_cells or "1fr"

    def on_resize(self) -> None:
        """Refit the panels."""
        self.call_after_refresh(self._show, follow=True)

    # Keys

    def _act(self, act: Callable[[InsideView], None]) -> None:
        """Act on a key, when the first reply is there; request it again if that failed."""
        if self.view is not None and self._is_open:
            act(self.view)
        else:
            self._waiting.append(act)
            self._refresh_view()

    def _note(self, text: str) -> None:
        self.notify(text, timeout=NOTE_SECONDS, markup=False)

    def _go_to(self, view: InsideView, at: int) -> None:
        """Choose a token of the context; only those outside the rows need a request."""
        if at not in view.window:
            is_before = at < view.window.start
            where = "first" if is_before else "last"
            at = view.window.start if is_before else view.window.stop - 1
            if at == view.at:
                self._note(f"This is the {where} token of the context.")
                return
        self._at = at
        if at in view.reply.positions:
            view.at = at
            self._show(follow=True)
        else:
            self._refresh_view()

    def action_move(self, by: int) -> None:
        """Go to another token."""
        self._act(lambda view: self._go_to(view, self._wanted(view) + by))

    def _wanted(self, view: InsideView) -> int:
        """The chosen token, even while its rows are requested."""
        return view.at if self._at is None else self._at

    def action_move_to_end(self, index: int) -> None:
        """Go to the first token of the context, or to the last."""
        self._act(lambda view: self._go_to(view, view.window[index]))

    def action_page(self, by: int) -> None:
        """Go on or back by as many tokens as there are rows."""
        self._act(lambda view: self._go_to(view, self._wanted(view) + by * self._layout(view).rows))

    def action_layer(self, by: int) -> None:
        """Choose another layer."""

        def choose(view: InsideView) -> None:
            layer = view.layer + by
            if layer in range(view.reply.layers):
                view.layer = layer
                self._show()
            else:
                self._note(f"This is the {'first' if by < 0 else 'last'} layer.")

        self._act(choose)

    def action_head(self, by: int) -> None:
        """Choose another head; after the last comes the mean."""

        def choose(view: InsideView) -> None:
            view.next_head(by)
            self._show()

        self._act(choose)

    def action_toggle_head(self) -> None:
        """Switch this head off or on; with the mean, all heads of the layer."""

        def toggle(view: InsideView) -> None:
            view.toggle()
            self._refresh_view()

        self._act(toggle)

    def action_enable_all(self) -> None:
        """Switch all heads on."""

        def enable(view: InsideView) -> None:
            view.disabled = frozenset()
            self._refresh_view()

        self._act(enable)

    def action_panel(self, by: int) -> None:
        """Go to another panel."""
        self._focus_part(PARTS[(PARTS.index(self._part) + by) % len(PARTS)])

    def _focus_part(self, part: str) -> None:
        self._part = part
        self._show(follow=True)
        self._map_of(part).focus()

    def action_enlarge(self) -> None:
        """Show the focused panel alone, or all panels again."""
        self._is_large = not self._is_large
        self._show(follow=True)

    def action_back(self) -> None:
        """Show all panels again, or leave."""
        if self._is_large:
            self.action_enlarge()
        else:
            super().action_back()

    def action_step(self) -> None:
        """Step token by token after the chosen token."""

        def open_step(view: InsideView) -> None:
            is_chat = self._messages is not None
            begins = special_ids(self.services.home, self._run_name).begins
            text = text_until(view, self._prompt, self._chosen, is_chat=is_chat, begins=begins)
            if text is None:
                self._note("Step continues this text only from its last token.")
                return
            messages = None if text[0] is None else self._messages
            self.post_message(OpenStep(self._run_name, self._weights, *text, messages=messages))

        self._act(open_step)

    def action_chat(self) -> None:
        """Chat with these weights."""
        self.post_message(OpenChat(self._run_name, self._weights))

    def action_copy(self) -> None:
        """Copy what the focused panel shows as a table."""
        tables = {
            LENS: (lens_as_table, "predictions"),
            ATTENTION: (attention_as_table, "attention"),
            HEADS: (patterns_as_table, "patterns"),
        }
        table, what = tables[self._part]
        self._act(lambda view: self._copy(table(view), what))

    def _copy(self, text: str, what: str) -> None:
        self.post_message(CopyRequested(text, what))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        if action == "enable_all":
            return self.view is not None and bool(self.view.disabled)
        if action in ("step", "chat"):
            return not self._is_encoder
        return True

    # Mouse

    def on_heat_map_cell_chosen(self, message: HeatMap.CellChosen) -> None:
        """Choose what was clicked."""

        def choose(view: InsideView) -> None:
            if message.layer is not None:
                view.layer = message.layer
            if message.head is not None:
                view.head = message.head
            self._go_to(view, view.at if message.at is None else message.at)

        self._act(choose)

    def on_heat_map_opened(self, message: HeatMap.Opened) -> None:
        """Show a panel alone, or the map of a head that was double-clicked."""
        if self._part == HEADS:
            self._part, self._is_large = ATTENTION, True
        else:
            self._is_large = not self._is_large
        self._focus_part(self._part)

    def on_heat_map_scrolled(self, message: HeatMap.Scrolled) -> None:
        """Scroll the tokens of both maps; beyond the rows of the reply, request others."""

        def scroll(view: InsideView) -> None:
            rows = self._layout(view).rows
            before = view.top
            view.top += message.rows
            view.clamp_top(rows)
            if view.top != before:
                self._show()
            elif message.rows < 0 and view.first > view.window.start:
                self._go_to(view, view.first - 1)
            elif message.rows > 0 and view.first + view.count < view.length:
                self._go_to(view, view.first + view.count)

        self._act(scroll)

    def on_descendant_focus(self) -> None:
        """A click focuses a panel as well."""
        for part in PARTS:
            if self._map_of(part).has_focus and part != self._part:
                self._focus_part(part)


def _joined(title: str, note: str) -> str:
    return f"{title} · {note}" if note else title
