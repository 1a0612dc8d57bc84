"""Talk without a screen: a line goes in, its continuation comes out, nothing is drawn over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from core.config.configs import SamplingConfig
from core.config.schema import parse_value, setting_specs
from core.errors import MiniGPTError
from tui.cli.console import print_message, print_result
from tui.common.client import BlockingClient
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import clean
from tui.talk import reply as turn_text
from tui.talk.conversation import Talk
from tui.talk.record import CANCELLED, FAILED

HELP = """A line is a beginning; the model goes on with it.
/ and a setting and a value change it, for instance: /temperature 0.8
/older and /newer turn to the weights of another snapshot, /step takes the last reply apart.
/quit leaves; so does the end of the input. Ctrl+C stops a reply."""
ASK = "Beginning, or /help: "


@dataclass
class PlainTalk:
    """A talk told line by line.

    Attributes:
        ask: who is asked.
        talk: with which model, by which settings.
        read: the next line of the person; raises EOFError at the end.
        step: takes a text and tokens apart, with settings.
    """

    ask: BlockingClient
    talk: Talk
    read: Callable[[str], str]
    step: Callable[[Talk], None]

    def go(self) -> None:
        """Until the person leaves."""
        print_result(turn_text.ABOUT)
        while True:
            try:
                line = self.read(ASK)
            except EOFError:
                return
            if line.strip() == "/quit":
                return
            try:
                self._obey(line)
            except MiniGPTError as error:
                print_message(f"{error.title}: {error}")

    def _obey(self, line: str) -> None:
        if not line.startswith("/"):
            self._say(line)
            return
        word, _, value = line[1:].strip().partition(" ")
        if word == "help":
            print_result(HELP)
        elif word == "step":
            self.step(self.talk)
        elif word in ("older", "newer"):
            self._turn(word)
        else:
            self._set(word.replace("-", "_"), value.strip())

    def _turn(self, word: str) -> None:
        which = self.talk.older() if word == "older" else self.talk.newer()
        if which is None:
            print_result(f"There are no {word} weights.")
            return
        self.talk.turn_to(self.talk.run, which)
        print_result(f"Now with the weights {which}.")

    def _set(self, name: str, value: str) -> None:
        changed = {name: parse_value(SamplingConfig, name, value)}
        config = replace(self.talk.dials.config, **changed)
        self.talk.dials = SamplingControls(config, fixed=self.talk.dials.fixed or name == "seed")
        print_result(f"{setting_specs(SamplingConfig)[name].label} is {value}.")

    def _say(self, prompt: str) -> None:
        reply = self.talk.begin(prompt)
        click.echo(clean(prompt), nl=False)

        def take(message: dict[str, Any]) -> None:
            new = reply.take(message)
            click.echo(clean(new), nl=False)

        asked = {"run": reply.run, "which": reply.weights, "device": "auto"}
        try:
            self.ask.hear(take, "generate", prompt=prompt, settings=dict(reply.settings), **asked)
        except KeyboardInterrupt:
            reply.stop(CANCELLED)
        except MiniGPTError:
            reply.stop(FAILED)
            raise
        finally:
            print_result()
            turn = self.talk.over(reply)
        if turn is not None:
            print_result(turn_text.facts(turn))
            self.talk.keep(reply.run, turn)
