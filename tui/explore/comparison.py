"""A second model or other settings beside the present ones, compared by their continuations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from core.config.configs import SamplingConfig
from core.config.schema import to_json
from core.run.weights_ref import weights_label
from core.server.tokens import TokenProbability
from tui.common.format import find_first_difference
from tui.common.sampling_settings import describe
from tui.common.sanitize import one_line
from tui.explore.step_session import StepSession

COMPARED_TOKENS = 24
LABEL_CELLS = 7


@dataclass
class Pin:
    """A pinned model with its settings.

    Attributes:
        session: at the position of the other.
        settings: sampling settings.
    """

    session: StepSession
    settings: SamplingConfig

    @property
    def label(self) -> str:
        """Weights and settings in words."""
        step = self.session.view.step if self.session.view else None
        return f"{weights_label(self.session.weights, step)} · {describe(to_json(self.settings))}"


@dataclass(frozen=True)
class Comparison:
    """The present and the pinned model at one position.

    Attributes:
        chances: the pinned model's probability of each token after its settings, by text.
        here, pinned: the continuation of each, token by token.
    """

    chances: Mapping[str, float]
    here: Sequence[str]
    pinned: Sequence[str]

    def lines(self, label: str) -> Content:
        """Render both continuations and where they part, on three lines."""
        index = find_first_difference(self.here, self.pinned)
        return Content("\n").join(
            [
                _continuation("here", self.here, index),
                _continuation("pinned", self.pinned, index),
                Content.styled(f" {self._difference(index)} · pinned: {one_line(label)}", "dim"),
            ]
        )

    def _difference(self, index: int | None) -> str:
        if index is None:
            return f"same for {len(self.here)} tokens" if self.here else "both end here"
        here, pinned = (_quoted(tokens, index) for tokens in (self.here, self.pinned))
        return f"they part at token {index + 1}: here {here}, pinned {pinned}"


async def compare(pin: Pin, session: StepSession, settings: SamplingConfig) -> Comparison:
    """Continue from the session's position with both models.

    Raises:
        MiniGPTError: a request failed.
    """
    view = await pin.session.move_to(session, pin.settings)
    here = await session.continuation(settings, COMPARED_TOKENS)
    pinned = await pin.session.continuation(pin.settings, COMPARED_TOKENS)
    chances = {token.text: token.chance for token in view.top}
    return Comparison(chances, _visible_texts(here), _visible_texts(pinned))


def _visible_texts(tokens: Iterable[TokenProbability]) -> list[str]:
    """Return the texts without the end of the text and halves of characters."""
    return [token.text for token in tokens if token.text]


def _continuation(name: str, tokens: Sequence[str], index: int | None) -> Content:
    same = tokens if index is None else tokens[:index]
    rest = tokens[len(same) :]
    return Content.assemble(
        (f" {name:<{LABEL_CELLS}}", "dim"),
        one_line("".join(same)),
        (one_line("".join(rest[:1])), "bold underline"),
        one_line("".join(rest[1:])) or ("" if tokens else "end of text"),
    )


def _quoted(tokens: Sequence[str], index: int) -> str:
    return f"“{one_line(tokens[index]).strip()}”" if index < len(tokens) else "the end"
