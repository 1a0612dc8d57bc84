"""Generation: one token after another, streamed, over a session.

It knows nothing of models, devices or terminals.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from torch import Tensor

from core.config.configs import SamplingConfig
from core.tokenizer.decoding import TextStream
from core.inference.sampling import Chooser, probabilities
from core.inference.session import Session
from core.inference.stopping import StopFilter
from core.tokenizer.tokenizer import EOS, Tokenizer

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
        probability: the model's own for this token, before any setting changed it.
        top: the tokens likeliest to the model at this place, if asked for.
        window_start: the index of the oldest id the model saw when it said this one.
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
) -> Generator[Step]:
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
    chooser = Chooser(config, session.ids, session.model.config.vocab_size)
    stream, stop = tokenizer.stream(session.ids), StopFilter(config.stop)
    for left in reversed(range(config.max_tokens)):
        logits, start = session.logits[0], session.window_start
        id = chooser.choose(logits)
        text = stop.push(stream.push(id))
        over = END if id == EOS else LENGTH if not left else ""
        if over and not stop.hit:
            text += _rest(stream, stop)
        chances = logits.softmax(-1)
        after = probabilities(logits, config, session.ids) if top else chances
        named = _likeliest(chances, after, tokenizer, top) if top else ()
        session.extend([id])
        ended = STOP if stop.hit else over
        yield Step(id, text, float(chances[id]), named, start, ended)
        if ended:
            return


def _rest(stream: TextStream, stop: StopFilter) -> str:
    """What was held back; it may still complete a stop text."""
    text = stop.push(stream.flush())
    return text if stop.hit else text + stop.flush()


def _likeliest(
    chances: Tensor, after: Tensor, tokenizer: Tokenizer, count: int
) -> tuple[Alternative, ...]:
    values, ids = chances.topk(min(count, len(chances)))
    return tuple(
        Alternative(id, tokenizer.token_text(id), value, float(after[id]))
        for value, id in zip(values.tolist(), ids.tolist(), strict=True)
    )
