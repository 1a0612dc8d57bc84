"""Chat: type a prompt, and the model continues it."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from core.errors import MiniGPTError
from core.run.weights_ref import LAST
from core.server.protocol import GenerateRequest, LoadRequest, ScoreAtRequest
from core.server.replies import ScoreAtReply
from tui.chat.conversation import ReadyModel
from tui.chat.facts import chat_state, loading_text, writing_line
from tui.chat.keys import BINDINGS
from tui.chat.loops import LoopDetector
from tui.chat.record import FAILED, Turn
from tui.chat.reply import Reply, Token
from tui.chat.suggestions import Suggestions, nearest_words, suggest
from tui.common.messages import OpenStep
from tui.common.sampling_settings import WARMER
from tui.common.sanitize import clean
from tui.screens.classification import Classification
from tui.screens.generation import NOT_READY
from tui.widgets.conversation_view import ConversationView
from tui.widgets.next_token_panel import NextTokenPanel
from tui.widgets.panel import Panel, is_wide
from tui.widgets.prompt import Prompt
from tui.widgets.sampling_panel import SamplingPanel
from tui.widgets.task_panels import TaskPanel, WhyPanel
from tui.widgets.transcript import prompt_mark
from tui.widgets.weights_panel import WeightsPanel

UPDATE_SECONDS, REMOTE_UPDATE_SECONDS = 1 / 20, 1 / 8
UPDATES_PER_FACTS = 4  # numbers that change faster cannot be read
LOADING_UPDATE_SECONDS, REMOTE_LOADING_UPDATE_SECONDS = 0.5, 1.0
NEXT_TOKEN_DELAY_SECONDS = 0.1  # several changes of a setting are one request
NEXT_TOKENS = 50
NEWER_WEIGHTS = "Newer weights loaded; the next reply uses them."
NOTHING_TYPED = "Type something first."
REPLY_IN_PROGRESS = "Esc stops the reply; then Enter sends this."
NOT_LOOPING = "F3 acts after a greedy reply that repeats itself."
LOOPING = "Greedy decoding repeats itself. F3 tries temperature 0.8 with top p 0.95."


class ChatScreen(Classification):
    """A conversation, with one run at a time.

    Args:
        name: of the run.
        weights: "last", "best" or the step of a snapshot.
    """

    HEADING = "Chat"
    FIRST_KEYS = ("enter",)
    HELP = (
        "Type some text: the model replies, or continues it, whichever it was trained to do. "
        "Esc leaves the prompt: letters act on the chosen turn. Tab goes through turns, settings, "
        "weights and next tokens. Shaded tokens were uncertain; the digit is their probability "
        "in tenths, ! below one tenth."
    )
    CSS_PATH = "../styles/chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS
    COMMANDS_WITHOUT_KEY = (
        ("Chat with another run", "other_run"),
        ("Load the newest weights", "newest"),
        ("Copy the whole conversation", "copy_all"),
        ("History: replies depend on earlier turns, or not", "history"),
        ("System text of this run's conversations", "system"),
    )

    def __init__(self, name: str, weights: str = LAST) -> None:
        super().__init__(name, weights)
        self._earlier_shown = asyncio.Event()
        self._reply_worker: Worker[None] | None = None
        self._instead_of: Turn | None = None  # the turn of a conversation that is answered again
        self._unshown_tokens: list[Token] = []
        self._recording_failed = False
        self._updates = 0
        self._loops = LoopDetector()
        self._loading_since: float | None = None
        self._weights_size = 0
        self._shown_state: tuple[str, Content] | None = None
        self._was_wide: bool | None = None
        self._about = ""  # what the model does with a prompt, as it was last said

    def body(self) -> ComposeResult:
        """Yield the turns, the panels, a line for notes, suggested words, and the prompt."""
        with Container(id="room"):
            yield Panel(ConversationView(), title="Chat", id="talk")
            with Vertical(id="side"):
                yield TaskPanel()
                yield WhyPanel()
                yield SamplingPanel(narrow_title="Sampling and weights")
                yield WeightsPanel()
                yield NextTokenPanel()
            yield Static(id="note", markup=False)
            yield Static(id="suggestions", markup=False)
            mark = Static(prompt_mark(self.services.terminal.charset), id="mark", markup=False)
            yield Panel(Horizontal(mark, Prompt()), id="ask")

    def on_mount(self) -> None:
        """Load the model, show earlier turns, and focus the prompt."""
        self.query_one("#suggestions").display = self.query_one("#note").display = False
        terminal = self.services.terminal
        seconds = terminal.interval(UPDATE_SECONDS, REMOTE_UPDATE_SECONDS)
        self._updater = self.set_interval(seconds, self._show_new_tokens, pause=True)
        seconds = terminal.interval(LOADING_UPDATE_SECONDS, REMOTE_LOADING_UPDATE_SECONDS)
        self._loading_updater = self.set_interval(seconds, self.show_facts, pause=True)
        self._about = self.conversation.task.about
        self.transcript.add_note(self._about)
        self.show_task()
        self.prompt.focus()
        self._load()
        self._show_earlier()

    def on_unmount(self) -> None:
        """Record a reply in progress."""
        if (reply := self.conversation.reply) is not None:
            reply.stop()
            if (turn := self.conversation.finish(reply)) is not None:
                self._record(reply.run, turn)

    def on_resize(self) -> None:
        """Order the panels for this width; the next tokens are above the settings if narrow."""
        wide = is_wide(self)
        if wide != self._was_wide:
            self._was_wide = wide
            side, panel = self.query_one("#side"), self.query_one(NextTokenPanel)
            if wide:
                side.move_child(panel, after=len(side.children) - 1)
            else:
                side.move_child(panel, before=0)
        self.show_task()

    @work(group="earlier", exit_on_error=False)
    async def _show_earlier(self) -> None:
        """Show the turns of earlier sessions; replies wait until this is done."""
        conversation = self.conversation
        try:
            conversation.use_record(await asyncio.to_thread(conversation.read_record))
        except MiniGPTError as error:
            self.show_error(error)
        self.show_turns()
        self.show_facts()
        self.refresh_bindings()
        self._earlier_shown.set()

    # Facts

    def show_facts(self) -> None:
        """Update header and panels where they changed."""
        conversation, facts = self.conversation, self.conversation.facts()
        self.query_one(SamplingPanel).show(conversation.controls)
        self.query_one(WeightsPanel).show(self._points, conversation.weights, facts.step)
        self.show_task_facts()
        note = self.query_one("#note", Static)
        if note.display != bool(conversation.note):
            note.display = bool(conversation.note)
        if note.content != conversation.note:
            note.update(conversation.note)
        if self._loading_since is not None:
            seconds = time.monotonic() - self._loading_since
            state = Content.styled(loading_text(facts, self._weights_size, seconds), "$warning")
        else:
            shown = conversation.path if conversation.current else conversation.turns
            turns = len(shown) + (conversation.reply is not None)
            device = conversation.model.device if conversation.model else ""
            state = chat_state(facts, conversation.task, turns, device, is_wide=is_wide(self))
        if (facts.run, state) != self._shown_state:
            self._shown_state = facts.run, state
            self.set_header(facts.run, state=state)
        if conversation.reply is not None:
            is_waiting = conversation.model is None
            self.transcript.show_tail(writing_line(conversation.reply, is_waiting=is_waiting))

    def add_note(self, text: str) -> None:
        """Add a line between the turns."""
        self.transcript.add_note(text)

    # Weights

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        """Load the chosen weights before they are needed."""
        conversation = self.conversation
        chosen = conversation.run, conversation.weights
        model, problem = None, ""
        self._loading_since, self._weights_size = time.monotonic(), conversation.weights_size()
        self._loading_updater.resume()
        self.show_facts()
        try:
            request = LoadRequest(run=conversation.run, weights=conversation.weights)
            reply = await self.services.client.request(request)
            model = ReadyModel(reply.step, reply.context, reply.vocab_size, reply.device)
        except MiniGPTError as error:
            problem = NOT_READY
            if chosen == (conversation.run, conversation.weights):
                self.show_error(error)
        if chosen == (conversation.run, conversation.weights):
            conversation.model, conversation.problem = model, problem
            self._loading_since = None
            self._loading_updater.pause()
        self.show_facts()
        self.show_next_tokens()

    def weights_chosen(self) -> None:
        """Load the weights; the next reply uses them."""
        if self.conversation.task.about != self._about:
            self._about = self.conversation.task.about
            self.add_note(self._about)
        self.show_task()
        self._load()

    def newer_weights_saved(self) -> None:
        """Use the newer weights for the next reply."""
        self.show_note(NEWER_WEIGHTS)
        self._load()

    # Settings

    def on_sampling_panel_explained(self, event: SamplingPanel.Explained) -> None:
        """Show why nothing changes where the panel has no border for it."""
        if not is_wide(self):
            self.show_note(event.text)

    def settings_changed(self) -> None:
        """Show which tokens the settings remove."""
        self.show_next_tokens()

    # Next token

    @work(group="next", exclusive=True, exit_on_error=False)
    async def show_next_tokens(self) -> None:
        """Show what could come next after the last turn."""
        conversation, panel = self.conversation, self.query_one(NextTokenPanel)
        if conversation.model is None or conversation.reply is not None:
            return
        await asyncio.sleep(NEXT_TOKEN_DELAY_SECONDS)
        place = conversation.end_position()
        task = conversation.task
        is_first = task.is_chat and place.messages is None
        if is_first or task.is_classifier or (task.is_conversation and not conversation.path):
            panel.show(None, None)
            return
        request = ScoreAtRequest(
            run=conversation.run,
            weights=conversation.weights,
            prompt="" if place.messages else place.prompt,
            messages=place.messages,
            allow_unknown=True,  # the turn is there
            chosen=list(place.chosen) or None,
            settings=conversation.controls.config,
            top=NEXT_TOKENS,
            reload=False,
        )
        view: ScoreAtReply | None = None
        note = ""
        try:
            view = await self.services.client.request(request)
        except MiniGPTError as error:
            note = clean(error.message)
        if conversation.reply is None:
            panel.show(view, conversation.model.vocab_size if conversation.model else None, note)

    def on_next_token_panel_taken(self, event: NextTokenPanel.Taken) -> None:
        """Continue in Step with the token."""
        conversation = self.conversation
        place = conversation.end_position()
        self.post_message(
            OpenStep(
                conversation.run,
                conversation.weights,
                clean(place.prompt),
                [*place.chosen, event.token.id],
                conversation.controls,
                place.messages,
            )
        )

    # Replies

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        """Send the prompt; while a reply is in progress it stays where it is."""
        if self.conversation.reply is not None:
            self.show_note(REPLY_IN_PROGRESS)
        elif self.conversation.task.is_chat and not event.text.strip():
            self.show_note(NOTHING_TYPED)
        else:
            self.set_prompt("")
            self.send(event.text, self.edited_turn)

    def on_text_area_changed(self) -> None:
        """Forget which turn is edited once its text is gone."""
        if self.edited_turn is not None and not self.prompt.text:
            self.edited_turn = None
            self.show_note("")

    def send(self, prompt: str, instead_of: Turn | None = None) -> None:
        """Begin a reply."""
        self.show_suggestions(None)
        self.edited_turn = None
        self._loops = LoopDetector()
        reply = self.conversation.begin(prompt)
        self.query_one(NextTokenPanel).show(None, None)
        self._updater.resume()
        self.refresh_bindings()
        self._instead_of = instead_of if instead_of and instead_of.conversation else None
        self._reply_worker = self._generate(reply)

    @work(group="reply", exclusive=True, exit_on_error=False)
    async def _generate(self, reply: Reply) -> None:
        await self._earlier_shown.wait()
        self.conversation.connect(reply, self._instead_of)
        if self._instead_of is not None:
            self.show_turns()
        self.transcript.begin_turn(reply.prompt)
        self.show_note("")
        try:
            if self.conversation.task.is_classifier:
                await self.classify(reply)
            else:
                await self._stream(reply)
            if not reply.ended:
                raise MiniGPTError("The reply broke off.", "Press r to send the prompt again.")
        except MiniGPTError as error:
            self._fail(reply, error)
        else:
            self._finish(reply)

    async def _stream(self, reply: Reply) -> None:
        """Add the tokens of a reply as they come."""
        request = GenerateRequest(
            run=reply.run,
            weights=reply.weights,
            prompt="" if reply.messages else reply.prompt,
            messages=reply.messages,
            allow_unknown=self.conversation.allow_unknown,
            settings=reply.settings,
        )
        messages = self.services.client.stream(request)
        async with aclosing(messages):
            async for message in messages:
                if reply.ended:
                    break
                count = len(reply.ids)
                self._unshown_tokens += reply.add(message)
                if reply.settings.temperature == 0 and self._loops.add(reply.ids[count:]):
                    self.show_note(LOOPING)
                    self.refresh_bindings()

    @property
    def is_looping(self) -> bool:
        """Whether the last reply began to repeat itself."""
        return self._loops.is_looping

    def _show_new_tokens(self) -> None:
        """Show the tokens since the last update."""
        tokens, self._unshown_tokens = self._unshown_tokens, []
        if tokens:
            self.transcript.add_tokens(tokens)
        self._updates += 1
        if self._updates % UPDATES_PER_FACTS == 0:
            self.show_facts()

    def _finish(self, reply: Reply) -> None:
        """Show the end of a reply and record it."""
        self._show_new_tokens()
        turn = self.conversation.finish(reply)
        self._updater.pause()
        if turn is not None:
            difference = self.conversation.difference_from_pinned(turn)
            self.transcript.end_turn(self.shown_turn(turn), difference)
            self._record(reply.run, turn)
        elif self._instead_of is not None:  # the old turn is shown again
            self.show_turns()
            self.transcript.begin_turn(reply.prompt)
            self.edited_turn = self._instead_of
        self.show_facts()
        self.refresh_bindings()
        self.show_next_tokens()

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
        if not self.prompt.text:
            self.set_prompt(reply.prompt)
        self.transcript.refuse_turn(error.message)
        self.show_suggestions(suggest(reply.prompt, nearest_words(error)))
        if self.suggestions is None:
            self.show_error(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """End the reply after an unexpected exception, which the base class shows."""
        failed = event.worker is self._reply_worker and event.state is WorkerState.ERROR
        if failed and (reply := self.conversation.reply) is not None:
            reply.stop(FAILED)
            self._finish(reply)
            self.transcript.refuse_turn(str(event.worker.error))

    def show_suggestions(self, suggestions: Suggestions | None) -> None:
        """Show known words in place of an unknown one."""
        self.suggestions = suggestions
        line = self.query_one("#suggestions", Static)
        line.display = suggestions is not None
        if suggestions is not None:
            line.update(suggestions.line())

    def action_stop_reply(self) -> None:
        """Stop the reply; text so far is kept, later text is dropped."""
        if (reply := self.conversation.reply) is not None:
            reply.stop()
            had_text = bool(reply.pieces)
            self._finish(reply)
            if not had_text:
                self.transcript.drop_unanswered()
                if not self.prompt.text:
                    self.set_prompt(reply.prompt)
        if self._reply_worker is not None:
            self._reply_worker.cancel()

    action_stop_by_copy = action_stop_reply  # Ctrl+C, where nothing is selected

    def action_warmer(self) -> None:
        """Answer the last prompt again, less predictably, where greedy decoding repeats itself."""
        if not self.can_act("warmer"):
            self.show_note(NOT_LOOPING)
            return
        self.action_stop_reply()
        self.use_controls(replace(self.conversation.controls.with_settings(WARMER), fixed=False))
        turn = self.conversation.turns[-1]
        self.send(turn.prompt, turn)

    # Keys

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys for the footer: only what acts now."""
        bindings = super().active_bindings
        for key, (node, binding, enabled, tooltip) in bindings.items():
            if node is self and binding.show and not self.can_act(binding.action):
                hidden = replace(binding, show=False)
                bindings[key] = ActiveBinding(node, hidden, enabled, tooltip)
        return bindings
