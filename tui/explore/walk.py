"""A walk through a text, token by token: where one is, and the sampler's session behind it.

Knows no screen. The sampler may have put the session away, or ended; what was chosen is known
here, so the next step opens another one at the same place.

A second model or setting beside the first: what each goes on with, and where they part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from textual.content import Content

from core.errors import ClosedError, MiniGPTError
from tui.common.client import ModelClient
from tui.common.format import first_difference
from tui.common.sanitize import one_line
from tui.explore.choices import Choice, NextTokens, choice_of, next_tokens_of

SAMPLER = "sampler"
TOP = 50
Settings = Mapping[str, Any]


@dataclass
class Walk:
    """One text with one model.

    Attributes:
        sampler: who is asked.
        run, which: whose weights.
        prompt: what stood there before the first choice.
        chosen: the ids that were chosen since.
        view: what could come next, once that is known.
    """

    sampler: ModelClient
    run: str
    which: str
    prompt: str
    chosen: list[int] = field(default_factory=list)
    view: NextTokens | None = None
    _session: str | None = None

    async def look(self, settings: Settings) -> NextTokens:
        """What could come here; changed settings need no forward pass."""
        if self._session is None or self.view is None:
            return await self._open(settings)
        return await self._go("cut", settings, length=self.view.length)

    async def pick(self, settings: Settings, id: int | None = None, top: int = TOP) -> NextTokens:
        """Goes on with a token, or with the one that the settings choose."""
        if self._session is None:
            await self._open(settings)
        pick = SAMPLER if id is None else id
        view = await self._go("step", settings, pick=pick, top=top)
        assert view.picked is not None
        self.chosen.append(view.picked.id)
        return view

    async def undo(self, settings: Settings, count: int = 1) -> NextTokens:
        """Takes back the last choices."""
        assert len(self.chosen) >= count
        view = self.view if self._session else await self._open(settings)
        assert view is not None
        found = await self._go("cut", settings, length=view.length - count)
        del self.chosen[len(self.chosen) - count :]
        return found

    async def find(self, text: str, settings: Settings) -> tuple[int, list[Choice]]:
        """How many tokens of the vocabulary hold a text, and the first of them."""
        if self._session is None:
            await self._open(settings)
        said = await self._in_session("find", settings, text=text)
        return said["matches"], [choice_of(one) for one in said["found"]]

    async def onward(self, settings: Settings, tokens: int) -> list[tuple[int, str]]:
        """What the settings go on with from here, as ids and texts; the walk stays where it is."""
        view = self.view if self._session and self.view else await self._open(settings)
        if view.ended:
            return []
        said = await self._in_session("fork", settings, count=1, tokens=tokens)
        (row,) = said["rows"]
        return [(id, text) for id, text, _ in row["tokens"]]

    async def follow(self, other: Walk, settings: Settings) -> NextTokens:
        """Comes to where another walk stands; with other tokens than its, the text is read anew."""
        if other.run != self.run:
            self.begin(other.text)
            return await self.look(settings)
        if other.prompt != self.prompt:
            self.begin(other.prompt)
        same = first_difference(self.chosen, other.chosen)
        if same is None:
            return await self.look(settings)
        if len(self.chosen) > same:
            view = await self.undo(settings, len(self.chosen) - same)
        for id in other.chosen[same:]:
            view = await self.pick(settings, id)
        return view

    def turn_to(self, run: str, which: str) -> None:
        """Other weights; those of another run know other tokens, so the text is read anew."""
        if run != self.run and self.view is not None:
            self.prompt, self.chosen = self.text, []
        self.run, self.which, self._session = run, which, None

    def begin(self, prompt: str) -> None:
        """Another text."""
        self.prompt, self.chosen, self._session, self.view = prompt, [], None, None

    def twin(self) -> Walk:
        """Another walk that stands at the same place."""
        return replace(self, chosen=list(self.chosen), _session=None)

    @property
    def text(self) -> str:
        """All of it so far."""
        return self.prompt + (self.view.text if self.view else "")

    async def _open(self, settings: Settings) -> NextTokens:
        said = await self._ask(
            "step",
            run=self.run,
            which=self.which,
            device="auto",
            prompt=self.prompt,
            chosen=list(self.chosen),
            settings=dict(settings),
            top=TOP,
        )
        self._session, self.view = said["session"], next_tokens_of(said)
        return self.view

    async def _go(self, op: str, settings: Settings, top: int = TOP, **fields: Any) -> NextTokens:
        self.view = next_tokens_of(await self._in_session(op, settings, top=top, **fields))
        return self.view

    async def _in_session(self, op: str, settings: Settings, **fields: Any) -> Mapping[str, Any]:
        """Opens it again where it was closed: the sampler began anew, or keeps so many only."""
        more = {**fields, "settings": dict(settings)}
        try:
            return await self._ask(op, session=self._session, **more)
        except MiniGPTError as error:
            if error.title != ClosedError.title:
                raise
        await self._open(settings)
        return await self._ask(op, session=self._session, **more)

    async def _ask(self, op: str, **fields: Any) -> Mapping[str, Any]:
        try:
            return await self.sampler.request(op, **fields)
        except MiniGPTError:
            self._session = None
            raise


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
