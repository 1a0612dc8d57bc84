"""A walk through a text, token by token: where one is, and the sampler's session behind it.

Knows no screen. The sampler may have put the session away, or ended; what was chosen is known
here, so the next step opens another one at the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import ClosedError, MiniGPTError
from tui.explore.choices import Choice, View, choice_of, view_of
from tui.common.client import Talker

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

    sampler: Talker
    run: str
    which: str
    prompt: str
    chosen: list[int] = field(default_factory=list)
    view: View | None = None
    _session: str | None = None

    async def look(self, settings: Settings) -> View:
        """What could come here; changed settings need no forward pass."""
        if self._session is None or self.view is None:
            return await self._open(settings)
        return await self._go("cut", settings, length=self.view.length)

    async def pick(self, settings: Settings, id: int | None = None, top: int = TOP) -> View:
        """Goes on with a token, or with the one that the settings choose."""
        if self._session is None:
            await self._open(settings)
        pick = SAMPLER if id is None else id
        view = await self._go("step", settings, pick=pick, top=top)
        assert view.picked is not None
        self.chosen.append(view.picked.id)
        return view

    async def undo(self, settings: Settings, count: int = 1) -> View:
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

    async def follow(self, other: Walk, settings: Settings) -> View:
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

    async def _open(self, settings: Settings) -> View:
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
        self._session, self.view = said["session"], view_of(said)
        return self.view

    async def _go(self, op: str, settings: Settings, top: int = TOP, **fields: Any) -> View:
        self.view = view_of(await self._in_session(op, settings, top=top, **fields))
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


def first_difference(left: Sequence[object], right: Sequence[object]) -> int | None:
    """The index of the first token in which two lists differ; None if they are the same."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return None if len(left) == len(right) else min(len(left), len(right))
