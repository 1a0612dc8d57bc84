"""A second model or setting beside the first: what each goes on with, and where they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from tui.common.sanitize import one_line
from tui.explore.walk import Settings, Walk, first_difference

TOKENS = 24  # that are compared
LABEL = 7


@dataclass
class Pin:
    """What was pinned.

    Attributes:
        walk: its weights, at the place of the other.
        settings: its fields of a SamplingConfig.
        label: both in words.
    """

    walk: Walk
    settings: Settings
    label: str


@dataclass(frozen=True)
class Comparison:
    """Both at one place.

    Attributes:
        chances: what the pinned one gives each token after its settings, by text.
        here, there: what each goes on with, token by token.
    """

    chances: Mapping[str, float]
    here: Sequence[str]
    there: Sequence[str]

    @property
    def parting(self) -> int | None:
        """The index of the first token that is another; None if there is none."""
        return first_difference(self.here, self.there)


async def compare(pin: Pin, walk: Walk, settings: Settings) -> Comparison:
    """Has both go on from where the walk stands.

    Raises:
        MiniGPTError: one of them could not.
    """
    view = await pin.walk.follow(walk, pin.settings)
    here = await walk.onward(settings, TOKENS)
    there = await pin.walk.onward(pin.settings, TOKENS)
    chances = {one.text: one.chance for one in view.top}
    return Comparison(chances, _texts(here), _texts(there))


def _texts(tokens: Sequence[tuple[int, str]]) -> list[str]:
    """Without what is not seen: the end, and halves of characters."""
    return [text for _, text in tokens if text]


def in_words(found: Comparison, label: str) -> Content:
    """Three lines: what it says here, what the pinned one says, where they part."""
    at = found.parting
    return Content("\n").join(
        [
            _line("here", found.here, at),
            _line("pinned", found.there, at),
            Content.styled(f" {_verdict(found, at)} · pinned: {one_line(label)}", "dim"),
        ]
    )


def _line(name: str, tokens: Sequence[str], at: int | None) -> Content:
    same = tokens if at is None else tokens[:at]
    rest = tokens[len(same) :]
    return Content.assemble(
        (f" {name:<{LABEL}}", "dim"),
        one_line("".join(same)),
        (one_line("".join(rest[:1])), "bold underline"),
        one_line("".join(rest[1:])) or ("" if tokens else "ends here"),
    )


def _verdict(found: Comparison, at: int | None) -> str:
    if at is None:
        return f"the same for {len(found.here)} tokens" if found.here else "both end here"
    words = [_quoted(tokens, at) for tokens in (found.here, found.there)]
    return f"they part at token {at + 1}: here {words[0]}, pinned {words[1]}"


def _quoted(tokens: Sequence[str], at: int) -> str:
    return f"“{one_line(tokens[at]).strip()}”" if at < len(tokens) else "the end"
