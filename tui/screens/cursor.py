"""Cursor: any token of a text, its alternatives, and branches generated from there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import Paste
from textual.widgets import Static

from core.config.configs import SamplingConfig
from core.errors import MiniGPTError
from core.run.comparable import find_encoder
from core.run.weights_ref import LAST
from core.server.replies import ScoreAtReply
from tui.chat.conversation import Conversation
from tui.chat.record import Turn
from tui.chat.turn_tree import JsonMessages
from tui.common.messages import CopyRequested, OpenBlank, OpenInside
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import clean, pasted_text
from tui.common.special_ids import special_ids
from tui.explore import cursor_text
from tui.explore.branches import Branch, append_branch, read_branches
from tui.explore.candidates import corpus_facts, likeliest_ids
from tui.explore.cursor import Cursor
from tui.explore.cursor_keys import BINDINGS, COMMANDS, DEFAULT_BRANCHES
from tui.explore.distribution import describe_distribution, surprise
from tui.explore.token_rows import Layout
from tui.screens.dialogs import TextDialog
from tui.screens.prediction import NO_PREDICTIONS, PredictionScreen
from tui.widgets.branch_list import BranchList
from tui.widgets.candidate_table import CandidateTable
from tui.widgets.distribution_panel import DistributionPanel
from tui.widgets.panel import Panel, is_wide
from tui.widgets.sampling_panel import SamplingPanel
from tui.widgets.token_text import TokenText
from tui.widgets.transcript import prompt_mark
from tui.widgets.weights_panel import WeightsPanel

MAX_TEXT_TOKENS = 1 << 16  # of the model server, so a move that far reaches an end of any text
TEXT_PADDING_ROWS = 1  # between the text and the branches
# Of the panel with the distribution on wide screens, and those that the other panels need.
MIN_FIGURE_ROWS, MAX_FIGURE_ROWS, ROWS_BEFORE_FIGURES = 5, 17, 24
TEXT_HINT = "‹2› branches · u how unsure the model was"
TABLE_HINT = "dim: removed, and by which setting"

GENERATING = "Generating. Esc stops; tokens so far are kept."
NOT_IN_REPLY = "The model only writes replies; Enter on a turn in Chat edits what you said."
NO_ENCODER = "No encoder of this text yet: train one with --preset encoder-modern."
NO_SIBLING = "No other branch yet: Enter replaces the token, Space adds some."


class CursorScreen(PredictionScreen):
    """A cursor in a text with branches.

    Args:
        name, weights: the run and its weights.
        prompt: the text, or its typed part; None if `chosen` is the whole text.
        chosen: ids of the generated part.
        controls: the sampling settings.
        turns: of the conversation with this run, oldest first; the palette opens them.
        turn: the id of the turn that `prompt` and `chosen` are; None if they are none.
        messages: what a model that replies reads in place of `prompt`.
        messages_before: of each turn, likewise.
    """

    HEADING = "Cursor"
    HELP = (
        "Any token of the text, and its alternatives. Replace a token and the model continues from "
        "it; the old text stays as a branch. ‹2› is the number of branches at a position. All "
        "branches are saved with the conversation."
    )
    CSS_PATH = "../styles/cursor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS
    COMMANDS_WITHOUT_KEY = COMMANDS

    def __init__(
        self,
        name: str,
        weights: str = LAST,
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        controls: SamplingControls | None = None,
        turns: Sequence[Turn] = (),
        turn: str | None = None,
        messages: JsonMessages | None = None,
        messages_before: Callable[[Turn], JsonMessages] | None = None,
    ) -> None:
        super().__init__(name, weights, controls)
        self._initial = prompt, list(chosen), turn, messages
        self._messages_before = messages_before
        self._turns = {turn.id: turn for turn in turns}
        self._view: ScoreAtReply | None = None
        self._table_position: tuple[str, int] | None = None  # what the table was last shown for
        self._branch_count = DEFAULT_BRANCHES
        self._with_probabilities = self._recording_failed = False
        self._was_running = False  # when the footer was last shown
        self._branches_shown: tuple[list[Content], int] = ([], 0)  # rows, and rows of the text

    @cached_property
    def cursor(self) -> Cursor:
        """The position, and the tree of branches."""
        name, weights = self.opened_for
        client = self.services.client
        is_chat = self.conversation.task.is_chat
        return Cursor(
            client,
            name,
            weights,
            self._record,
            is_chat,
            special_ids(self.services.home, name).ends,
            on_growth=self._show_growth,
        )

    def body(self) -> ComposeResult:
        """Yield the text with its branches, the candidate tokens, and the settings."""
        charset = self.services.terminal.charset
        with Container(id="room"):
            with Vertical(id="left"):
                with Panel(title="Text", hint=TEXT_HINT, id="path"):
                    yield TokenText()
                    yield BranchList()
                yield SamplingPanel()
            with Vertical(id="right"):
                with Panel(title="At the cursor", hint=TABLE_HINT, id="next"):
                    yield Static(id="facts", markup=False)
                    yield CandidateTable(charset)
                yield DistributionPanel()
                yield WeightsPanel()

    def on_mount(self) -> None:
        """Open the text with the cursor at its end."""
        self.perform(self._open, needs_view=False)

    async def _open(self) -> None:
        prompt, chosen, turn, messages = self._initial
        record = self.conversation.folder.chat
        self.cursor.use_tree(await asyncio.to_thread(read_branches, record))
        if turn in self._turns and not chosen:
            await self._open_turn(turn)
        else:
            text = self.settings, prompt, "", chosen, turn
            await self.cursor.open_text(*text, messages=messages)

    async def _open_turn(self, id: str) -> None:
        turn = self._turns[id]
        messages = self._messages_before(turn) if self._messages_before else None
        text = self.settings, turn.prompt, turn.text
        await self.cursor.open_text(*text, turn=id, messages=messages)

    def on_resize(self) -> None:
        """Refit the text, and the distribution to the rows that the table can spare."""
        super().on_resize()
        figures = self.query_one(DistributionPanel)
        if is_wide(self):
            rows = min(MAX_FIGURE_ROWS, self.size.height - ROWS_BEFORE_FIGURES)
            figures.display = rows >= MIN_FIGURE_ROWS
            figures.styles.height = rows
        else:
            figures.display = True
            figures.styles.height = None
        if self.cursor.branch:
            self.call_after_refresh(self.show_view)

    # Requests

    @property
    def view(self) -> ScoreAtReply | None:
        """What could be at the cursor."""
        return self._view

    @property
    def weights_in_use(self) -> tuple[str, str]:
        """The run and the weights of the cursor."""
        return self.cursor.run, self.cursor.weights

    async def load_weights(self, run: str, weights: str) -> None:
        """Predict what could be at the cursor with other weights."""
        if self.cursor.branch:
            await self.cursor.use_weights(weights, self.settings)
        else:  # the text could not be opened with those before
            self.cursor.weights = weights
            await self._open()

    async def refresh_view(self) -> None:
        """Request what could be at the cursor, unless it is known."""
        self._view = await self.cursor.view(self.settings)

    @work(group="ahead", exclusive=True, exit_on_error=False)
    async def _prefetch(self, by: int) -> None:
        """Request the next position in the direction of the last move, before the next key."""
        async with self._action_lock:
            try:
                await self.cursor.view(self.settings, by)
            except MiniGPTError:
                return  # shown when the cursor goes there

    def settings_changed(self) -> None:
        """Show the present position with the new settings."""
        self.perform(needs_view=False)

    def _record(self, branch: Branch) -> None:
        try:
            append_branch(self.conversation.folder.chat, branch)
        except MiniGPTError as error:
            if not self._recording_failed:
                self.show_error(error)
            self._recording_failed = True

    # Display

    def show_view(self) -> None:
        """Show the text with its branches, and what could be at the cursor."""
        if not self.cursor.branch:
            return
        self._show_text()
        view, cursor = self._view, self.cursor
        if view is not None:
            plain = self.services.terminal.is_ascii
            token = cursor_text.token_line(cursor, view, self.settings, plain=plain)
            branch = cursor_text.branch_line(cursor, legend=self._with_probabilities)
            self.query_one("#facts", Static).update(f"{token}\n{branch}", layout=False)
            self.table.show(view.top, self.settings, vocab_size=view.vocab_size)
            self._select_actual(view)
            before = [chance for chance in cursor.chances[: cursor.at] if chance is not None]
            figures = describe_distribution(
                view, self.settings, [surprise(chance) for chance in before], self.table.page_rows
            )
            self.query_one(DistributionPanel).show(figures, corpus_facts(view))
        self._refresh_footer()

    def _refresh_footer(self) -> None:
        is_running = self.cursor.running is not None
        if is_running != self._was_running:
            self._was_running = is_running
            self.refresh_bindings()

    def _show_text(self) -> None:
        cursor = self.cursor
        path, chances, forks = cursor.path, cursor.chances, cursor.forks
        if cursor.growing:
            path = [*path[: cursor.at], *cursor.growing[0]]
            chances = [*chances[: cursor.at], *(token.chance for token in cursor.growing[0])]
            forks = {position: count for position, count in forks.items() if position < cursor.at}
        layout = Layout(
            [token.text for token in path],
            cursor.at,
            cursor.tree.root(cursor.branch).typed,
            forks,
            cursor_text.END_OF_TEXT if path[-1].id in cursor.end_ids else "",
            self.services.terminal.is_ascii,
        )
        self.query_one(TokenText).show(layout, chances if self._with_probabilities else None)
        self._show_branches()

    def _show_growth(self) -> None:
        if self.is_attached:
            self._show_text()

    def _show_branches(self) -> None:
        """Show the branches at the nearest fork where there is room below the text."""
        width, height = self.query_one("#path").content_size
        text = self.query_one(TokenText)
        needed = text.needed_rows + TEXT_PADDING_ROWS
        most = max(0, height // 2, height - needed)
        mark = prompt_mark(self.services.terminal.charset)
        rows = cursor_text.branch_rows(self.cursor, width - 2, most, mark)
        text_rows = min(needed, height - len(rows)) if rows else 0
        if (rows, text_rows) == self._branches_shown:
            return
        self._branches_shown = rows, text_rows
        self.query_one(BranchList).show(rows)
        text.styles.height = text_rows or "1fr"

    def _select_actual(self, view: ScoreAtReply) -> None:
        """Select the actual token in the table when the position has changed."""
        position = self.cursor.branch, self.cursor.at
        if position != self._table_position and view.actual is not None:
            ids = [token.id for token in self.table.rows]
            if view.actual.id in ids:
                self.table.move(-len(ids))
                self.table.move(ids.index(view.actual.id))
        self._table_position = position

    # Mouse

    def on_candidate_table_opened(self) -> None:
        """Put the double-clicked token at the cursor."""
        self.action_replace()

    def on_token_text_clicked(self, event: TokenText.Clicked) -> None:
        """Move the cursor to the token clicked on; a double click looks inside there."""
        self.action_move(event.token - self.cursor.at)
        if event.twice:
            self.action_inside()

    def on_branch_list_clicked(self, event: BranchList.Clicked) -> None:
        """Go to the branch clicked on."""
        if event.by:
            self.action_sibling(event.by)

    # Moving

    def action_move(self, by: int) -> None:
        """Move the cursor; the text shows it at once, the table when the view is there."""
        self.show_note("")
        if not self.cursor.branch:

            async def move() -> None:
                self.cursor.move(by)

            self.perform(move)
            return
        if not self.cursor.move(by):
            return
        view = None if self.is_busy else self.cursor.cached_view(self.settings)
        if view is None:
            self._show_text()
            self.perform(needs_view=False)
        else:
            self._view = view
            self.show_view()
        self._prefetch(1 if by > 0 else -1)

    def action_move_far(self, by: int) -> None:
        """Move the cursor to an end of the text."""
        self.action_move(by * MAX_TEXT_TOKENS)

    def action_move_choice(self, by: int) -> None:
        """Move the cursor of the table."""
        self.perform_locally(lambda: self.table.move(by))

    def _navigate(self, move: Callable[[], bool], otherwise: str) -> None:
        async def navigate() -> None:
            self.show_note("" if move() else otherwise)

        self.perform(navigate)

    def action_sibling(self, by: int) -> None:
        """Go to the next branch at the nearest fork."""
        self._navigate(lambda: self.cursor.go_to_sibling(by), NO_SIBLING)

    def action_parent(self) -> None:
        """Go to the parent branch."""
        self._navigate(self.cursor.go_to_parent, "No parent: this is the original text.")

    def action_child(self) -> None:
        """Go to the next child branch."""
        self._navigate(self.cursor.go_to_child, "This branch has no children.")

    def action_change_text(self, by: int) -> None:
        """Open another turn of the conversation, or another text."""

        async def change_text() -> None:
            root = self.cursor.tree.root(self.cursor.branch)
            others = [one.id for one in self.cursor.tree.roots if one.turn not in self._turns]
            texts = [*self._turns, *others]
            index = texts.index(root.turn if root.turn in self._turns else root.id) + by
            if not 0 <= index < len(texts):
                self.show_note("This is the last text." if by > 0 else "This is the first text.")
            elif texts[index] in self._turns:
                await self._open_turn(texts[index])
            else:
                self.cursor.go_to(texts[index], len(self.cursor.tree.path(texts[index])))

        self.show_note("")
        self.perform(change_text)

    # Branches

    def action_replace(self) -> None:
        """Replace the token at the cursor by the selected one, and continue."""

        async def replace() -> None:
            if (selected := self.table.selected) is not None and self._can_generate():
                self._announce_generation()
                before = len(self.cursor.tree)
                await self.cursor.replace_token(selected.id, *self._generation_settings())
                unchanged = len(self.cursor.tree) == before
                self.show_note("This branch exists already." if unchanged else "")

        self.perform(replace)

    def action_branch(self) -> None:
        """Generate several branches."""

        async def branch() -> None:
            assert self._view is not None
            if not self._can_generate():
                return
            greedy, first_tokens = self.conversation.controls.greedy, []
            if greedy:  # all branches would be the same
                taken = self.cursor.first_tokens
                first_tokens = likeliest_ids(self._view, self._branch_count, taken)
            self._announce_generation()
            new = await self.cursor.generate_branches(
                self._branch_count, *self._generation_settings(), first_tokens=first_tokens
            )
            self.show_note(cursor_text.branches_added(len(new), greedy=greedy))

        self.perform(branch)

    def _can_generate(self) -> bool:
        """Whether the model continues from the cursor; a note says why it does not."""
        is_possible = self._view is None or self.cursor.is_in_reply(self._view.vocab_size)
        if not is_possible:
            self.show_note(NOT_IN_REPLY)
        return is_possible

    def _announce_generation(self) -> None:
        """Show a note, and Stop in the footer once the request is running."""
        self.show_note(GENERATING)
        self.call_later(self._refresh_footer)

    def _generation_settings(self) -> tuple[SamplingConfig, int]:
        """Draw the seed for new branches; return the settings and the length of a branch."""
        conversation = self.conversation
        conversation.controls = conversation.controls.with_seed(random.getrandbits(32))
        return self.settings, self.settings.max_tokens

    @work(group="stop", exit_on_error=False)
    async def action_stop(self) -> None:
        """Stop generating."""
        await self.cursor.stop()

    def action_branch_count(self, count: int) -> None:
        """Set how many branches Space generates."""
        self._branch_count = count
        self.show_note(f"Space generates {count} branches.")

    # Other views

    def action_probabilities(self) -> None:
        """Show or hide the probabilities of the tokens."""

        def toggle() -> None:
            self._with_probabilities = not self._with_probabilities
            self.show_view()

        self.perform_locally(toggle)

    def action_inside(self) -> None:
        """Open Inside at this token."""

        def open_inside() -> None:
            ids = [token.id for token in self.cursor.path]
            position = min(self.cursor.at, len(ids) - 1)
            self.post_message(OpenInside(self.cursor.run, self.cursor.weights, None, ids, position))

        self.perform_locally(open_inside)

    @work(group="blank", exclusive=True, exit_on_error=False)
    async def action_blank(self) -> None:
        """Open Blank with this text and an encoder of the same corpus and tokenizer."""
        if not self.cursor.branch:
            self.show_note(NO_PREDICTIONS)
            return
        text = "".join(token.text for token in self.cursor.path)
        name = await asyncio.to_thread(find_encoder, self.services.home, self.conversation.folder)
        if name is None:
            self.show_note(NO_ENCODER)
        else:
            self.post_message(OpenBlank(name, text=text))

    def action_own_text(self) -> None:
        """Ask for a text."""
        question = "Which text? It is scored and can be branched."
        self.app.push_screen(TextDialog(question, self._open_own_text), self._show_own_text)

    async def _open_own_text(self, text: str) -> None:
        if text:
            async with self._action_lock:
                await self.cursor.open_text(self.settings, text)

    def _show_own_text(self, text: str | None) -> None:
        if text:
            self.perform(needs_view=False)

    def on_paste(self, event: Paste) -> None:
        """Open a pasted text."""
        event.stop()
        if text := pasted_text(event.text):
            self.perform(lambda: self.cursor.open_text(self.settings, text), needs_view=False)

    def action_copy(self) -> None:
        """Copy the path."""

        def copy() -> None:
            text = "".join(token.text for token in self.cursor.path)
            self.post_message(CopyRequested(clean(text), "text"))

        self.perform_locally(copy)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        match action:
            case "stop":
                return self.cursor.running is not None
            case "back":
                return self.cursor.running is None
        return True


def cursor_on_reply(conversation: Conversation, turn: Turn) -> CursorScreen:
    """Return the cursor screen for a reply of a conversation and its prompt."""
    turns = [each for run, each in conversation.replies() if run == conversation.run]
    place, is_chat = conversation.end_position(turn), conversation.task.is_chat
    is_of_run = any(each is turn for each in turns)
    return CursorScreen(
        conversation.run,
        conversation.weights,
        place.prompt,
        place.chosen,
        conversation.controls,
        turns,
        turn.id if is_of_run else None,
        place.messages,
        conversation.messages_before if is_chat else None,
    )
