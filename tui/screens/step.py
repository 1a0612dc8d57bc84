"""Step: choose the next tokens one by one, from all candidates."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from core.errors import InputError, MiniGPTError
from core.run.weights_ref import LAST
from core.server.protocol import IndexRequest
from core.server.replies import FindReply, IndexProgress, StepReply
from tui.chat.facts import GenerationFacts
from tui.chat.turn_tree import JsonMessages
from tui.common.messages import CopyRequested, OpenInside
from tui.common.sampling_settings import DRAWN_SEED_LIMIT, SamplingControls
from tui.common.sanitize import clean, one_line
from tui.explore.candidates import corpus_facts, match_count
from tui.explore.comparison import Comparison, Pin, compare
from tui.explore.distribution import describe_distribution, surprises
from tui.explore.step_keys import BINDINGS, COMMANDS, SAMPLED_TOKENS
from tui.explore.step_session import StepSession
from tui.explore.taken_path import token_facts
from tui.screens.cursor import CursorScreen
from tui.screens.dialogs import LineDialog, RunDialog
from tui.screens.prediction import NO_PREDICTIONS, PredictionScreen
from tui.widgets.candidate_table import CandidateTable
from tui.widgets.distribution_panel import DistributionPanel
from tui.widgets.panel import Panel
from tui.widgets.sampling_panel import NAMES, SamplingPanel
from tui.widgets.taken_text import Breadcrumb, TakenText
from tui.widgets.weights_panel import WeightsPanel

MAX_TEXT_ROWS = 4
TEXT_UPDATE_SECONDS = 1 / 8
ROWS_PER_TEXT_ROW = 12  # one row of text for so many of the screen
SETTING_NAMES = tuple(name for name in NAMES if name != "max_tokens")
NEXT_TITLE, SIDE_TITLE = "Next token", "Sampling and distribution"
TAKEN_TITLE = Content.assemble(
    " Taken, and its probability", ("   # rank if not the likeliest ", "not bold $faint")
)
TEXT_HINT = "# rank, when it was not the likeliest · ⌫ takes the last one back"
TABLE_HINT = "dim: removed, and by which setting"
FIND_HINT = " · / finds any of them"
PINNED = "Pinned: choose other weights (, . b) or settings."
END_OF_TEXT = "End of text. Backspace takes the last token back."


class StepScreen(PredictionScreen):
    """A text extended token by token.

    Args:
        name, weights: the run and its weights.
        prompt: the text at first; None if `chosen` is the whole text.
        chosen: ids of tokens after it.
        controls: the sampling settings.
        messages: what a model that replies reads in place of `prompt`, the last of them.
    """

    HEADING = "Step"
    HELP = (
        "What could come next, and how likely: under the model itself, and after your settings. "
        "Tokens that a setting removed are dim, with its name. Take a row, roll, or take back; "
        "Tab goes to the settings, which take effect at once."
    )
    CSS_PATH = "../styles/step.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS
    COMMANDS_WITHOUT_KEY = COMMANDS

    def __init__(
        self,
        name: str,
        weights: str = LAST,
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        controls: SamplingControls | None = None,
        messages: JsonMessages | None = None,
    ) -> None:
        super().__init__(name, weights, controls)
        self._initial = prompt, list(chosen), messages
        self._matches: FindReply | None = None
        self._matches_text, self._matches_caption = "", Content("")
        self._samplings = self._stops = 0  # requests to sample that have not ended; keys to stop
        self._pin: Pin | None = None
        self._comparison: Comparison | None = None

    @cached_property
    def session(self) -> StepSession:
        """The text, and the model server's session."""
        name, weights = self.opened_for
        prompt, chosen, messages = self._initial
        if messages is None and prompt and prompt.strip():
            messages = self.conversation.next_messages(prompt)
        return StepSession(self.services.client, name, weights, prompt, chosen, messages)

    def body(self) -> ComposeResult:
        """Yield the text, the candidates with the comparison, and the settings."""
        charset = self.services.terminal.charset
        yield Panel(TakenText(), Breadcrumb(), title="Text", hint=TEXT_HINT, id="path")
        with Container(id="room"):
            with Panel(title=NEXT_TITLE, hint=TABLE_HINT, id="next"):
                yield CandidateTable(charset, FIND_HINT)
                yield Static(id="comparison", markup=False)
            with Panel(title=SIDE_TITLE, id="side"):
                yield SamplingPanel(names=SETTING_NAMES)
                yield DistributionPanel()
                yield WeightsPanel()

    def on_mount(self) -> None:
        """Request the first candidates."""
        self.query_one("#comparison").display = False
        self.query_one(Breadcrumb).border_title = TAKEN_TITLE
        self.settings_changed()

    def on_resize(self) -> None:
        """Give the text as many rows as the height allows."""
        super().on_resize()
        rows = min(MAX_TEXT_ROWS, max(1, self.size.height // ROWS_PER_TEXT_ROW))
        self.query_one(TakenText).max_rows = rows
        if self.view is not None:
            self.call_after_refresh(self.show_view)

    def shown_controls(self) -> SamplingControls:
        """The settings; the same seed counts for every token, whether it was chosen or not."""
        return replace(self.conversation.controls, fixed=True)

    def use_controls(self, controls: SamplingControls) -> None:
        """Use other settings; a seed that is switched off is drawn anew at once."""
        before = self.conversation.controls
        config = controls.config
        if not controls.fixed:
            config = replace(config, seed=random.randrange(DRAWN_SEED_LIMIT))
        is_fixed = before.fixed or config.seed != before.config.seed
        super().use_controls(replace(controls, config=config, fixed=is_fixed))

    # Requests

    @property
    def view(self) -> StepReply | None:
        """What could come next."""
        return self.session.view

    @property
    def weights_in_use(self) -> tuple[str, str]:
        """The run and the weights of the session."""
        return self.session.run, self.session.weights

    async def load_weights(self, run: str, weights: str) -> None:
        """Predict the next token with other weights."""
        await self.session.use_weights(run, weights, self.settings)
        self._matches = None

    async def refresh_view(self) -> None:
        """Compare with the pinned weights."""
        if self._pin is not None:
            self._comparison = await compare(self._pin, self.session, self.settings)

    def settings_changed(self) -> None:
        """Show the candidates, or those found, with the new settings."""

        async def refresh() -> None:
            await self.session.refresh(self.settings)
            if self._matches is not None:
                await self._find(self._matches_text)

        self.perform(refresh, needs_view=False)

    # Display

    def show_view(self) -> None:
        """Show the text, the candidates, and the comparison with the pinned weights."""
        view = self.view
        if view is None:
            return
        compared = self._comparison if self._pin else None
        pinned = compared.chances if compared else None
        panel = self.query_one("#next", Panel)
        if self._matches is None:
            self.table.show(view.top, self.settings, pinned=pinned, vocab_size=view.vocab_size)
            panel.set_title(NEXT_TITLE)
        else:
            self.table.show(self._matches.tokens, self.settings, pinned=pinned)
            panel.set_title(self._matches_caption)
        comparison = self.query_one("#comparison", Static)
        comparison.display = compared is not None
        if self._pin and compared:
            comparison.update(compared.lines(self._pin.label))
        self._show_text()
        path = surprises(self.session.path)
        rows = self.table.page_rows
        corpus = corpus_facts(view)
        figures = describe_distribution(view, self.settings, path, rows)
        self.query_one(DistributionPanel).show(figures, corpus)
        # The title is that of narrow screens, whose one line of figures has no room for this.
        words = Content.assemble(SIDE_TITLE, (f" · {corpus}", "not bold $faint"))
        self.query_one("#side", Panel).set_title(words)
        self.refresh_bindings()

    def _show_text(self) -> None:
        """Show the prompt, the tokens after it, and the one at the table's cursor."""
        session, selected = self.session, self.table.selected
        upcoming = "" if selected is None or self._samplings else selected.text
        if self.view is not None and self.view.ended:
            upcoming = ""
        prompt, text, taken = session.text_before, session.chosen_text, session.taken
        self.query_one(TakenText).show(prompt, text, taken, upcoming)
        self.query_one(Breadcrumb).show(taken)

    def on_candidate_table_moved(self) -> None:
        """Show the token at the cursor in the text."""
        self._show_text()

    def on_candidate_table_opened(self) -> None:
        """Take the row that was double-clicked."""
        self.action_take_cursor()

    def on_taken_text_clicked(self, event: TakenText.Clicked) -> None:
        """Describe a taken token; a double click takes back all from there on."""
        taken = self.session.taken
        if event.index >= len(taken):
            return
        if event.twice:
            self._undo(len(taken) - event.index)
        else:
            self.show_note(token_facts(taken[event.index]))

    @property
    def standing_note(self) -> str:
        """That the text has ended."""
        return END_OF_TEXT if self.view is not None and self.view.ended else ""

    def facts(self) -> GenerationFacts:
        """Return the facts, with the counts of this text."""
        view, facts = self.view, self.conversation.facts()
        if view is None:
            return facts
        chosen = max(0, view.length - view.begun)
        return replace(facts, tokens=chosen, used=view.used, context=view.context)

    # Choosing

    async def _append(self, id: int | None = None) -> None:
        """Append a token, or the one that the settings choose."""
        if self.view is not None and self.view.ended:
            self.show_note(END_OF_TEXT)
            return
        self._matches = None
        await self.session.append(self.settings, id)

    def action_take_cursor(self) -> None:
        """Append the token at the table's cursor."""

        async def take() -> None:
            if (selected := self.table.selected) is not None:
                await self._append(selected.id)

        self.show_note("")
        self.perform(take)

    def action_take(self, number: int) -> None:
        """Append the token of a row."""

        async def take() -> None:
            rows = self.table.rows
            if number > len(rows):
                self.show_note(f"There is no row {number}.")
            else:
                await self._append(rows[number - 1].id)

        self.show_note("")
        self.perform(take)

    def action_sample(self) -> None:
        """Append the token that the settings and the seed choose."""
        self.show_note("")
        self.perform(self._append)

    def action_undo(self) -> None:
        """Take the last token back."""
        self._undo(1)

    def _undo(self, count: int) -> None:
        async def undo() -> None:
            self._matches = None
            if len(self.session.chosen) >= count:
                await self.session.undo(self.settings, count)
            else:
                self.show_note("Nothing to take back: F2 edits the text.")

        self.show_note("")
        self.perform(undo)

    def action_sample_some(self) -> None:
        """Sample some tokens."""
        self._sample_many(SAMPLED_TOKENS)

    def action_sample_to_end(self) -> None:
        """Sample to the end of the text or to the token limit."""
        self._sample_many(self.settings.max_tokens)

    def _sample_many(self, count: int) -> None:
        stops = self._stops

        async def sample() -> None:
            try:
                self._matches = None
                await self._sample(count, stops)
            finally:
                self._samplings -= 1
            await self.session.refresh(self.settings)

        self._samplings += 1
        self.refresh_bindings()
        self.show_note("")
        self.perform(sample, needs_view=False)

    async def _sample(self, count: int, stops: int) -> None:
        """Sample tokens; the text is updated now and then, the table not at all."""
        updated = time.monotonic()
        for _ in range(count):
            if self.view is None or self.view.ended or self._stops > stops:
                return
            await self.session.append(self.settings, top=1)
            if time.monotonic() - updated > TEXT_UPDATE_SECONDS:
                updated = time.monotonic()
                self._show_text()

    def action_stop_run(self) -> None:
        """Stop sampling after the present token."""
        self._stops += 1

    def action_move(self, by: int) -> None:
        """Move the table's cursor."""
        self.perform_locally(lambda: self.table.move(by))

    def action_page(self, by: int) -> None:
        """Move the table's cursor by pages."""
        self.perform_locally(lambda: self.table.move(by * self.table.page_rows))

    def action_find(self) -> None:
        """Find tokens of the vocabulary by their text."""

        def show(text: str | None) -> None:
            if text:
                self.perform()

        question = "Find which token? Part of it is enough."
        self.app.push_screen(LineDialog(question, check=self._find), show)

    async def _find(self, text: str) -> None:
        if not text:
            return
        async with self._action_lock:
            if self.view is None:
                raise InputError(NO_PREDICTIONS)
            matches = await self.session.find(text, self.settings)
        if not matches.tokens:
            raise InputError(f"No token contains “{text}”.", "Enter a part of a token.")
        count, shown = matches.matches, len(matches.tokens)
        more = f", first {shown} shown" if count > shown else ""
        hint = (" · Esc shows the likeliest", "not bold $faint")
        self._matches_caption = Content.assemble(match_count(count, text) + more, hint)
        self._matches, self._matches_text = matches, text

    def action_show_likeliest(self) -> None:
        """Show the likeliest tokens instead of those found."""
        self._matches = None
        self.show_view()

    def action_edit(self) -> None:
        """Edit the text."""
        if self.view is None and self.session.chosen and self.is_busy:
            self.show_note("The text is still loading; press F2 again in a moment.")
            return

        def show(text: str | None) -> None:
            if text is not None:
                self._matches = None
                self.perform(needs_view=False)

        session = self.session
        text = session.text if session.messages is None else session.prompt or ""
        dialog = LineDialog("Start with which text?", text, self._open_text)
        self.app.push_screen(dialog, show)

    async def _open_text(self, text: str) -> None:
        async with self._action_lock:
            await self.session.open_message(text, self.settings)

    # Other views

    def action_copy(self) -> None:
        """Copy the text."""
        self.perform_locally(
            lambda: self.post_message(CopyRequested(clean(self.session.text), "text"))
        )

    def action_cursor(self) -> None:
        """Open Cursor on this text."""

        def open_cursor() -> None:
            session, controls = self.session, self.conversation.controls
            text = session.prompt, session.chosen, controls
            screen = CursorScreen(session.run, session.weights, *text, messages=session.messages)
            self.app.push_screen(screen)

        self.perform_locally(open_cursor)

    def action_inside(self) -> None:
        """Open Inside at this position."""

        def open_inside() -> None:
            session = self.session
            prompt = None if session.prompt is None else clean(session.prompt)
            chosen = list(session.chosen)
            place = OpenInside(
                session.run, session.weights, prompt, chosen, messages=session.messages
            )
            self.post_message(place)

        self.perform_locally(open_inside)

    def action_pin(self) -> None:
        """Pin these weights and settings to compare others with them, or unpin."""

        async def pin() -> None:
            if self._pin is not None:
                self._pin = self._comparison = None
                self.show_note("")
            else:
                self._pin = Pin(self.session.copy(), self.settings)
                self.show_note(PINNED)

        self.perform(pin)

    def action_compare(self) -> None:
        """Choose another run, whose newest weights are compared with these, same text."""

        def use(name: str | None) -> None:
            if name is not None:
                self.perform(lambda: pin(name))

        async def pin(name: str) -> None:
            session = self.session.copy()
            await session.use_weights(name, LAST, self.settings)
            self._pin = Pin(session, self.settings)
            self.show_note("")

        def choose() -> None:
            words = "Compare with another run, same text", "compare"
            dialog = RunDialog(self.services.home, self.conversation.run, *words)
            self.app.push_screen(dialog, use)

        self.perform_locally(choose)

    def action_index(self) -> None:
        """Build the corpus index unless there is one."""

        def build() -> None:
            if self.view is not None and self.view.corpus is None:
                self._build_index()
            else:
                self.show_note("The corpus index exists already.")

        self.perform_locally(build)

    @work(group="index", exclusive=True, exit_on_error=False)
    async def _build_index(self) -> None:
        request = IndexRequest(run=self.conversation.run)
        try:
            messages = self.services.client.stream(request)
            async with aclosing(messages):
                async for message in messages:
                    if isinstance(message, IndexProgress):
                        phase = one_line(message.phase)
                        self.show_note(f"index: {phase} {message.finished:,} of {message.total:,}")
        except MiniGPTError as error:
            self.show_error(error)
        self.show_note("")
        self.settings_changed()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        sampling = self._samplings > 0
        match action:
            case "stop_run":
                return sampling
            case "show_likeliest":
                return self._matches is not None and not sampling
            case "back":
                return self._matches is None and not sampling
        return True
