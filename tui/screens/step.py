"""Step: the choice of the next token fills the screen; one takes it, rolls it, takes it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing
from typing import ClassVar

from textual import work
from textual.binding import BindingType

from core.errors import MiniGPTError
from core.run.weights_ref import weights_label
from tui.common.messages import CopyRequested, OpenInside
from tui.common.sampling_settings import in_words
from tui.common.sanitize import clean, one_line
from tui.explore.choices import matching
from tui.explore.keys import BINDINGS
from tui.explore.walk import Pin
from tui.screens.cursor import CursorScreen
from tui.screens.dialogs import LineDialog
from tui.screens.walk import OVER, WalkScreen

FIVE = 5
SHOWN_SECONDS = 1 / 8
BEGINNING = "Nothing was chosen yet."


class StepScreen(WalkScreen):
    """A walk through a text; see `WalkScreen` for its arguments."""

    HEADING = "Step"
    HELP = (
        "What could come next, and how likely: to the model itself, and after your settings. What "
        "a setting removed stays, dim, with its name. Take a row, roll, or take back; what you "
        "turn is seen at once."
    )
    CSS_PATH = "../styles/step.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    # Choosing

    def _pick(self, of: Callable[[], int | None]) -> None:
        """Goes on with a token that is known when it is this key's turn."""

        async def act() -> None:
            if self.walk.view is None or self.walk.view.ended:
                self.tell(OVER)
                return
            id = of()
            self._found = None
            await self.walk.pick(self._settings, id)

        self.tell("")
        self._do(act)

    def action_top(self) -> None:
        """The row with the cursor."""
        self._pick(lambda: self._table.chosen.id if self._table.chosen else None)

    def action_take(self, number: int) -> None:
        """A row by its number."""

        def id() -> int | None:
            rows = self._table.rows
            return rows[min(number, len(rows)) - 1].id

        if number <= len(self._table.rows):
            self._pick(id)

    def action_roll(self) -> None:
        """What the settings and the seed choose."""
        self._pick(lambda: None)

    def action_undo(self) -> None:
        """One back."""

        async def act() -> None:
            self._found = None
            if self.walk.chosen:
                await self.walk.undo(self._settings)
            else:
                self.tell(BEGINNING)

        self.tell("")
        self._do(act)

    def action_five(self) -> None:
        """Five rolls."""
        self._roll_on(FIVE)

    def action_run(self) -> None:
        """To the end, or as far as a reply goes."""
        self._roll_on(self.talk.dials.config.max_tokens)

    def _roll_on(self, count: int) -> None:
        async def act() -> None:
            self._rolling, self._found = True, None
            self.refresh_bindings()
            try:
                await self._roll(count)
            finally:
                self._rolling = False
            await self.walk.look(self._settings)

        self.tell("")
        self._do(act)

    async def _roll(self, count: int) -> None:
        """The text is shown now and then; the table only where it stops."""
        shown = time.monotonic()
        for _ in range(count):
            view = self.walk.view
            if view is None or view.ended or not self._rolling:
                return
            await self.walk.pick(self._settings, top=1)
            if time.monotonic() - shown > SHOWN_SECONDS:
                shown = time.monotonic()
                self.show_text()

    def action_stop_run(self) -> None:
        """What came stays."""
        self._rolling = False

    def action_move(self, by: int) -> None:
        """The cursor, some rows."""
        self._table.move(by)

    def action_page(self, by: int) -> None:
        """The cursor, a page."""
        self._table.move(by * self._table.page)

    def action_find(self) -> None:
        """Any token of the vocabulary."""

        def take(text: str | None) -> None:
            if text:
                self._do(lambda: self._look_up(text))

        self.app.push_screen(LineDialog("Which token? A part of it will do."), take)

    async def _look_up(self, text: str) -> None:
        matches, found = await self.walk.find(text, self._settings)
        if not found:
            self.tell(f"No token of the vocabulary holds “{one_line(text)}”.")
            return
        shown = f", the first {len(found)} of them" if matches > len(found) else ""
        self._caption = matching(matches, text) + shown
        self._found = found

    def action_leave_found(self) -> None:
        """The likeliest again."""
        self._found = None
        self._show()

    def action_edit(self) -> None:
        """Another beginning."""

        def take(text: str | None) -> None:
            if text is not None:
                self._found = None
                self.walk.begin(text)
                self._look()

        self.app.push_screen(LineDialog("Begin with which text?", self.walk.text), take)

    def action_copy(self) -> None:
        """The text so far."""
        self.post_message(CopyRequested(clean(self.walk.text), "text"))

    def action_cursor(self) -> None:
        """Any token of it."""
        walk, talk = self.walk, self.talk
        self.app.push_screen(
            CursorScreen(walk.run, walk.which, walk.prompt, walk.chosen, talk.dials)
        )

    def action_inside(self) -> None:
        """What the layers make of this place."""
        walk = self.walk
        self.post_message(OpenInside(walk.run, walk.which, clean(walk.prompt), list(walk.chosen)))

    def action_pin(self) -> None:
        """These weights and settings stay beside others; once more lets them go."""
        if self._pin is not None:
            self._pin = self._against = None
            self.tell("")
        else:
            talk = self.talk
            words = f"{weights_label(talk.which, talk.step)} · {in_words(self._settings)}"
            self._pin = Pin(self.walk.twin(), self._settings, words)
            self.tell("Pinned: now choose other weights (, . b l o) or settings.")
        self._look()

    @work(group="index", exclusive=True, exit_on_error=False)
    async def action_index(self) -> None:
        """Has the corpus's own counts ready."""
        try:
            async with aclosing(self.services.client.stream("index", run=self.talk.run)) as said:
                async for message in said:
                    if "phase" in message:
                        done, total = message["finished"], message["total"]
                        self.tell(f"index: {one_line(message['phase'])} {done:,} of {total:,}")
        except MiniGPTError as error:
            self.show_error(error)
        self.tell("")
        self._look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer tells what can be done now."""
        view = self.walk.view
        match action, parameters:
            case "stop_run", _:
                return self._rolling
            case "leave_found", _:
                return self._found is not None and not self._rolling
            case "back", _:
                return self._found is None and not self._rolling
            case (("top" | "roll" | "run" | "five" | "take" | "undo" | "find" | "pin"), _):
                return view is not None
            case "index", _:
                return view is not None and view.copied is None
        return True
