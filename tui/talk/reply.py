"""A reply while it comes: what the sampler said of it so far. Pure; knows no screen and no file.

How a turn is written: what stands in the transcript, and what is copied. Pure.

The model goes on with a text, so prompt and continuation are one paragraph; weight, not colour
alone, tells which part was typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.run.weights_ref import weights_label
from tui.common.sampling_settings import in_words
from tui.common.sanitize import clean
from tui.talk.record import CANCELLED, END, FAILED, LENGTH, STOP, Turn


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


ABOUT = "The model continues your text; it does not answer. Each prompt starts anew."
ENDED = {
    END: "ends here",
    STOP: "a stop text came",
    LENGTH: "full length",
    CANCELLED: "stopped",
    FAILED: "cut off",
}


def joined(prompt: str, text: str) -> str:
    """The continuation as it follows the prompt: one blank between them, not two."""
    return text.removeprefix(" ") if not prompt or prompt[-1].isspace() else text


def facts(turn: Turn, run: str = "") -> str:
    """The line below a reply: which weights and settings made it, how long it took.

    Args:
        run: named if it is another than the one the screen was opened for.
    """
    words = [
        run,
        weights_label(turn.weights, turn.step),
        in_words(turn.settings),
        f"{turn.tokens} token{'s' * (turn.tokens != 1)}",
        f"{turn.speed:,.0f}/s" if turn.speed and turn.tokens > 1 else "",
        "nothing to add" if turn.ended == END and not turn.text else ENDED.get(turn.ended, ""),
    ]
    return " · ".join(word for word in words if word)


def plain(turns: Iterable[Turn]) -> str:
    """A talk to be pasted elsewhere: each text, and below it what made it."""
    return "\n".join(
        clean(f"{turn.prompt}{joined(turn.prompt, turn.text)}\n({facts(turn)})\n") for turn in turns
    )
