"""Talk: a prompt goes in, the model goes on with it, and all that was said stays."""

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
from tui.common.messages import CopyRequested, OpenInside, OpenStep
from tui.common.sanitize import clean
from tui.screens import cursor
from tui.screens.generation import GenerationScreen
from tui.screens.origin import OriginScreen
from tui.talk import reply as turn_text
from tui.talk.keys import BINDINGS
from tui.talk.record import FAILED, Turn
from tui.talk.reply import Reply
from tui.talk.suggestions import Offer, nearest_of, offer
from tui.widgets.prompt import Prompt
from tui.widgets.talk_side import TalkLine, TalkSide
from tui.widgets.transcript import TalkView, mark

FLUSH_SECONDS, CALM_SECONDS = 1 / 20, 1 / 8
FACTS_EVERY = 4  # flushes: numbers that change faster cannot be read
PLACEHOLDER = "a beginning; Enter lets the model go on with it"
WAIT = "Esc stops the reply; then Enter sends this."


class TalkScreen(GenerationScreen):
    """A talk, with one run at a time.

    Args:
        name: of the run.
        which: "last", "best" or the step of a snapshot.
    """

    HEADING = "Talk"
    HELP = (
        "Type a beginning; the model goes on with it, greedily unless you turn the settings. "
        "Esc leaves the prompt, then single letters act. Every reply says what made it."
    )
    CSS_PATH = "../styles/talk.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(self, name: str, which: str = LAST) -> None:
        super().__init__(name, which)
        self._ready = asyncio.Event()  # what was said before is shown
        self._speaking: Worker[None] | None = None
        self._pending: list[str] = []
        self._offer: Offer | None = None
        self._unkept = False
        self._beats = 0

    def body(self) -> ComposeResult:
        """The talk with its facts, what is offered, the prompt."""
        sign = mark(self.services.terminal.charset)
        with Horizontal(id="room"):
            yield TalkView(sign)
            yield TalkSide(sign)
        yield TalkLine()
        yield Static(id="offer", markup=False)
        with Horizontal(id="ask"):
            yield Static(sign, id="mark", markup=False)
            yield Prompt(PLACEHOLDER)

    @property
    def _view(self) -> TalkView:
        return self.query_one(TalkView)

    @property
    def _prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def _fill(self, text: str) -> None:
        """Puts a text into the prompt, to be undone like typing."""
        self._prompt.replace(text, (0, 0), self._prompt.document.end)

    def on_mount(self) -> None:
        """Shows what was said before and waits for a prompt."""
        self.query_one("#offer").display = False
        seconds = CALM_SECONDS if self.services.terminal.remote else FLUSH_SECONDS
        self._flusher = self.set_interval(seconds, self._flush, pause=True)
        self._view.note(turn_text.ABOUT)
        self._prompt.focus()
        self._read_earlier()

    def on_unmount(self) -> None:
        """A reply that still comes is kept as far as it came."""
        if (reply := self.talk.reply) is not None:
            reply.stop()
            if (turn := self.talk.over(reply)) is not None:
                self._keep(reply.run, turn)

    @work(group="earlier", exit_on_error=False)
    async def _read_earlier(self) -> None:
        """What was said before stands above, however soon the first prompt is sent."""
        try:
            self.talk.turns = await asyncio.to_thread(self.talk.earlier)
        except MiniGPTError as error:
            self.show_error(error)
        for turn in self.talk.turns:
            self._view.turn(turn)
        self.refresh_bindings()
        self._ready.set()

    def remark(self, text: str) -> None:
        """Between the turns."""
        self._view.note(text)

    # A reply

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        """Sends what was typed; while a reply comes it stays where it is."""
        if self.talk.reply is not None:
            self.tell(WAIT)
            return
        self._fill("")
        self._say(event.text)

    def _say(self, prompt: str) -> None:
        self._offered(None)
        reply = self.talk.begin(prompt)
        self.tell("")
        self._flusher.resume()
        self.refresh_bindings()
        self._speaking = self._speak(reply)

    @work(group="reply", exclusive=True, exit_on_error=False)
    async def _speak(self, reply: Reply) -> None:
        await self._ready.wait()
        self._view.begin(reply.prompt)
        try:
            await self._hear(reply)
        except MiniGPTError as error:
            self._broken(reply, error)
        else:
            self._over(reply)

    async def _hear(self, reply: Reply) -> None:
        """Gathers what comes; what comes after the end is nobody's."""
        asked = {"run": reply.run, "which": reply.weights, "device": "auto"}
        fields = asked | {"prompt": reply.prompt, "settings": dict(reply.settings)}
        async with aclosing(self.services.client.stream("generate", **fields)) as said:
            async for message in said:
                if reply.ended:
                    return
                self._pending.append(reply.take(message))
        if not reply.ended:
            raise MiniGPTError("The reply broke off.", "Press r to send the prompt once more.")

    def _flush(self) -> None:
        """What came since the last time, in one go."""
        text = "".join(self._pending)
        self._pending.clear()
        if text:
            self._view.more(text)
        self._beats += 1
        if self._beats % FACTS_EVERY == 0:
            self.show_facts()

    def _over(self, reply: Reply) -> None:
        """The reply has ended, by itself or not: it is written down."""
        self._flush()
        turn = self.talk.over(reply)
        self._flusher.pause()
        if turn is not None:
            run = "" if reply.run == self.first[0] else reply.run
            self._view.end(turn, run, self.talk.parted(turn))
            self._keep(reply.run, turn)
        self.show_facts()
        self.refresh_bindings()

    def _keep(self, run: str, turn: Turn) -> None:
        try:
            self.talk.keep(run, turn)
        except MiniGPTError as error:
            if not self._unkept:
                self.show_error(error)
            self._unkept = True

    def _broken(self, reply: Reply, error: MiniGPTError) -> None:
        """Nothing that was typed is lost; for a word that is not known others are offered."""
        if reply.ended:
            return
        reply.stop(FAILED)
        self._over(reply)
        if not self._prompt.text:
            self._fill(reply.prompt)
        self._view.problem(error.message)
        self._offered(offer(reply.prompt, nearest_of(error)))
        if self._offer is None:
            self.show_error(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of our own ends the reply, not the screen; the base class says what it was."""
        broke = event.worker is self._speaking and event.state is WorkerState.ERROR
        if broke and (reply := self.talk.reply) is not None:
            reply.stop(FAILED)
            self._over(reply)

    def _offered(self, found: Offer | None) -> None:
        self._offer = found
        line = self.query_one("#offer", Static)
        line.display = found is not None
        if found is not None:
            line.update(found.line())

    # What was said

    def action_again(self) -> None:
        """The last prompt once more, by the present weights and settings."""
        if self.talk.reply is None:
            self._say(self.talk.turns[-1].prompt)

    def action_edit(self) -> None:
        """The last prompt, to be changed and sent."""
        self._fill(self.talk.turns[-1].prompt)
        self._prompt.focus()

    def action_take(self, key: str) -> None:
        """A known word in place of an unknown one."""
        assert self._offer is not None
        prompt = self._offer.replaced(int(key))
        if self._prompt.text == self._offer.prompt:
            self._fill("")
        self._prompt.focus()
        self._say(prompt)

    def action_pin(self) -> None:
        """The last reply, for those after it to be compared with."""
        self.tell(self.talk.pin())

    def action_copy_reply(self) -> None:
        """The last continuation."""
        text = self.talk.reply.text if self.talk.reply else self.talk.turns[-1].text
        self.post_message(CopyRequested(clean(text.strip(" ")), "reply"))

    def action_copy_talk(self) -> None:
        """All that was said."""
        self.post_message(CopyRequested(self.talk.words(), "talk"))

    def action_step(self) -> None:
        """Token by token: from what is typed, or from where the last reply ends."""
        talk, typed = self.talk, self._prompt.text
        prompt, chosen = (typed, []) if self._typing and typed else talk.place()
        self.post_message(OpenStep(talk.run, talk.which, clean(prompt), chosen, talk.dials))

    def action_inside(self) -> None:
        """What the layers make of the last reply's end."""
        prompt, chosen = self.talk.place()
        self.post_message(OpenInside(self.talk.run, self.talk.which, clean(prompt), chosen))

    def action_origin(self) -> None:
        """Where it read that."""
        self.app.push_screen(OriginScreen(self.talk.replies()))

    def action_cursor(self) -> None:
        """Any token of the last reply and its prompt."""
        self.app.push_screen(cursor.over(self.talk))

    def action_page(self, by: int) -> None:
        """Through the talk."""
        (self._view.scroll_page_up if by < 0 else self._view.scroll_page_down)(animate=False)

    # Modes

    @property
    def _typing(self) -> bool:
        return isinstance(self.focused, Prompt)

    def action_type(self) -> None:
        """To the prompt."""
        self._prompt.focus()

    def action_command(self) -> None:
        """Out of it: letters act."""
        self._view.focus()

    def action_stop_reply(self) -> None:
        """Stops; what came is kept, what comes late is not."""
        if (reply := self.talk.reply) is not None:
            reply.stop()
            self._over(reply)
        if self._speaking is not None:
            self._speaking.cancel()

    action_stop_by_copy = action_stop_reply  # where nothing is selected

    @property
    def _selected(self) -> bool:
        return bool(self._prompt.selected_text or self.get_selected_text())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer tells what can be done now."""
        replying = self.talk.reply is not None
        match action, parameters:
            case "stop_reply", _:
                return replying
            case "stop_by_copy", _:
                return replying and not self._selected
            case ("command", _) | (_, ("typing",)):
                return self._typing
            case (("type" | "back"), _):
                return not self._typing
            case (("again" | "edit" | "copy_reply" | "copy_talk" | "origin" | "cursor" | "pin"), _):
                return bool(self.talk.turns) and not (action == "again" and replying)
            case "take", (key,):  # once the prompt is another, a digit is typed
                offer = self._offer
                same = offer is not None and self._prompt.text == offer.prompt
                return offer is not None and key in offer.keys and (same or not self._typing)
        return True
