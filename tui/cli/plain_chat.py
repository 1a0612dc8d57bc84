"""Chat without a screen: a line is continued, and nothing printed is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import click

from core.config.configs import SamplingConfig
from core.config.schema import parse_value, setting_specs
from core.errors import MiniGPTError
from core.server.protocol import GenerateRequest
from core.server.replies import GenerateBatch, GenerateReply
from tui.chat.conversation import Conversation
from tui.chat.record import CANCELLED, FAILED
from tui.chat.reply import ABOUT, turn_facts
from tui.cli.console import print_message, print_result
from tui.common.client import BlockingClient
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import StreamCleaner, clean

HELP = """Type some text; Enter continues it.
/SETTING VALUE changes a setting, for example: /temperature 0.8
/older and /newer use the weights of another snapshot.
/step goes through the next tokens after the last reply.
/quit quits, as does the end of the input. Ctrl+C stops a reply."""
PROMPT = "Text, or /help: "


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
        while True:
            try:
                line = self.read_line(PROMPT)
            except EOFError:
                return
            if line.strip() == "/quit":
                return
            try:
                self._handle(line)
            except MiniGPTError as error:
                print_message(f"{error.title}: {error}")

    def _handle(self, line: str) -> None:
        if not line.startswith("/"):
            self._generate(line)
            return
        command, _, value = line[1:].strip().partition(" ")
        if command == "help":
            print_result(HELP)
        elif command == "step":
            self.step(self.conversation)
        elif command in ("older", "newer"):
            self._use_other_weights(command)
        else:
            self._change_setting(command.replace("-", "_"), value.strip())

    def _use_other_weights(self, which: str) -> None:
        conversation = self.conversation
        older = which == "older"
        weights = conversation.older_weights() if older else conversation.newer_weights()
        if weights is None:
            print_result(f"There are no {which} weights.")
            return
        conversation.use_weights(conversation.run, weights)
        print_result(f"Weights: {weights}.")

    def _change_setting(self, name: str, value: str) -> None:
        values = {name: parse_value(SamplingConfig, name, value)}
        controls = self.conversation.controls
        config = replace(controls.config, **values)
        fixed = controls.fixed or name == "seed"
        self.conversation.controls = SamplingControls(config, fixed=fixed)
        print_result(f"{setting_specs(SamplingConfig)[name].label} is {value}.")

    def _generate(self, prompt: str) -> None:
        reply = self.conversation.begin(prompt)
        click.echo(clean(prompt), nl=False)
        cleaner = StreamCleaner()

        def print_text(message: GenerateBatch | GenerateReply) -> None:
            click.echo(cleaner.add(reply.add(message)), nl=False)

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
