"""A reply in progress, and the text of finished turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.config.configs import SamplingConfig
from core.config.schema import to_json
from core.run.weights_ref import BEST, weights_label
from tui.chat.record import CANCELLED, END, FAILED, LENGTH, STOP, Turn
from tui.chat.shading import Chance
from tui.chat.turn_tree import JsonMessages
from tui.common.sampling_settings import describe
from tui.common.sanitize import clean

if TYPE_CHECKING:
    from core.server.replies import ClassifyReply, GenerateBatch, GenerateReply

CHANCE_DIGITS = 3  # of probabilities that are recorded
Token = tuple[str, float]  # its text, and its probability under the model


@dataclass
class Reply:
    """One reply to one prompt.

    Attributes:
        run, weights: "last", "best" or a step, as requested.
        prompt: as typed.
        step: training step of the weights; None until known.
        settings: sampling settings.
        parent, conversation, system: as in `Turn`.
        messages: what the model is sent; None continues the prompt.
        sent_turns: of each exchange before the prompt in `messages`, how many turns back it is.
        dropped: exchanges of them, the oldest, that did not fit into the context.
        pieces: its text so far.
        ids: its token ids so far.
        chances: of each token, the characters of its text and its probability.
        tokens, seconds, speed: count, duration, tokens per second.
        used, context: tokens in the context window, and its size.
        labels: of a classified text, each with its probability.
        ended: why it ended; empty while it is in progress.
    """

    run: str
    prompt: str
    weights: str
    step: int | None
    settings: SamplingConfig
    parent: str | None = None
    conversation: str = ""
    system: str = ""
    messages: JsonMessages | None = None
    sent_turns: Sequence[int] = ()
    dropped: int = 0
    pieces: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    chances: list[Chance] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    speed: float | None = None
    used: int | None = None
    context: int | None = None
    labels: tuple[tuple[str, float], ...] = ()
    ended: str = ""

    @property
    def text(self) -> str:
        """Its text so far."""
        return "".join(self.pieces)

    def add(self, message: GenerateBatch | GenerateReply) -> list[Token]:
        """Add one message of the model server; return its new texts with their probabilities."""
        from core.server.replies import GenerateReply  # not before the first frame

        if self.ended:
            return []
        if isinstance(message, GenerateReply):
            self.ended = message.reason
            self.tokens, self.seconds = message.tokens, message.seconds
            self.speed, self.step = message.tokens_per_second, message.step
            self.used, self.context = message.used, message.context
            self.dropped = message.dropped
            return []
        self.ids += [token.id for token in message.tokens]
        tokens = [(token.text, token.probability) for token in message.tokens if token.text]
        self.chances += [(len(text), round(chance, CHANCE_DIGITS)) for text, chance in tokens]
        self.pieces += [text for text, _ in tokens]
        self.tokens, self.seconds, self.step = message.count, message.seconds, message.step
        if self.seconds > 0:
            self.speed = self.tokens / self.seconds
        return tokens

    def classify(self, result: ClassifyReply) -> None:
        """End it with the likeliest label."""
        if not self.ended:
            self.pieces, self.ended = [result.label], END
            self.labels = tuple(zip(result.labels, result.probabilities, strict=True))
            self.seconds, self.step = result.seconds, result.step

    def stop(self, reason: str = CANCELLED) -> None:
        """End it with the text so far; later messages are ignored."""
        self.ended = self.ended or reason

    @property
    def history(self) -> int:
        """How many turns before the prompt the model read."""
        return self.sent_turns[self.dropped] if self.dropped < len(self.sent_turns) else 0

    def turn(self) -> Turn:
        """Return the turn to be recorded."""
        return Turn(
            prompt=self.prompt,
            text=self.text,
            weights=self.weights,
            step=self.step,
            settings=to_json(self.settings),
            tokens=self.tokens,
            seconds=self.seconds,
            ended=self.ended,
            speed=self.speed,
            parent=self.parent,
            chances=tuple(self.chances),
            conversation=self.conversation,
            history=self.history,
            system=self.system,
            labels=self.labels,
        )


END_REASONS = {
    END: "ended by itself",
    STOP: "stop text reached",
    LENGTH: "token limit reached",
    CANCELLED: "stopped",
    FAILED: "interrupted",
}


def turn_facts(turn: Turn, run: str = "") -> str:
    """Describe the weights and settings of a turn, its length, speed and end.

    Args:
        run: named if it is not the one the screen was opened for.
    """
    if turn.labels:
        milliseconds = f"{1000 * turn.seconds:,.0f} ms"
        return " · ".join(filter(None, (run, step_label(turn.weights, turn.step), milliseconds)))
    nothing = turn.ended == END and not turn.text
    words = [
        run,
        step_label(turn.weights, turn.step),
        describe(turn.settings),
        length_text(turn.tokens, turn.speed),
        "nothing to add" if nothing else END_REASONS.get(turn.ended, ""),
    ]
    return " · ".join(word for word in words if word)


def step_label(weights: str, step: int | None) -> str:
    """Weights by their step, such as "step 2,646, best"; by their name where it is unknown."""
    if step is None:
        return weights_label(weights, step)
    return f"step {step:,}{', best' * (weights == BEST)}"


def length_text(tokens: int, speed: float | None) -> str:
    """The length of a reply and its tokens per second, such as "27 tokens, 588/s"."""
    per_second = f", {speed:,.0f}/s" if speed and tokens > 1 else ""
    return f"{tokens:,} token{'s' * (tokens != 1)}{per_second}"


def turns_as_text(turns: Iterable[Turn], *, are_replies: bool = False) -> str:
    """Return turns for the clipboard: each text, and below it its facts.

    Args:
        are_replies: whether the texts are paragraphs of their own instead of continuations.
    """
    parts = []
    for turn in turns:
        reply = f"\n{turn.text.strip()}" if are_replies else turn.text
        parts.append(clean(f"{turn.prompt}{reply}\n({turn_facts(turn)})\n"))
    return "\n".join(parts)
