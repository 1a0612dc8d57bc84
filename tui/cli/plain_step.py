"""Step without a screen: what could come next as numbered lines, and a line that says what to do.

Nothing is ever drawn over; it serves screen readers, poor terminals and scripts alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.config.configs import SamplingConfig
from core.config.schema import parse_value, setting_specs, to_json
from core.errors import MiniGPTError
from tui.cli.console import print_message, print_result
from tui.common.client import BlockingClient
from tui.common.plain_mode import spoken_percent
from tui.common.sanitize import one_line
from tui.explore.choices import Choice, NextTokens, matching, perplexity, removed_by
from tui.explore.walk import Walk

MOST_SHOWN = 9
FIVE = 5
ASK = "1 to 9 take, Enter takes 1, r rolls, u undoes, ? says more: "
HELP = """1 to 9 take a token, Enter takes the first.
r rolls: the settings and the seed choose. f rolls five, x to the end.
u takes the last token back.
/ and a text finds tokens of the vocabulary, to be taken by number.
A setting and a value change it, for instance: temperature 0.8
q leaves; so does the end of the input."""


@dataclass
class PlainStep:
    """A walk told line by line.

    Attributes:
        ask: who is asked.
        walk: where one is.
        config: how Space and r choose.
        read: the next line of the person; raises EOFError at the end.
        shown: the tokens that have numbers now.
    """

    ask: BlockingClient
    walk: Walk
    config: SamplingConfig
    read: Callable[[str], str]
    shown: tuple[Choice, ...] = ()

    def go(self) -> None:
        """Until the person leaves."""
        self._tell(self.ask.wait(self.walk.look(to_json(self.config))))
        while True:
            try:
                line = self.read(ASK)
            except EOFError:
                return
            if line.strip() == "q":
                return
            try:
                self._obey(line)
            except MiniGPTError as error:
                print_message(f"{error.title}: {error}")

    def _obey(self, line: str) -> None:
        word = line.strip()
        settings = to_json(self.config)
        if word == "?":
            print_result(HELP)
        elif line.startswith("/"):
            self._find(line[1:])
        elif word in ("r", "f", "x"):
            self._roll({"r": 1, "f": FIVE, "x": self.config.max_tokens}[word])
        elif word == "u":
            if not self.walk.chosen:
                print_result("Nothing was chosen yet.")
            else:
                self._tell(self.ask.wait(self.walk.undo(settings)))
        elif word.isdecimal() or not word:
            self._take(int(word or 1))
        else:
            self._set(*word.partition(" ")[::2])

    def _take(self, number: int) -> None:
        if not 1 <= number <= len(self.shown):
            print_result(f"There are the numbers 1 to {len(self.shown)}.")
        elif not self._over():
            id = self.shown[number - 1].id
            self._tell(self.ask.wait(self.walk.pick(to_json(self.config), id)))

    def _roll(self, count: int) -> None:
        for _ in range(count):
            if self._over():
                break
            self.ask.wait(self.walk.pick(to_json(self.config)))
        assert self.walk.view is not None
        self._tell(self.walk.view)

    def _over(self) -> bool:
        assert self.walk.view is not None
        return self.walk.view.ended

    def _find(self, text: str) -> None:
        matches, found = self.ask.wait(self.walk.find(text, to_json(self.config)))
        print_result(f"{matching(matches, text)}.")
        self._number(tuple(found[:MOST_SHOWN]), ranks=True)

    def _set(self, name: str, value: str) -> None:
        name = name.replace("-", "_")
        changed = {name: parse_value(SamplingConfig, name, value.strip())}
        self.config = replace(self.config, **changed)
        print_result(f"{setting_specs(SamplingConfig)[name].label} is {value.strip()}.")
        self._tell(self.ask.wait(self.walk.look(to_json(self.config))))

    def _tell(self, view: NextTokens) -> None:
        print_result()
        print_result(one_line(self.walk.text) or "(nothing yet)")
        if view.ended:
            print_result("The text has come to its end; u goes back.")
        print_result(f"Perplexity so far {perplexity(view.loss)}. What could come next:")
        self._number(view.top[:MOST_SHOWN])

    def _number(self, shown: tuple[Choice, ...], *, ranks: bool = False) -> None:
        self.shown = shown
        for number, choice in enumerate(shown, 1):
            print_result(f"{number} {_in_words(choice, ranks=ranks)}")


def _in_words(choice: Choice, *, ranks: bool) -> str:
    """A token as it is read out."""
    words = [f"{one_line(choice.text)}, {spoken_percent(choice.probability)}"]
    if ranks:
        words.append(f"rank {choice.rank}")
    if choice.removed:
        words.append(f"removed: {removed_by(choice.removed)}")
    elif abs(choice.chance - choice.probability) > 0.005:
        words.append(f"as set {spoken_percent(choice.chance)}")
    if choice.corpus:
        following, of, length = choice.corpus
        words.append(f"in the corpus {following} of {of} after {length}")
    return ", ".join(words)
