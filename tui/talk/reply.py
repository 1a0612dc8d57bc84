"""A reply while it comes: what the sampler said of it so far. Pure; knows no screen and no file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.talk.record import CANCELLED, Turn


@dataclass
class Reply:
    """One continuation of one prompt.

    Attributes:
        run: the run whose model speaks.
        prompt: as typed.
        weights: "last", "best" or a step, as asked for.
        step: of the weights, if known.
        settings: fields of a SamplingConfig.
        parent: the turn it goes on from; None begins anew.
        pieces: its text so far.
        ids: its tokens so far.
        tokens, seconds, speed: how many, in what time, a second.
        used, size: tokens in the context, and how many fit.
        ended: why it is over; empty while it comes.
    """

    run: str
    prompt: str
    weights: str
    step: int | None
    settings: Mapping[str, Any]
    parent: str | None = None
    pieces: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    speed: float | None = None
    used: int | None = None
    size: int | None = None
    ended: str = ""

    @property
    def text(self) -> str:
        """What came so far."""
        return "".join(self.pieces)

    def take(self, said: Mapping[str, Any]) -> str:
        """Takes in one message of the sampler and returns the text that is new in it."""
        if self.ended:
            return ""
        tokens = said.get("tokens")
        come = tokens if isinstance(tokens, list) else []
        self.ids += [token[0] for token in come]
        new = "".join(token[1] for token in come)
        if new:
            self.pieces.append(new)
        if said.get("done"):
            self._end(said)
            return new
        self.tokens = said.get("count", self.tokens)
        self.seconds = said.get("seconds", self.seconds)
        if self.seconds > 0:
            self.speed = self.tokens / self.seconds
        return new

    def _end(self, said: Mapping[str, Any]) -> None:
        """The last message counts exactly, and knows which weights it was."""
        self.ended = str(said["reason"])
        self.tokens, self.seconds = said["tokens"], said["seconds"]
        self.speed = said["tokens_per_second"]
        self.used, self.size = said.get("used"), said.get("context")
        self.step = said.get("step", self.step)

    def stop(self, why: str = CANCELLED) -> None:
        """Ends it with what came; later messages change nothing."""
        self.ended = self.ended or why

    def turn(self) -> Turn:
        """What is kept of it."""
        return Turn(
            prompt=self.prompt,
            text=self.text,
            weights=self.weights,
            step=self.step,
            settings=self.settings,
            tokens=self.tokens,
            seconds=self.seconds,
            ended=self.ended,
            speed=self.speed,
            parent=self.parent,
        )
