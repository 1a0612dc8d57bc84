"""Generation: one token after another, streamed, over a session.

It knows nothing of models, devices or terminals.

Stop texts in a stream: nothing of one is ever shown, also when it comes in pieces.

Several continuations of one prompt, read side by side: the weights are read once for all.

It knows nothing of models, devices or terminals. Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from torch import Tensor

from core.config.configs import SamplingConfig
from core.inference.sampling import TokenSampler, probabilities
from core.inference.session import Session
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import TextStream, Tokenizer


class StopFilter:
    """Holds back what may become a stop text, and gives out what can no longer.

    The stop text that is complete first ends the stream (of those complete at once the longest):
    what is shown does not depend on how the text was cut into pieces.

    Args:
        stops: the texts that end a stream, none of them empty.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        assert all(stops), "an empty text stands everywhere"
        self._stops = tuple(stops)
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """What may be shown now; once `hit` is true, the last there is."""
        assert not self.hit
        held = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := held.find(stop)) >= 0]
        if found:
            self.hit = True
            self._held = ""
            return held[: min(found)[1]]
        cut = len(held) - max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[cut:]
        return held[:cut]

    def flush(self) -> str:
        """What was held back and did not become a stop text."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """The longest end of `text` that is a beginning of `stop`."""
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(stop[:length])), 0)


FinishReason = Literal["end", "stop", "length"]

END: Final = "end"  # the model said that the text ends
STOP: Final = "stop"  # a stop text came
LENGTH: Final = "length"  # as many tokens as asked for


@dataclass(frozen=True)
class LikelyToken:
    """A token that was possible.

    Attributes:
        probability: the model's own.
        chance: after the sampling settings; 0 if one of them removed it.
    """

    id: int
    text: str
    probability: float
    chance: float


@dataclass(frozen=True)
class GeneratedToken:
    """One token of a reply.

    Attributes:
        id: the token; EOS in the last step of a text that ended by itself.
        text: what can be shown now; empty while a character or a stop text may be half there.
        probability: the model's own for this token, before any setting changed it.
        top: the tokens likeliest to the model at this place, if asked for.
        window_start: the index of the oldest id the model saw when it said this one.
        ended: why this is the last step; None if it is not.
    """

    id: int
    text: str
    probability: float
    top: tuple[LikelyToken, ...]
    window_start: int
    ended: FinishReason | None = None


def generate(
    session: Session,
    prompt: Sequence[int],
    tokenizer: Tokenizer,
    config: SamplingConfig,
    *,
    top: int = 0,
) -> Generator[GeneratedToken]:
    """Reads the prompt, then chooses and reads one token after another.

    The session holds the prompt and the ids of all steps given out, also after the generator was
    closed, which stops it. What is half there when it ends by itself, and became no stop text, is
    in the last step's text.

    Args:
        prompt: ids to read first; may be empty if the session holds some.
        top: how many of the likeliest tokens each step names.

    Raises:
        RunFailedError: the model's predictions are not finite.
    """
    session.extend(prompt)
    chooser = TokenSampler(config, session.ids, session.model.config.vocab_size)
    stream, stop = tokenizer.stream(session.ids), StopFilter(config.stop)
    for left in reversed(range(config.max_tokens)):
        logits, start = session.logits[0], session.window_start
        id = chooser.choose(logits)
        text = stop.push(stream.push(id))
        over: FinishReason | None = END if id == EOS else LENGTH if not left else None
        if over and not stop.hit:
            text += _rest(stream, stop)
        chances = logits.softmax(-1)
        after = probabilities(logits, config, session.ids) if top else chances
        named = _likeliest(chances, after, tokenizer, top) if top else ()
        session.extend([id])
        ended: FinishReason | None = STOP if stop.hit else over
        yield GeneratedToken(id, text, float(chances[id]), named, start, ended)
        if ended:
            return


def _rest(stream: TextStream, stop: StopFilter) -> str:
    """What was held back; it may still complete a stop text."""
    text = stop.push(stream.flush())
    return text if stop.hit else text + stop.flush()


def _likeliest(
    chances: Tensor, after: Tensor, tokenizer: Tokenizer, count: int
) -> tuple[LikelyToken, ...]:
    values, ids = chances.topk(min(count, len(chances)))
    return tuple(
        LikelyToken(id, tokenizer.token_text(id), value, float(after[id]))
        for value, id in zip(values.tolist(), ids.tolist(), strict=True)
    )


@dataclass
class Continuation:
    """One of them.

    Attributes:
        ended: why it did: "end", "stop", "length"; empty while it goes on.
    """

    ids: list[int] = field(default_factory=list)
    text: str = ""
    ended: str = ""


class _Row:
    """A continuation on its way: what `generate` does to its only one."""

    def __init__(
        self, session: Session, tokenizer: Tokenizer, config: SamplingConfig, number: int
    ) -> None:
        size, seed = session.model.config.vocab_size, config.seed + number
        self.made = Continuation()
        self._chooser = TokenSampler(config, session.ids, size, seed=seed)
        self._stream, self._stop = tokenizer.stream(session.ids), StopFilter(config.stop)

    def add(self, logits: Tensor, *, last: bool) -> int:
        """Chooses the next id for logits (V,); after its end a row only keeps step."""
        made = self.made
        if made.ended:
            return EOS
        id = self._chooser.choose(logits)
        made.ids.append(id)
        made.text += self._stop.push(self._stream.push(id))
        over = END if id == EOS else LENGTH if last else ""
        if over and not self._stop.hit:
            made.text += self._stop.push(self._stream.flush())
        if over and not self._stop.hit:
            made.text += self._stop.flush()
        made.ended = STOP if self._stop.hit else over
        return id


def generate_many(
    session: Session,
    prompt: Sequence[int],
    tokenizer: Tokenizer,
    config: SamplingConfig,
    count: int,
) -> list[Continuation]:
    """As many continuations as asked for; the r-th, from 0, is that of `generate` with seed + r.

    Args:
        session: with one row; the prompt is added to it, the continuations are not.

    Raises:
        RunFailedError: the model's predictions are not finite.
    """
    session.extend(prompt)
    assert session.logits is not None  # read once, before the rows part
    rows = [_Row(session, tokenizer, config, number) for number in range(count)]
    twin = session.fork(count)
    for left in reversed(range(config.max_tokens)):
        pairs = zip(rows, twin.logits, strict=True)
        new = [[row.add(logits, last=not left)] for row, logits in pairs]
        if all(row.made.ended for row in rows):
            break
        twin.extend_rows(new)
    return [row.made for row in rows]
