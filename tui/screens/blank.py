"""Blank: mask words of a text; an encoder, a decoder and the corpus say what belongs there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.events import Paste
from textual.widgets import Input

from core.errors import MiniGPTError
from core.run.comparable import find_comparable_decoder
from core.run.directory import Run
from core.run.weights_ref import BEST, LAST, newer_weights, older_weights, weights_label
from tui.chat.timeline import WeightsPoint, read_timeline
from tui.common.messages import CopyRequested, OpenInside
from tui.common.sanitize import clean, one_line, pasted_text
from tui.explore.blank_game import Score, round_words
from tui.explore.blank_keys import BINDINGS, COMMANDS
from tui.explore.blank_session import BlankSession
from tui.explore.blank_text import Choice
from tui.explore.token_rows import Layout, layout_rows
from tui.runs.preview import read_preview
from tui.screens.base import BaseScreen
from tui.screens.dialogs import TextDialog
from tui.widgets.answer_input import AnswerInput
from tui.widgets.blank_candidates import BlankCandidates
from tui.widgets.blank_panels import ContextPanel, ScorePanel
from tui.widgets.blank_table import BlankTable
from tui.widgets.panel import Panel, is_wide
from tui.widgets.row_list import RowList
from tui.widgets.token_text import TokenText
from tui.widgets.weights_panel import WeightsPanel

MAX_TEXT_SHARE = 3  # the text takes at most one row in so many
MIN_TEXT_ROWS = 2
EVERY_WORD = 1 << 16  # words: a move that far reaches an end of any text
TEXT_HINT = "Space masks a word · m the game · [] is a blank in text you type"
QUESTION = "Which text? Write [] for a word to fill in."
LOADING = "Loading the weights of {run}…"
NO_TEXT = "No text: e takes one; [] is a blank."
IN_GAME = "In a round the words are fixed: type yours and Enter, or Esc ends it."
EMPTY_ANSWER = "Type a word, or choose one with Up and Down."
ROUND_OVER = "The round is over: m masks again, Esc returns to the text."
NO_BLANK = "No word is masked: Space masks the one at the cursor."


class BlankScreen(BaseScreen):
    """A text whose words can be masked, and what belongs in the blanks.

    Args:
        name: of an encoder's run.
        weights: "last", "best" or the step of a snapshot.
        text: `[]` in it is a blank; empty means the run's sample prompt.
    """

    HEADING = "Blank"
    HELP = (
        "Mask words: the encoder, which reads both sides, says what belongs there; beside it a "
        "decoder of the same text and tokenizer, which reads only what is on the left, and how "
        "often the corpus has each word between the same neighbours. The word at the cursor is "
        "predicted as if it were masked. The game masks 15 % at random; you guess first."
    )
    AUTO_FOCUS = "BlankTable"
    PANEL_KEYS = ("tab",)
    CSS_PATH = "../styles/blank.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS
    COMMANDS_WITHOUT_KEY = COMMANDS

    def __init__(self, name: str, weights: str = LAST, text: str = "") -> None:
        super().__init__()
        self._run_name, self._weights, self._first_text = name, weights, text
        self._lock = asyncio.Lock()
        self._waiting = 0  # actions that have not ended
        self._note = ""
        self._points: list[WeightsPoint] = []

    @cached_property
    def session(self) -> BlankSession:
        """The text, and what the models say about it."""
        return BlankSession(self.services.client, self._run_name, self._weights)

    def body(self) -> ComposeResult:
        """Yield the text, the candidates, and what each model reads."""
        with Container(id="room"):
            with Vertical(id="left"):
                yield Panel(TokenText(), title="Text", hint=TEXT_HINT, id="path")
                yield BlankCandidates()
            with Vertical(id="right"):
                yield ContextPanel()
                yield ScorePanel()
                yield WeightsPanel()

    def on_mount(self) -> None:
        """Open the text."""
        self._run = Run(self.services.home.runs / self._run_name)
        self._answer.display = False
        self._show()
        self._read_timeline()
        self.perform(self._open)
        self.perform(self._find_decoder)

    async def _open(self) -> None:
        """Open the text, or the sample prompt; without either ask for one."""
        text = self._first_text
        if not text:
            samples = (await asyncio.to_thread(read_preview, self._run)).history.samples
            text = samples[-1].prompt if samples else ""
        if text:
            await self.session.open_text(text)
        else:
            self.call_later(self.action_edit)

    async def _find_decoder(self) -> None:
        """Ask a decoder of the same text and tokenizer too, if there is one."""
        home = self.services.home
        decoder = await asyncio.to_thread(find_comparable_decoder, home, self._run)
        if decoder is not None:
            await self.session.use_decoder(decoder)

    @work(group="timeline", exclusive=True, exit_on_error=False)
    async def _read_timeline(self) -> None:
        self._points = await asyncio.to_thread(read_timeline, self._run)
        if self.is_attached:
            self._show()

    # Actions one after another

    def act(self, action: Callable[[], object], *, needs_view: bool = False) -> None:
        """Perform an action without requests: at once, or after those of earlier keys.

        Args:
            needs_view: whether it depends on what belongs at the cursor.
        """

        async def act_in_turn() -> None:
            if needs_view:
                await self.session.refresh()
                self._show()  # the table is of the word at the cursor
            action()

        if self._waiting or (needs_view and self.session.place is None):
            self.perform(act_in_turn)
            return
        self._note = ""
        action()
        self._show()
        if self.session.text.words and self.session.places is None:
            self._waiting += 1
            self._perform_in_turn(_nothing)

    def perform(self, action: Callable[[], Awaitable[object]]) -> None:
        """Perform an action after those of earlier keys; then show what belongs at the cursor."""
        self._note = ""
        self._waiting += 1
        self._perform_in_turn(action)

    @work(group="action", exit_on_error=False)
    async def _perform_in_turn(self, action: Callable[[], Awaitable[object]]) -> None:
        try:
            async with self._lock:
                try:
                    await action()
                    if self._waiting == 1:
                        await self.session.refresh()
                except MiniGPTError as error:
                    self.show_error(error)
        finally:
            self._waiting -= 1
        if self.is_attached:
            self._show()

    # Display

    @property
    def _answer(self) -> AnswerInput:
        return self.query_one(AnswerInput)

    @property
    def _table(self) -> BlankTable:
        return self.query_one(BlankTable)

    def on_resize(self) -> None:
        """Fit the text to the width."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        """Show the text, what belongs at the cursor, the score, and the weights."""
        session = self.session
        if session.decoder_error is not None:
            self.show_error(session.decoder_error)
            session.decoder_error = None
        self.set_header(self._run_name, state=self._state())
        self.query_one(WeightsPanel).show(self._points, session.weights, session.step)
        self.query_one(ScorePanel).show(session.score, session.round)
        self._show_text()
        if session.text.words:
            words, decoder = session.text.shown_words(), session.decoder
            self.query_one(ContextPanel).show(words, session.text.at, self._run_name, decoder)
        self.query_one(BlankCandidates).show(session, self._note or self._standing_note())
        self.refresh_bindings()

    def _state(self) -> str:
        """The weights, and the score; where there is little room only one of them."""
        session = self.session
        label = weights_label(session.weights, session.step)
        if not session.score.rounds:
            return label
        return f"{label} · {session.score}" if is_wide(self) else session.score.brief

    def _show_text(self) -> None:
        """Show the words, in the game with the answers."""
        session, widget = self.session, self.query_one(TokenText)
        text, round_ = session.text, session.round
        words = text.shown_words(round_words(round_) if round_ else None)
        changed = {
            n for n, word in enumerate(text.words) if not text.choices.keys().isdisjoint(word)
        }
        layout = Layout(
            words,
            text.at,
            plain=self.services.terminal.is_ascii,
            blanks=frozenset(changed | set(text.masked_words)),
        )
        if words and (width := widget.content_size.width):
            most = max(MIN_TEXT_ROWS, self.size.height // MAX_TEXT_SHARE)
            widget.styles.height = min(most, len(layout_rows(layout, width)))
            widget.show(layout)

    def _standing_note(self) -> str:
        """What to do where there is nothing to show, and words that were read as unknown."""
        session = self.session
        if not session.text.words:
            return LOADING.format(run=self._run_name) if self._waiting else NO_TEXT
        if session.unknown and not session.round:
            words = ", ".join(one_line(word) for word in session.unknown)
            return f"Not in the vocabulary, read as unknown: {words}"
        return ""

    def _show_note(self, note: str) -> None:
        """Show a short note until the next key."""
        self._note = note
        self._show()

    # Moving and choosing

    def action_move(self, by: int) -> None:
        """Move the cursor by words."""
        self.act(lambda: self.session.text.move(by))

    def action_move_far(self, by: int) -> None:
        """Move the cursor to an end of the text."""
        self.action_move(by * EVERY_WORD)

    def action_next_blank(self, by: int) -> None:
        """Move the cursor to the next blank."""

        def move() -> None:
            number = self.session.text.next_blank(by)
            if number is None:
                self._note = NO_BLANK
            else:
                self.session.text.go_to(number)

        self.act(move)

    @on(TokenText.Clicked)
    def _go_to_word(self, event: TokenText.Clicked) -> None:
        """Move the cursor to the word clicked on; a double click masks or restores it."""

        def move() -> None:
            self.session.text.go_to(event.token)

        self.act(move)
        if event.twice:
            self.action_mask()

    def action_choose(self, by: int) -> None:
        """Move the cursor of the table; in the game its word is the answer so far."""

        def choose() -> None:
            table = self._table
            is_first = self.session.is_guessing and not self._answer.value
            table.move_cursor(0 if is_first else table.cursor + by)
            self._answer_selected()

        self.act(choose, needs_view=True)

    @on(RowList.Moved)
    def _answer_selected(self) -> None:
        """Put the selected word into the answer of the game."""
        if self.session.is_guessing and (selected := self._table.selected) is not None:
            self._answer.value = clean(selected.text.strip())
            self._answer.cursor_position = len(self._answer.value)

    def action_mask(self) -> None:
        """Mask the word at the cursor, or restore it."""

        def toggle() -> None:
            in_game = self.session.round is not None
            self._note = IN_GAME if in_game else self.session.text.toggle()

        self.act(toggle)

    def action_put(self) -> None:
        """Put the selected token in; in the game answer with it."""
        if self.session.is_guessing:
            self._give_answer(self._answer.value)
            return

        def put() -> None:
            selected = self._table.selected
            if selected is not None and self.session.round is None:
                self.session.text.put(Choice(selected.id, selected.text))

        self.act(put, needs_view=True)

    @on(RowList.Opened)
    def _put_clicked(self) -> None:
        """Put the double-clicked token in, or answer with it."""
        if self.session.is_guessing and (selected := self._table.selected) is not None:
            self._give_answer(selected.text)
        else:
            self.action_put()

    # The game

    def action_game(self) -> None:
        """Begin a round."""

        async def begin() -> None:
            if self.session.is_guessing:
                return
            await self.session.start_round()
            self._answer.value = ""
            self._answer.display = True
            self._answer.focus()

        self.perform(begin)

    @on(Input.Changed, "#answer")
    def _update_keys(self) -> None:
        self.refresh_bindings()

    @on(Input.Submitted, "#answer")
    def _submit_answer(self, event: Input.Submitted) -> None:
        event.stop()
        self._give_answer(event.value)

    def _give_answer(self, word: str) -> None:
        """Answer for the blank at the cursor; after the last one the models' choices show."""
        session = self.session
        if not session.is_guessing or session.round is None:
            return
        if not word.strip():
            self._show_note(EMPTY_ANSWER)
            return
        if session.text.at not in session.round.truth:
            session.text.go_to(session.round.next_word(session.text.at) or 0)
        session.answer(clean(word))
        self._answer.value = ""
        self._note = ""
        if session.round.is_over:
            self._table.focus()
            self._note = ", ".join(map(session.round.result, session.round.players)) + " right."
        self._show()

    # The text and the weights

    def action_edit(self) -> None:
        """Ask for a text."""
        dialog = TextDialog(QUESTION, self._open_typed, clean(self.session.source))
        self.app.push_screen(dialog, lambda _: self._show())

    async def _open_typed(self, text: str) -> None:
        """Open a typed text; refusals are shown in the dialog."""
        if text.strip():
            async with self._lock:
                await self.session.open_text(text)
                await self.session.refresh()
            self._table.focus()

    def on_paste(self, event: Paste) -> None:
        """Open a pasted text."""
        event.stop()
        if text := pasted_text(event.text):
            self.perform(lambda: self.session.open_text(text))

    def action_inside(self) -> None:
        """Open Inside at the word at the cursor, which is a blank there if it is masked."""

        def open_inside() -> None:
            text, weights = self.session.text, self.session.weights
            place = text.text(), (), text.place
            self.post_message(OpenInside(self._run_name, weights, *place))

        self.act(open_inside)

    def action_copy(self) -> None:
        """Copy the text."""

        def copy() -> None:
            self.post_message(CopyRequested(clean(self.session.text.text()), "text"))

        self.act(copy)

    def on_weights_panel_chosen(self, event: WeightsPanel.Chosen) -> None:
        """Use the weights chosen in the panel."""
        self._use_weights(event.weights)

    def _use_weights(self, weights: str | None) -> None:
        if weights is None:
            self._show_note("There are no further weights.")
        else:
            self.perform(lambda: self.session.use_weights(weights))

    def action_older(self) -> None:
        """Use the snapshot before the present one."""
        session = self.session
        self._use_weights(older_weights(self._run.snapshot_steps(), session.weights, session.step))

    def action_newer(self) -> None:
        """Use the snapshot after the present one."""
        session = self.session
        self._use_weights(newer_weights(self._run.snapshot_steps(), session.weights, session.step))

    def action_best(self) -> None:
        """Use the best weights, by the validation part."""
        if self._run.best_weights.is_file():
            self._use_weights(BEST)
        else:
            self._show_note("No best weights: this run has no validation data.")

    def action_newest(self) -> None:
        """Use the newest weights; those on disk may be newer than the ones shown."""
        self._use_weights(LAST)

    def action_forget_score(self) -> None:
        """Set the score to zero."""
        self.session.score = Score()
        self._show()

    # Going back

    def action_clear(self) -> None:
        """Clear the answer."""
        self._answer.value = ""
        self.refresh_bindings()

    def action_end_round(self) -> None:
        """End the game; the words return."""
        self._table.focus()
        self.act(self.session.end_round)

    def action_restore(self) -> None:
        """Restore the words of the text as it was opened."""
        self.act(self.session.text.restore)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now; of the keys on Esc the first that applies."""
        if not self.is_mounted:
            return True
        steps = self._steps_back()
        if action in ("clear", "end_round", "restore", "back"):
            return action == steps[0]
        return self.explain_refusal(action) is None

    def _steps_back(self) -> list[str]:
        """What Esc does now, and then."""
        session = self.session
        steps = ["clear"] if session.is_guessing and self._answer.value else []
        steps += ["end_round"] if session.round is not None else []
        return [*steps, *(["restore"] if session.text.is_changed else []), "back"]

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now; None if it is."""
        name, session = action.partition("(")[0], self.session
        if self._waiting:  # then keys act after those before them
            return None
        if name in ("mask", "put", "choose", "game", "inside", "copy") and not session.text.words:
            return NO_TEXT
        if (
            name in ("mask", "game", "inside", "older", "newer", "best", "edit")
            and session.is_guessing
        ):
            return IN_GAME
        return ROUND_OVER if name in ("mask", "put") and self._is_round_over else None

    @property
    def _is_round_over(self) -> bool:
        return self.session.round is not None and not self.session.is_guessing


async def _nothing() -> None:
    """Only show what belongs at the cursor."""
