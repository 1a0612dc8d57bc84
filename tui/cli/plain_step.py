"""Step without a screen: the next tokens as numbered lines; nothing printed is overwritten.

For screen readers, simple terminals and scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.config.configs import SamplingConfig
from core.server.replies import StepReply
from core.server.tokens import CandidateToken
from tui.cli.console import print_result
from tui.cli.plain_lines import change_setting, handle_lines
from tui.common.client import BlockingClient
from tui.common.plain_mode import spoken_percent
from tui.common.sanitize import one_line
from tui.explore.candidates import corpus_count, match_count, perplexity, removed_by
from tui.explore.step_session import StepSession

NUMBERED_TOKENS = 9
TOKENS_SAMPLED_BY_F = 5
MIN_CHANCE_DIFFERENCE = 0.005  # below, the settings are not mentioned
PROMPT = "1 to 9 take a token, Enter takes 1, r samples, u undoes, ? for help: "
HELP = """1 to 9 take a token, Enter takes the first.
r samples a token with the settings and the seed; f samples five, x to the end.
u removes the last token.
/TEXT finds tokens of the vocabulary, to be taken by number.
SETTING VALUE changes a setting, for example: temperature 0.8
q quits, as does the end of the input."""


@dataclass
class PlainStep:
    """A text extended token by token, by lines of text.

    Attributes:
        client: access to the model server.
        session: the text.
        config: the sampling settings.
        read_line: prompts for a line; raises EOFError at the end of the input.
        numbered: the tokens that have numbers now.
    """

    client: BlockingClient
    session: StepSession
    config: SamplingConfig
    read_line: Callable[[str], str]
    numbered: Sequence[CandidateToken] = ()

    def run(self) -> None:
        """Read lines until the user quits."""
        self._print_view(self.client.wait(self.session.refresh(self.config)))
        handle_lines(self.read_line, PROMPT, "q", self._handle)

    def _handle(self, line: str) -> None:
        command = line.strip()
        if command == "?":
            print_result(HELP)
        elif line.startswith("/"):
            self._find(line[1:])
        elif command in ("r", "f", "x"):
            counts = {"r": 1, "f": TOKENS_SAMPLED_BY_F, "x": self.config.max_tokens}
            self._sample(counts[command])
        elif command == "u":
            if not self.session.chosen:
                print_result("Nothing to undo.")
            else:
                self._print_view(self.client.wait(self.session.undo(self.config)))
        elif command.isdecimal() or not command:
            self._take(int(command or 1))
        else:
            hint = f"/{command} finds tokens with this text; ? lists the commands."
            _, self.config = change_setting(self.config, command, hint)
            self._print_view(self.client.wait(self.session.refresh(self.config)))

    def _take(self, number: int) -> None:
        if not 1 <= number <= len(self.numbered):
            print_result(f"The numbers are 1 to {len(self.numbered)}.")
        elif not self._has_ended():
            id = self.numbered[number - 1].id
            self._print_view(self.client.wait(self.session.append(self.config, id)))

    def _sample(self, count: int) -> None:
        for _ in range(count):
            if self._has_ended():
                break
            self.client.wait(self.session.append(self.config))
        assert self.session.view is not None
        self._print_view(self.session.view)

    def _has_ended(self) -> bool:
        assert self.session.view is not None
        return self.session.view.ended

    def _find(self, text: str) -> None:
        matches = self.client.wait(self.session.find(text, self.config))
        print_result(f"{match_count(matches.matches, text)}.")
        self._print_numbered(matches.tokens[:NUMBERED_TOKENS], with_ranks=True)

    def _print_view(self, view: StepReply) -> None:
        print_result()
        print_result(one_line(self.session.text) or "(no text yet)")
        if view.ended:
            print_result("End of text; u undoes.")
        print_result(f"Perplexity so far {perplexity(view.loss)}. Next token:")
        self._print_numbered(view.top[:NUMBERED_TOKENS])

    def _print_numbered(
        self, tokens: Sequence[CandidateToken], *, with_ranks: bool = False
    ) -> None:
        self.numbered = tokens
        for number, token in enumerate(tokens, 1):
            print_result(f"{number} {_spoken_token(token, with_rank=with_ranks)}")


def _spoken_token(token: CandidateToken, *, with_rank: bool) -> str:
    words = [f"{one_line(token.text)}, {spoken_percent(token.probability)}"]
    if with_rank:
        words.append(f"rank {token.rank}")
    if token.removed:
        words.append(f"removed: {removed_by(token.removed)}")
    elif abs(token.chance - token.probability) > MIN_CHANCE_DIFFERENCE:
        words.append(f"as set {spoken_percent(token.chance)}")
    if token.corpus:
        words.append(f"in the corpus {corpus_count(token)}")
    return ", ".join(words)
