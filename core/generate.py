"""Generation: one token after another, streamed, over a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from core.config import SamplingConfig
from core.sampling import Chooser
from core.session import Session
from core.stopping import StopFilter
from core.tokenizer import EOS, Tokenizer

END = "end"  # the model said that the text ends
STOP = "stop"  # a stop text came
LENGTH = "length"  # as many tokens as asked for


@dataclass(frozen=True)
class Alternative:
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
class Step:
    """One token of a reply.

    Attributes:
        id: the token; EOS in the last step of a text that ended by itself.
        text: what can be shown now; empty while a character or a stop text may be half there.
        probability: the model's own for this token.
        top: the likeliest tokens at this place, if asked for.
        window_start: the oldest id the model still saw.
        ended: why this is the last step: "end", "stop", "length"; else empty.
    """

    id: int
    text: str
    probability: float
    top: tuple[Alternative, ...]
    window_start: int
    ended: str = ""


def generate(
    session: Session,
    prompt: Sequence[int],
    tokenizer: Tokenizer,
    config: SamplingConfig,
    *,
    top: int = 0,
) -> Iterator[Step]:
    """Reads the prompt, then chooses and reads one token after another.

    Closing the generator stops it; the session then holds what was chosen so far.

    Args:
        prompt: ids to read first; may be empty if the session has read some.
        top: how many of the likeliest tokens each step names.
    """
    logits = session.feed(prompt)[0] if prompt else session.logits[0]
    chooser, stop = Chooser(config), StopFilter(config.stop)
    stream = tokenizer.stream(session.ids)
    for count in range(1, config.max_tokens + 1):
        id, final = chooser.choose(logits, session.ids)
        text = stop.push(stream.push(id))
        ended = END if id == EOS else STOP if stop.hit else ""
        ended = ended or (LENGTH if count == config.max_tokens else "")
        if ended and not stop.hit:
            text += stop.flush() + stream.flush()
        chances = logits.softmax(-1)
        named = _likeliest(chances, final, tokenizer, top)
        yield Step(id, text, float(chances[id]), named, session.window_start, ended)
        if ended:
            return
        logits = session.feed([id])[0]


def _likeliest(
    chances: Tensor, final: Tensor, tokenizer: Tokenizer, count: int
) -> tuple[Alternative, ...]:
    if not count:
        return ()
    after = final.softmax(-1)
    values, ids = chances.topk(min(count, len(chances)))
    return tuple(
        Alternative(id, tokenizer.token_text(id), value, float(after[id]))
        for value, id in zip(values.tolist(), ids.tolist(), strict=True)
    )
