"""What the cursor's screen shows: the text with its branches, the place, the choices. No acting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from core.errors import MiniGPTError
from core.run.weights_ref import LAST
from core.tokenizer.special_tokens import EOS
from tui.common.sampling_settings import SamplingControls
from tui.explore import branches
from tui.explore import cursor as cursor_words
from tui.explore.branches import Branch
from tui.explore.cursor import Cursor, CursorView
from tui.explore.token_rows import Layout
from tui.screens.generation import GenerationScreen
from tui.talk import reply
from tui.talk.record import Turn
from tui.widgets.choice_table import ChoiceTable
from tui.widgets.talk_side import TalkLine, TalkSide
from tui.widgets.token_text import TokenText
from tui.widgets.transcript import mark

LEAST_ROWS, TALL_ROWS = 5, 12  # of the text; where there are more, the ways have half of them
GAPS = 2  # rows above and below the text


class PlaceScreen(GenerationScreen):
    """A place in a text with branches; subclasses move it.

    Args:
        name, which: the run and its weights.
        prompt: the text, or what was typed of it.
        chosen: ids of what the model went on with.
        dials: the settings of what is generated.
        turns: of the talk with this run, oldest first; the others can be gone to.
        turn: the one that `prompt` and `chosen` are; None if they are none.
    """

    NEWER = "Newer weights were saved; l takes them."

    def __init__(
        self,
        name: str,
        which: str = LAST,
        prompt: str = "",
        chosen: Sequence[int] = (),
        dials: SamplingControls | None = None,
        turns: Sequence[Turn] = (),
        turn: str | None = None,
    ) -> None:
        super().__init__(name, which)
        self._beginning = prompt, list(chosen), turn
        self._dials = dials or SamplingControls()
        self._turns = {turn.id: turn for turn in turns}
        self._turn = asyncio.Lock()  # keys act one after another, however fast they come
        self._sight: CursorView | None = None
        self._stands: tuple[str, int] | None = None  # what the table shows
        self._coloured, self._unkept = False, False
        self._can = False, False  # branch, stop: what the footer shows
        self._below: tuple[list[Content], int] = ([], 0)  # the ways, and the rows of the text

    @cached_property
    def cursor(self) -> Cursor:
        """Where one is."""
        name, which = self.first
        return Cursor(self.services.client, name, which, self._keep, grew=self._grow)

    def body(self) -> ComposeResult:
        """The text; the place, and what could stand there; the settings."""
        charset = self.services.terminal.charset
        with Horizontal(id="room"):
            with Vertical(id="path"):
                yield TokenText()
                yield Static(id="ways", markup=False)
            with Vertical(id="place"):
                yield Static(id="facts", markup=False)
                yield ChoiceTable(charset)
        yield TalkSide(mark(charset))
        yield TalkLine()

    def on_mount(self) -> None:
        """Looks at the end of the text."""
        self.talk.dials = self._dials
        self._do(self._open)

    async def _open(self) -> None:
        prompt, chosen, turn = self._beginning
        self.cursor.know(await asyncio.to_thread(branches.read_branches, self.talk.folder.talk))
        if turn in self._turns and not chosen:
            await self._open_turn(turn)
        else:
            await self.cursor.begin(self._settings, prompt, chosen=chosen, turn=turn)

    async def _open_turn(self, id: str) -> None:
        turn = self._turns[id]
        more = reply.joined(turn.prompt, turn.text)
        await self.cursor.begin(self._settings, turn.prompt, more, turn=id)

    def on_resize(self) -> None:
        """Other rows fit."""
        super().on_resize()
        if self.cursor.branch:
            self.call_after_refresh(self._show)

    @property
    def _table(self) -> ChoiceTable:
        return self.query_one(ChoiceTable)

    @property
    def _settings(self) -> dict[str, object]:
        return self.talk.dials.to_json()

    @property
    def _plain(self) -> bool:
        return self.services.terminal.is_ascii

    # Asking, and showing what was answered

    @work(group="ahead", exclusive=True, exit_on_error=False)
    async def _look_ahead(self, by: int) -> None:
        """Who moved will move on: the next place is asked for before the next key."""
        async with self._turn:
            try:
                await self.cursor.look(self._settings, by)
            except MiniGPTError:
                return  # who goes there is told

    @work(group="cursor", exit_on_error=False)
    async def _do(self, act: Callable[[], Awaitable[object]] | None = None) -> None:
        """One thing after another, then a look at where one is."""
        async with self._turn:
            try:
                if act is not None:
                    await act()
                if self.cursor.branch:
                    self._sight = await self.cursor.look(self._settings)
            except MiniGPTError as error:
                self.talk.note = ""
                self.show_error(error)
            self._show()

    def _show(self) -> None:
        """All of it."""
        if not self.is_attached or not self.cursor.branch:
            return
        self._show_text()
        sight, cursor = self._sight, self.cursor
        if sight is not None:
            lines = cursor_words.here(cursor, sight, plain=self._plain)
            below = cursor_words.where(cursor, legend=self._coloured)
            self.query_one("#facts", Static).update(f"{lines}\n{below}", layout=False)
            self._table.show(sight.view.top)
            self._stand(sight)
        self.show_facts()
        self._tell_keys()

    def _tell_keys(self) -> None:
        """Has the footer made anew, where it would be another."""
        can = bool(self.cursor.branch), self.cursor.running is not None
        if can != self._can:
            self._can = can
            self.refresh_bindings()

    def _show_text(self) -> None:
        cursor = self.cursor
        path, chances, parted = cursor.path, cursor.chances, cursor.parted
        if cursor.growing:
            path = [*path[: cursor.at], *cursor.growing[0]]
            chances = [*chances[: cursor.at], *(token.chance for token in cursor.growing[0])]
            parted = {place: count for place, count in parted.items() if place < cursor.at}
        layout = Layout(
            [token.text for token in path],
            cursor.at,
            cursor.tree.root(cursor.branch).typed,
            parted,
            cursor_words.ENDS if path[-1].id == EOS else "",
            self._plain,
        )
        self.query_one(TokenText).show(layout, chances if self._coloured else None)
        self._show_ways()

    def _grow(self) -> None:
        """What came of new branches up to now."""
        if self.is_attached:
            self._show_text()

    def _show_ways(self) -> None:
        """Those at the nearest fork, where there is room below the text."""
        width, height = self.query_one("#path").content_size
        most = max(0, (height - LEAST_ROWS) if height < TALL_ROWS else height // 2)
        found = cursor_words.way_rows(
            self.cursor, width - 2, most, mark(self.services.terminal.charset)
        )
        text = self.query_one(TokenText)
        room = min(text.needs + GAPS, height - len(found)) if found else 0
        if (shown := (found, room)) == self._below:
            return
        self._below = shown
        ways = self.query_one("#ways", Static)
        ways.display = bool(found)
        ways.styles.height = len(found)
        ways.update(Content("\n").join(found))
        text.styles.height = room or "1fr"

    def _stand(self, sight: CursorView) -> None:
        """The table's cursor begins at the token that stands there."""
        stands = self.cursor.branch, self.cursor.at
        if stands == self._stands or sight.came is None:
            self._stands = stands
            return
        self._stands = stands
        ids = [one.id for one in self._table.rows]
        if sight.came.id in ids:
            self._table.move(-len(ids))
            self._table.move(ids.index(sight.came.id))

    def _keep(self, branch: Branch) -> None:
        try:
            branches.append_branch(self.talk.folder.talk, branch)
        except MiniGPTError as error:
            if not self._unkept:
                self.show_error(error)
            self._unkept = True

    # Settings and weights

    def action_turn(self, name: str, by: int) -> None:
        """One setting; what it does is seen at once."""
        super().action_turn(name, by)
        self._do()

    def action_greedy(self, where: str = "") -> None:
        """Everything as at the beginning."""
        super().action_greedy(where)
        self._do()

    def turned(self) -> None:
        """The same place with other weights."""

        async def act() -> None:
            self.cursor.turn_to(self.talk.which)

        self._do(act)

    def action_newest(self) -> None:
        """Also where they are newer than those of the same name before."""
        if self.talk.which == LAST:
            self.turned()
        else:
            super().action_newest()
