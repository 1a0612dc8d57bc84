"""Chat without a screen: a line is continued, and nothing printed is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click

from core.errors import MiniGPTError
from core.server.protocol import GenerateRequest
from core.server.replies import GenerateBatch, GenerateReply
from tui.chat.conversation import Conversation
from tui.chat.record import CANCELLED, FAILED
from tui.chat.reply import ABOUT, turn_facts
from tui.cli.console import print_result
from tui.cli.plain_lines import change_setting, handle_lines
from tui.common.client import BlockingClient
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import StreamCleaner, clean

HELP = """Type some text; Enter continues it.
/SETTING VALUE changes a setting, for example: /temperature 0.8
/older and /newer use the weights of another snapshot.
/step goes through the next tokens after the last reply.
/quit quits, as does the end of the input. Ctrl+C stops a reply."""
PROMPT = "Text, or /help: "
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
        """Read lines until the user quits."""
        print_result(ABOUT)
        handle_lines(self.read_line, PROMPT, "/quit", self._handle)

    def _handle(self, line: str) -> None:
        if not line.startswith("/"):
            self._generate(line)
            return
        command = line[1:].strip()
        if command == "help":
            print_result(HELP)
        elif command == "step":
            self.step(self.conversation)
        elif command in ("older", "newer"):
            self._use_other_weights(command)
        else:
            self._change_setting(command)

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

    def _generate(self, prompt: str) -> None:
        reply = self.conversation.begin(prompt)
        click.echo(clean(prompt), nl=False)
        cleaner = StreamCleaner()

        def print_text(message: GenerateBatch | GenerateReply) -> None:
            text = "".join(text for text, _ in reply.add(message))
            click.echo(cleaner.add(text), nl=False)

        request = GenerateRequest(
            run=reply.run, weights=reply.weights, prompt=prompt, settings=reply.settings
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
            print_result(turn_facts(turn))
            self.conversation.append_to_record(reply.run, turn)
