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
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from core.config.configs import SamplingConfig
from core.errors import InputError, MiniGPTError
from core.run.weights_ref import LAST
from core.server.protocol import IndexRequest
from core.server.replies import FindReply, IndexProgress, StepReply
from tui.chat.facts import GenerationFacts
from tui.common.messages import CopyRequested, OpenInside
from tui.common.sampling_settings import DRAWN_SEED_LIMIT, SamplingControls
from tui.common.sanitize import clean, one_line
from tui.explore.candidates import corpus_facts, match_count, prediction_facts
from tui.explore.comparison import Comparison, Pin, compare
from tui.explore.step_keys import BINDINGS
from tui.explore.step_session import StepSession
from tui.screens.cursor import CursorScreen
from tui.screens.dialogs import LineDialog
from tui.screens.prediction import NO_PREDICTIONS, PredictionScreen
from tui.widgets.candidate_table import CandidateTable
from tui.widgets.generation_side import GenerationLine, GenerationSide
from tui.widgets.transcript import Transcript, prompt_mark

MAX_TEXT_ROWS = 4
TALL_SCREEN_ROWS = 24  # from here on a row is left free below the text
TOKENS_SAMPLED_BY_F = 5
TEXT_UPDATE_SECONDS = 1 / 8
END_OF_TEXT = "End of text. Backspace undoes."


class StepScreen(PredictionScreen):
    """A text extended token by token.

    Args:
        name, weights: the run and its weights.
        prompt: the text at first.
        chosen: ids of tokens after it.
        controls: the sampling settings.
    """

    HEADING = "Step"
    HELP = (
        "What could come next, and how likely: under the model itself, and after your settings. "
        "Tokens that a setting removed are dim, with its name. Take a row, sample, or undo; "
        "changed settings take effect at once."
    )
    CSS_PATH = "../styles/step.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(
        self,
        name: str,
        weights: str = LAST,
        prompt: str = "",
        chosen: Sequence[int] = (),
        controls: SamplingControls | None = None,
    ) -> None:
        super().__init__(name, weights, controls)
        self._initial = prompt, list(chosen)
        self._matches: FindReply | None = None
        self._matches_text = self._matches_caption = ""
        self._samplings = self._stops = 0  # requests to sample that have not ended; keys to stop
        self._pin: Pin | None = None
        self._comparison: Comparison | None = None
        self._shown_text: tuple[str, str, str] | None = None

    @cached_property
    def session(self) -> StepSession:
        """The text, and the model server's session."""
        name, weights = self.opened_for
        prompt, chosen = self._initial
        return StepSession(self.services.client, name, weights, prompt, chosen)

    def body(self) -> ComposeResult:
        """Yield the text with its facts, the candidates, the comparison, and the settings."""
        charset = self.services.terminal.charset
        with Horizontal(id="room"):
            with Vertical(id="step"):
                text = Transcript()
                text.id, text.can_focus = "text", False
                yield text
                yield Static(id="facts", markup=False)
                yield CandidateTable(charset)
                yield Static(id="comparison", markup=False)
            yield GenerationSide(prompt_mark(charset))
        yield GenerationLine()

    def on_mount(self) -> None:
        """Request the first candidates."""
        self.query_one("#comparison").display = False
        self.query_one("#facts", Static).update("Loading the model...")
        self.settings_changed()

    @property
    def _table(self) -> CandidateTable:
        return self.query_one(CandidateTable)

    @property
    def _settings(self) -> SamplingConfig:
        return self.conversation.controls.config

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
        await self.session.use_weights(run, weights, self._settings)
        self._matches = None

    async def refresh_view(self) -> None:
        """Compare with the pinned weights."""
        if self._pin is not None:
            self._comparison = await compare(self._pin, self.session, self._settings)

    def settings_changed(self) -> None:
        """Show the candidates, or those found, with the new settings."""

        async def refresh() -> None:
            await self.session.refresh(self._settings)
            if self._matches is not None:
                await self._find(self._matches_text)

        self.perform(refresh, needs_view=False)

    # Display

    def show_view(self) -> None:
        """Show the text, the candidates, and the comparison with the pinned weights."""
        view = self.view
        if view is None:
            self.query_one("#facts", Static).update("")
            return
        self._show_text()
        facts = f"{prediction_facts(view)}\n{self._second_fact(view)}"
        self.query_one("#facts", Static).update(facts)
        compared = self._comparison if self._pin else None
        rows = view.top if self._matches is None else self._matches.tokens
        self._table.show(rows, compared.chances if compared else None)
        comparison = self.query_one("#comparison", Static)
        comparison.display = compared is not None
        if self._pin and compared:
            comparison.update(compared.lines(self._pin.label))
        self.refresh_bindings()

    def _second_fact(self, view: StepReply) -> str:
        if self._matches is not None:
            return f"{self._matches_caption}; Esc shows the likeliest"
        return END_OF_TEXT if view.ended else corpus_facts(view)

    def _show_text(self) -> None:
        """Show the prompt, the tokens after it, and the token picked last."""
        view, text, last = self.view, self.session.text, ""
        if view is not None and view.picked is not None and self._shown_text is not None:
            before = "".join(self._shown_text)
            last = text[len(before) :] if text.startswith(before) else ""
        prompt = self.session.prompt
        parts = prompt, text[len(prompt) : len(text) - len(last)], last
        if parts == self._shown_text:
            return
        self._shown_text = parts
        transcript = self.query_one("#text", Transcript)
        transcript.clear()
        transcript.append(zip(parts, ("prompt", "", "accent"), strict=True))
        gap = int(self.size.height >= TALL_SCREEN_ROWS)
        rows = min(MAX_TEXT_ROWS, max(1, transcript.virtual_size.height))
        transcript.styles.height = rows + gap

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
        await self.session.append(self._settings, id)

    def action_take_cursor(self) -> None:
        """Append the token at the table's cursor."""

        async def take() -> None:
            if (selected := self._table.selected) is not None:
                await self._append(selected.id)

        self.show_note("")
        self.perform(take)

    def action_take(self, number: int) -> None:
        """Append the token of a row."""

        async def take() -> None:
            rows = self._table.rows
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
        """Remove the last token."""

        async def undo() -> None:
            self._matches = None
            if self.session.chosen:
                await self.session.undo(self._settings)
            else:
                self.show_note("Nothing to undo.")

        self.show_note("")
        self.perform(undo)

    def action_sample_five(self) -> None:
        """Sample some tokens."""
        self._sample_many(TOKENS_SAMPLED_BY_F)

    def action_sample_to_end(self) -> None:
        """Sample to the end of the text or to the token limit."""
        self._sample_many(self._settings.max_tokens)

    def _sample_many(self, count: int) -> None:
        stops = self._stops

        async def sample() -> None:
            try:
                self._matches = None
                await self._sample(count, stops)
            finally:
                self._samplings -= 1
            await self.session.refresh(self._settings)

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
            await self.session.append(self._settings, top=1)
            if time.monotonic() - updated > TEXT_UPDATE_SECONDS:
                updated = time.monotonic()
                self._show_text()

    def action_stop_run(self) -> None:
        """Stop sampling after the present token."""
        self._stops += 1

    def action_move(self, by: int) -> None:
        """Move the table's cursor."""
        self.perform_locally(lambda: self._table.move(by))

    def action_page(self, by: int) -> None:
        """Move the table's cursor by pages."""
        self.perform_locally(lambda: self._table.move(by * self._table.page_rows))

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
            matches = await self.session.find(text, self._settings)
        if not matches.tokens:
            raise InputError(f"No token contains “{text}”.", "Enter a part of a token.")
        more = (
            f", first {len(matches.tokens)} shown" if matches.matches > len(matches.tokens) else ""
        )
        self._matches_caption = match_count(matches.matches, text) + more
        self._matches, self._matches_text = matches, text

    def action_show_likeliest(self) -> None:
        """Show the likeliest tokens instead of those found."""
        self._matches = None
        self.show_view()

    def action_edit(self) -> None:
        """Edit the text."""
        if self.view is None and self.session.chosen and self.is_busy:
            self.show_note("The text is still loading; press e again in a moment.")
            return

        def show(text: str | None) -> None:
            if text is not None:
                self._matches = None
                self.perform(needs_view=False)

        dialog = LineDialog("Start with which text?", self.session.text, self._open_text)
        self.app.push_screen(dialog, show)

    async def _open_text(self, text: str) -> None:
        async with self._action_lock:
            await self.session.open_text(text, self._settings)

    def action_seed(self) -> None:
        """Draw another seed."""
        config = replace(self._settings, seed=random.randrange(DRAWN_SEED_LIMIT))
        self.conversation.controls = replace(self.conversation.controls, config=config, fixed=True)
        self.show_note(f"Sampling with seed {config.seed}.")
        self.settings_changed()

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
            self.app.push_screen(
                CursorScreen(session.run, session.weights, session.prompt, session.chosen, controls)
            )

        self.perform_locally(open_cursor)

    def action_inside(self) -> None:
        """Open Inside at this position."""

        def open_inside() -> None:
            session = self.session
            prompt, chosen = clean(session.prompt), list(session.chosen)
            self.post_message(OpenInside(session.run, session.weights, prompt, chosen))

        self.perform_locally(open_inside)

    def action_pin(self) -> None:
        """Pin these weights and settings to compare others with them, or unpin."""

        async def pin() -> None:
            if self._pin is not None:
                self._pin = self._comparison = None
                self.show_note("")
            else:
                self._pin = Pin(self.session.copy(), self._settings)
                self.show_note("Pinned: now choose other weights (, . b l o) or settings.")

        self.perform(pin)

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
