"""Chat without a screen: a line is answered or continued, and nothing printed is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click

from core.errors import MiniGPTError
from core.server.protocol import ClassifyRequest, GenerateRequest
from core.server.replies import GenerateBatch, GenerateReply
from tui.chat.classification import explain, label_rows
from tui.chat.conversation import Conversation
from tui.chat.facts import dropped_text
from tui.chat.record import CANCELLED, FAILED, Turn
from tui.chat.reply import Reply, turn_facts
from tui.cli.console import print_result
from tui.cli.plain_lines import change_setting, handle_lines
from tui.common.client import BlockingClient
from tui.common.plain_mode import spoken_percent
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import StreamCleaner, clean

HELP = """Type some text; Enter sends it.
/SETTING VALUE changes a setting, for example: /temperature 0.8
/older and /newer use the weights of another snapshot.
/step goes through the next tokens after the last reply.
/quit quits, as does the end of the input. Ctrl+C stops a reply."""
CONVERSATION_HELP = """/new begins a new conversation.
/again sends the last prompt again; the new reply takes the place of the old one.
/history on or off: whether replies depend on the turns before.
/system TEXT sets the system text of the replies to come; without TEXT there is none."""
PROMPT = "Text, or /help: "
MAX_EXPLAINED_WORDS = 256  # the model server's limit
SHARE_DIGITS = 6  # by which labels are ordered
NO_CONVERSATION = "This run holds no conversations."
UNKNOWN_HINT = "/help lists the commands."


@dataclass
class PlainChat:
    """A conversation by lines of text.

    Attributes:
        client: access to the model server.
        conversation: weights, settings and turns.
        read_line: prompts for a line; raises EOFError at the end of the input.
        step: steps through the next tokens after the last reply.
    """

    client: BlockingClient
    conversation: Conversation
    read_line: Callable[[str], str]
    step: Callable[[Conversation], None]

    def run(self) -> None:
        """Continue the last conversation, and read lines until the user quits."""
        conversation = self.conversation
        print_result(conversation.task.about)
        conversation.use_record(conversation.read_record())
        if conversation.path:
            count = len(conversation.path)
            turns = f"{count} turn{'s' * (count != 1)}"
            print_result(f"Continuing the last conversation, {turns}; /new begins another.")
        handle_lines(self.read_line, PROMPT, "/quit", self._handle)

    def _handle(self, line: str) -> None:
        if not line.strip():
            return
        if not line.startswith("/"):
            self._generate(line)
            return
        command, _, value = line[1:].strip().partition(" ")
        if command == "help":
            is_conversation = self.conversation.task.is_conversation
            print_result(f"{HELP}\n{CONVERSATION_HELP}" if is_conversation else HELP)
        elif command == "step":
            self.step(self.conversation)
        elif command in ("older", "newer"):
            self._use_other_weights(command)
        elif command in ("new", "again", "history", "system"):
            self._handle_conversation(command, value.strip())
        else:
            self._change_setting(line[1:].strip())

    def _handle_conversation(self, command: str, value: str) -> None:
        """Carry out a command that only conversations have."""
        conversation = self.conversation
        if not conversation.task.is_conversation:
            print_result(NO_CONVERSATION)
        elif command == "new":
            conversation.start_anew()
            print_result("New conversation.")
        elif command == "again":
            if conversation.path:
                turn = conversation.path[-1]
                self._generate(turn.prompt, turn)
            else:
                print_result("Nothing has been said yet.")
        elif command == "system":
            conversation.set_system(value)
            print_result(f"System text: {clean(value)}" if value else "No system text.")
        elif value in ("on", "off"):
            conversation.with_history = value == "on"
            print_result(f"History is {value}.")
        else:
            print_result(f"History is {'on' if conversation.with_history else 'off'}.")

    def _use_other_weights(self, which: str) -> None:
        conversation = self.conversation
        older = which == "older"
        weights = conversation.older_weights() if older else conversation.newer_weights()
        if weights is None:
            print_result(f"There are no {which} weights.")
            return
        conversation.use_weights(conversation.run, weights)
        print_result(f"Weights: {weights}.")

    def _change_setting(self, line: str) -> None:
        controls = self.conversation.controls
        name, config = change_setting(controls.config, line, UNKNOWN_HINT)
        fixed = controls.fixed or name == "seed"
        self.conversation.controls = SamplingControls(config, fixed=fixed)

    def _generate(self, prompt: str, instead_of: Turn | None = None) -> None:
        reply = self.conversation.begin(prompt)
        self.conversation.connect(reply, instead_of)
        if self.conversation.task.is_classifier:
            self._classify(reply)
            return
        is_reply = reply.messages is not None
        if not is_reply:
            click.echo(clean(prompt), nl=False)
        cleaner = StreamCleaner()

        def print_text(message: GenerateBatch | GenerateReply) -> None:
            is_first = is_reply and not reply.pieces
            text = "".join(text for text, _ in reply.add(message))
            click.echo(cleaner.add(text.lstrip(" ") if is_first else text), nl=False)

        request = GenerateRequest(
            run=reply.run,
            weights=reply.weights,
            prompt="" if is_reply else prompt,
            messages=reply.messages,
            settings=reply.settings,
        )
        try:
            self.client.stream(request, print_text)
        except KeyboardInterrupt:
            reply.stop(CANCELLED)
        except MiniGPTError:
            reply.stop(FAILED)
            raise
        finally:
            click.echo(cleaner.finish())
            turn = self.conversation.finish(reply)
        if turn is not None:
            dropped = dropped_text(reply.dropped)
            print_result(" · ".join(filter(None, (turn_facts(turn), dropped))))
            self.conversation.append_to_record(reply.run, turn)

    def _classify(self, reply: Reply) -> None:
        """Print the probability of every label, and the word that decides."""
        request = ClassifyRequest(
            run=reply.run,
            weights=reply.weights,
            text=reply.prompt,
            explain=len(reply.prompt.split()) <= MAX_EXPLAINED_WORDS,
        )
        try:
            result = self.client.request(request)
        except MiniGPTError:
            reply.stop(FAILED)
            self.conversation.finish(reply)
            raise
        reply.classify(result)
        turn = self.conversation.finish(reply)
        assert turn is not None
        rows = sorted(label_rows(turn.labels), key=lambda row: -round(row.share, SHARE_DIGITS))
        print_result(", ".join(f"{row.text} {spoken_percent(row.share)}" for row in rows))
        if result.words:
            print_result(explain(result).verdict)
        self.conversation.append_to_record(reply.run, turn)
