"""Chat: type a prompt, and the model continues it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from core.errors import MiniGPTError
from core.run.weights_ref import LAST
from core.server.protocol import GenerateRequest, LoadRequest
from tui.chat.conversation import ReadyModel
from tui.chat.keys import BINDINGS, TYPING
from tui.chat.record import FAILED, Turn
from tui.chat.reply import ABOUT, Reply
from tui.chat.suggestions import Suggestions, nearest_words, suggest
from tui.common.messages import CopyRequested, OpenInside, OpenStep
from tui.common.sanitize import clean
from tui.screens.cursor import cursor_on_last_reply
from tui.screens.generation import NOT_READY, GenerationScreen
from tui.screens.origin import OriginScreen
from tui.widgets.generation_side import GenerationLine, GenerationSide
from tui.widgets.prompt import Prompt
from tui.widgets.transcript import ConversationView, prompt_mark

UPDATE_SECONDS, REMOTE_UPDATE_SECONDS = 1 / 20, 1 / 8
UPDATES_PER_FACTS = 4  # numbers that change faster cannot be read
PLACEHOLDER = "Type some text; Enter continues it"
NEWER_WEIGHTS = "Newer weights loaded; the next reply uses them."
REPLY_IN_PROGRESS = "Esc stops the reply; then Enter sends this."


class ChatScreen(GenerationScreen):
    """A conversation, with one run at a time.

    Args:
        name: of the run.
        weights: "last", "best" or the step of a snapshot.
    """

    HEADING = "Chat"
    HELP = (
        "Type some text and the model continues it, greedily unless you change the settings. "
        "Esc: command mode, where single letters act. Every reply shows the weights and settings "
        "used."
    )
    CSS_PATH = "../styles/chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(self, name: str, weights: str = LAST) -> None:
        super().__init__(name, weights)
        self._earlier_shown = asyncio.Event()
        self._reply_worker: Worker[None] | None = None
        self._unshown_text: list[str] = []
        self._suggestions: Suggestions | None = None
        self._recording_failed = False
        self._updates = 0

    def body(self) -> ComposeResult:
        """Yield the turns with the facts, suggested words, and the prompt."""
        mark = prompt_mark(self.services.terminal.charset)
        with Horizontal(id="room"):
            yield ConversationView(mark)
            yield GenerationSide(mark)
        yield GenerationLine()
        yield Static(id="suggestions", markup=False)
        with Horizontal(id="ask"):
            yield Static(mark, id="mark", markup=False)
            yield Prompt(PLACEHOLDER)

    @property
    def _transcript(self) -> ConversationView:
        return self.query_one(ConversationView)

    @property
    def _prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def _set_prompt(self, text: str) -> None:
        """Replace the prompt's text; undo restores it."""
        self._prompt.replace(text, (0, 0), self._prompt.document.end)

    def on_mount(self) -> None:
        """Load the model, show earlier turns, and focus the prompt."""
        self.query_one("#suggestions").display = False
        seconds = self.services.terminal.interval(UPDATE_SECONDS, REMOTE_UPDATE_SECONDS)
        self._updater = self.set_interval(seconds, self._show_new_text, pause=True)
        self._transcript.add_note(ABOUT)
        self._prompt.focus()
        self._load()
        self._show_earlier()

    def on_unmount(self) -> None:
        """Record a reply in progress."""
        if (reply := self.conversation.reply) is not None:
            reply.stop()
            if (turn := self.conversation.finish(reply)) is not None:
                self._record(reply.run, turn)

    @work(group="earlier", exit_on_error=False)
    async def _show_earlier(self) -> None:
        """Show the turns of earlier sessions; replies wait until this is done."""
        try:
            self.conversation.turns = await asyncio.to_thread(self.conversation.read_earlier)
        except MiniGPTError as error:
            self.show_error(error)
        for turn in self.conversation.turns:
            self._transcript.add_turn(turn)
        self.refresh_bindings()
        self._earlier_shown.set()

    def add_note(self, text: str) -> None:
        """Add a line between the turns."""
        self._transcript.add_note(text)

    # Weights

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        """Load the chosen weights before they are needed."""
        conversation = self.conversation
        chosen = conversation.run, conversation.weights
        model, problem = None, ""
        try:
            request = LoadRequest(run=conversation.run, weights=conversation.weights)
            reply = await self.services.client.request(request)
            model = ReadyModel(reply.step, reply.context)
        except MiniGPTError as error:
            problem = NOT_READY
            if chosen == (conversation.run, conversation.weights):
                self.show_error(error)
        if chosen == (conversation.run, conversation.weights):
            conversation.model, conversation.problem = model, problem
        self.show_facts()

    def weights_chosen(self) -> None:
        """Load the weights; the next reply uses them."""
        self._load()

    def newer_weights_saved(self) -> None:
        """Use the newer weights for the next reply."""
        self.show_note(NEWER_WEIGHTS)
        self._load()

    # Replies

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        """Send the prompt; while a reply is in progress it stays where it is."""
        if self.conversation.reply is not None:
            self.show_note(REPLY_IN_PROGRESS)
            return
        self._set_prompt("")
        self._send(event.text)

    def _send(self, prompt: str) -> None:
        self._show_suggestions(None)
        reply = self.conversation.begin(prompt)
        self.show_note("")
        self._updater.resume()
        self.refresh_bindings()
        self._reply_worker = self._generate(reply)

    @work(group="reply", exclusive=True, exit_on_error=False)
    async def _generate(self, reply: Reply) -> None:
        await self._earlier_shown.wait()
        self._transcript.begin_turn(reply.prompt)
        request = GenerateRequest(
            run=reply.run, weights=reply.weights, prompt=reply.prompt, settings=reply.settings
        )
        try:
            messages = self.services.client.stream(request)
            async with aclosing(messages):
                async for message in messages:
                    if reply.ended:
                        break
                    self._unshown_text.append(reply.add(message))
            if not reply.ended:
                raise MiniGPTError("The reply broke off.", "Press r to send the prompt again.")
        except MiniGPTError as error:
            self._fail(reply, error)
        else:
            self._finish(reply)

    def _show_new_text(self) -> None:
        """Show the text since the last update."""
        text = "".join(self._unshown_text)
        self._unshown_text.clear()
        if text:
            self._transcript.add_reply_text(text)
        self._updates += 1
        if self._updates % UPDATES_PER_FACTS == 0:
            self.show_facts()

    def _finish(self, reply: Reply) -> None:
        """Show the end of a reply and record it."""
        self._show_new_text()
        turn = self.conversation.finish(reply)
        self._updater.pause()
        if turn is not None:
            run = "" if reply.run == self.opened_for[0] else reply.run
            self._transcript.end_turn(turn, run, self.conversation.difference_from_pinned(turn))
            self._record(reply.run, turn)
        self.show_facts()
        self.refresh_bindings()

    def _record(self, run: str, turn: Turn) -> None:
        try:
            self.conversation.append_to_record(run, turn)
        except MiniGPTError as error:
            if not self._recording_failed:
                self.show_error(error)
            self._recording_failed = True

    def _fail(self, reply: Reply, error: MiniGPTError) -> None:
        """End a reply after an error; restore the prompt, and suggest words for unknown ones."""
        if reply.ended:
            return
        reply.stop(FAILED)
        self._finish(reply)
        if not self._prompt.text:
            self._set_prompt(reply.prompt)
        self._transcript.add_problem(error.message)
        self._show_suggestions(suggest(reply.prompt, nearest_words(error)))
        if self._suggestions is None:
            self.show_error(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """End the reply after an unexpected exception, which the base class shows."""
        failed = event.worker is self._reply_worker and event.state is WorkerState.ERROR
        if failed and (reply := self.conversation.reply) is not None:
            reply.stop(FAILED)
            self._finish(reply)

    def _show_suggestions(self, suggestions: Suggestions | None) -> None:
        self._suggestions = suggestions
        line = self.query_one("#suggestions", Static)
        line.display = suggestions is not None
        if suggestions is not None:
            line.update(suggestions.line())

    # Turns

    def action_again(self) -> None:
        """Send the last prompt again, with the present weights and settings."""
        if self.conversation.reply is None:
            self._send(self.conversation.turns[-1].prompt)

    def action_edit(self) -> None:
        """Put the last prompt into the input."""
        self._set_prompt(self.conversation.turns[-1].prompt)
        self._prompt.focus()

    def action_use_suggestion(self, key: str) -> None:
        """Send the prompt with a suggested word in place of the unknown one."""
        assert self._suggestions is not None
        prompt = self._suggestions.corrected_prompt(int(key))
        if self._prompt.text == self._suggestions.prompt:
            self._set_prompt("")
        self._prompt.focus()
        self._send(prompt)

    def action_pin(self) -> None:
        """Pin the last reply, or unpin it."""
        self.show_note(self.conversation.toggle_pin())

    def action_copy_reply(self) -> None:
        """Copy the last reply."""
        reply = self.conversation.reply
        text = reply.text if reply else self.conversation.turns[-1].text
        self.post_message(CopyRequested(clean(text.strip(" ")), "reply"))

    def action_copy_all(self) -> None:
        """Copy all turns."""
        self.post_message(CopyRequested(self.conversation.as_text(), "conversation"))

    def action_step(self) -> None:
        """Open Step on the typed text, or at the end of the last reply."""
        conversation, typed = self.conversation, self._prompt.text
        from_prompt = self._is_typing and typed
        prompt, chosen = (typed, []) if from_prompt else conversation.end_position()
        run, weights = conversation.run, conversation.weights
        self.post_message(OpenStep(run, weights, clean(prompt), chosen, conversation.controls))

    def action_inside(self) -> None:
        """Open Inside at the end of the last reply."""
        prompt, chosen = self.conversation.end_position()
        run, weights = self.conversation.run, self.conversation.weights
        self.post_message(OpenInside(run, weights, clean(prompt), chosen))

    def action_origin(self) -> None:
        """Open Sources on the last reply."""
        self.app.push_screen(OriginScreen(self.conversation.replies()))

    def action_cursor(self) -> None:
        """Open Cursor on the last reply."""
        self.app.push_screen(cursor_on_last_reply(self.conversation))

    def action_page(self, by: int) -> None:
        """Scroll by a page."""
        transcript = self._transcript
        (transcript.scroll_page_up if by < 0 else transcript.scroll_page_down)(animate=False)

    # Modes

    @property
    def _is_typing(self) -> bool:
        return isinstance(self.focused, Prompt)

    def action_type(self) -> None:
        """Focus the prompt."""
        self._prompt.focus()

    def action_command(self) -> None:
        """Leave the prompt, so that letters act."""
        self._transcript.focus()

    def action_stop_reply(self) -> None:
        """Stop the reply; text so far is kept, later text is dropped."""
        if (reply := self.conversation.reply) is not None:
            reply.stop()
            self._finish(reply)
        if self._reply_worker is not None:
            self._reply_worker.cancel()

    action_stop_by_copy = action_stop_reply  # Ctrl+C, where nothing is selected

    @property
    def _has_selection(self) -> bool:
        return bool(self._prompt.selected_text or self.get_selected_text())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        replying = self.conversation.reply is not None
        match action:
            case "stop_reply":
                return replying
            case "stop_by_copy":
                return replying and not self._has_selection
            case "command":
                return self._is_typing
            case "type" | "back":
                return not self._is_typing
            case "again":
                return bool(self.conversation.turns) and not replying
            case "edit" | "copy_reply" | "copy_all" | "origin" | "cursor" | "pin":
                return bool(self.conversation.turns)
            case "use_suggestion":
                return self._can_use_suggestion(str(parameters[0]))
        return self._is_typing if parameters == (TYPING,) else True

    def _can_use_suggestion(self, key: str) -> bool:
        """Whether a digit uses a suggestion; in another prompt it is typed."""
        suggestions = self._suggestions
        if suggestions is None or key not in suggestions.keys:
            return False
        return self._prompt.text == suggestions.prompt or not self._is_typing
