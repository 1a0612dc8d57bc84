"""What Step shows: the text, what could come next, what is pinned beside it. No choosing here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cached_property

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from core.errors import MiniGPTError
from core.run.weights_ref import LAST
from tui.common.sampling_settings import SEEDS, SamplingControls
from tui.explore.choices import Choice, NextTokens, corpus_facts, facts
from tui.explore.walk import Comparison, Pin, Walk, compare, in_words
from tui.screens.generation import GenerationScreen
from tui.talk.facts import TalkFacts
from tui.widgets.choice_table import ChoiceTable
from tui.widgets.talk_side import TalkLine, TalkSide
from tui.widgets.transcript import Transcript, mark

MOST_ROWS, TALL = 4, 24  # of the text; from so many of the screen on a row is left free below it
OVER = "The text has come to its end. Backspace goes back."


class WalkScreen(GenerationScreen):
    """A place in a text; subclasses move it.

    Args:
        name, which: the run and its weights.
        prompt: what stands there at first.
        chosen: ids that come after it, as if chosen already.
        dials: the settings.
    """

    NEWER = "Newer weights were saved; l takes them."

    def __init__(
        self,
        name: str,
        which: str = LAST,
        prompt: str = "",
        chosen: Sequence[int] = (),
        dials: SamplingControls | None = None,
    ) -> None:
        super().__init__(name, which)
        self._beginning = prompt, list(chosen)
        self._dials = dials or SamplingControls()
        self._turn = asyncio.Lock()  # keys act one after another, however fast they come
        self._found: list[Choice] | None = None
        self._caption = ""  # what was found, in words
        self._rolling = False
        self._pin: Pin | None = None
        self._against: Comparison | None = None
        self._text: tuple[str, str, str] | None = None

    @cached_property
    def walk(self) -> Walk:
        """Where one is."""
        name, which = self.first
        prompt, chosen = self._beginning
        return Walk(self.services.client, name, which, prompt, chosen)

    def body(self) -> ComposeResult:
        """The text, what there is to say of it, the choices; what is pinned; the settings."""
        charset = self.services.terminal.charset
        with Horizontal(id="room"):
            with Vertical(id="walk"):
                text = Transcript()
                text.id, text.can_focus = "text", False
                yield text
                yield Static(id="facts", markup=False)
                yield ChoiceTable(charset)
                yield Static(id="against", markup=False)
            yield TalkSide(mark(charset))
        yield TalkLine()

    def on_mount(self) -> None:
        """Looks at the first place."""
        self.query_one("#against").display = False
        self.talk.dials = self._dials
        self._look()

    @property
    def _table(self) -> ChoiceTable:
        return self.query_one(ChoiceTable)

    @property
    def _settings(self) -> dict[str, object]:
        return self.talk.dials.to_json()

    # Asking, and showing what was answered

    def _look(self) -> None:
        self._do(lambda: self.walk.look(self._settings))

    @work(group="walk", exit_on_error=False)
    async def _do(self, act: Callable[[], Awaitable[object]]) -> None:
        """One thing after another; what goes wrong is said, and the place stays."""
        async with self._turn:
            try:
                await act()
                if self._pin is not None:
                    self._against = await compare(self._pin, self.walk, self._settings)
            except MiniGPTError as error:
                self.show_error(error)
            self._show()

    def _show(self) -> None:
        view = self.walk.view
        if view is None or not self.is_attached:
            return
        self.show_text()
        self.query_one("#facts", Static).update(f"{facts(view)}\n{self._below(view)}")
        pinned = self._against.chances if self._pin and self._against else None
        self._table.show(view.top if self._found is None else self._found, pinned)
        against = self.query_one("#against", Static)
        against.display = pinned is not None
        if self._pin and self._against:
            against.update(in_words(self._against, self._pin.label))
        self.show_facts()
        self.refresh_bindings()

    def show_text(self) -> None:
        """Prompt, choices, and the last of them."""
        view, before, last = self.walk.view, self.walk.text, ""
        if (
            view is not None
            and view.picked is not None
            and self._text
            and before.startswith("".join(self._text))
        ):
            last = before[len("".join(self._text)) :]
        prompt = self.walk.prompt
        parts = prompt, before[len(prompt) : len(before) - len(last)], last
        if parts == self._text:
            return
        self._text = parts
        text = self.query_one("#text", Transcript)
        text.clear()
        text.append(zip(parts, ("prompt", "", "accent"), strict=True))
        gap = int(self.size.height >= TALL)
        text.styles.height = min(MOST_ROWS, max(1, text.virtual_size.height)) + gap

    def _below(self, view: NextTokens) -> str:
        if self._found is not None:
            return f"{self._caption}; Esc shows the likeliest again"
        return OVER if view.ended else corpus_facts(view)

    def facts(self) -> TalkFacts:
        """Beside it: how much was chosen, how full the context is."""
        view, found = self.walk.view, self.talk.facts()
        if view is None:
            return found
        chosen = max(0, view.length - view.begun)
        return replace(found, tokens=chosen, used=view.used, size=view.context)

    # Settings and weights

    def action_turn(self, name: str, by: int) -> None:
        """One setting; what it does is seen at once."""
        super().action_turn(name, by)
        self._look()

    def action_greedy(self, where: str = "") -> None:
        """Everything as at the beginning."""
        super().action_greedy(where)
        self._look()

    def action_seed(self) -> None:
        """Another seed."""
        config = replace(self.talk.dials.config, seed=random.randrange(SEEDS))
        self.talk.dials = replace(self.talk.dials, config=config, fixed=True)
        self.tell(f"Space draws with the seed {config.seed}.")
        self._look()

    def turned(self) -> None:
        """The same place with other weights."""

        async def act() -> None:
            self._found = None
            self.walk.turn_to(self.talk.run, self.talk.which)
            await self.walk.look(self._settings)

        self._do(act)

    def action_newest(self) -> None:
        """Also where they are newer than those of the same name before."""
        if self.talk.which == LAST:
            self.turned()
        else:
            super().action_newest()
