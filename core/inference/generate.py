"""Decoding: one loop over rows of a session, for a single reply, for several, and for branches.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torch import Tensor

from core.config.configs import SamplingConfig
from core.inference.sampling import TokenSampler, final_probabilities
from core.inference.session import Session
from core.tokenizer.tokenizer import Tokenizer

EndReason = Literal["end", "stop", "length"]

END: Final = "end"  # <eos>
STOP: Final = "stop"  # a stop text
LENGTH: Final = "length"  # max_tokens


class StopFilter:
    """Remove stop texts from streamed text, holding back what may become one.

    The stop text that is complete first ends the stream, the longest one of several complete at
    the same character. The output does not depend on how the text is cut into pieces.

    Args:
        stops: texts that end a stream; none is empty.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        assert all(stops), "an empty text occurs everywhere"
        self._stops = tuple(stops)
        self._pending = ""
        self.hit = False

    def push(self, text: str) -> str:
        """Add text; return what can be shown. Once `hit` is true, nothing may be added."""
        assert not self.hit
        pending = self._pending + text
        hits = [(at + len(stop), at) for stop in self._stops if (at := pending.find(stop)) >= 0]
        if hits:
            self.hit = True
            self._pending = ""
            return pending[: min(hits)[1]]
        cut = len(pending) - max((_overlap(pending, stop) for stop in self._stops), default=0)
        self._pending = pending[cut:]
        return pending[:cut]

    def flush(self) -> str:
        """Return the text that was held back."""
        pending, self._pending = self._pending, ""
        return pending


def _overlap(text: str, stop: str) -> int:
    """Length of the longest suffix of `text` that is a proper prefix of `stop`."""
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(stop[:length])), 0)


@dataclass(frozen=True)
class LikelyToken:
    """One of the most likely tokens at a position.

    Attributes:
        probability: under the model.
        chance: after the sampling settings; 0 if one of them removed it.
    """

    id: int
    text: str
    probability: float
    chance: float


@dataclass(frozen=True)
class GeneratedToken:
    """A token of a reply.

    Attributes:
        id: that of the end for the last token of a text that ended by itself.
        text: what can be shown now; empty for part of a character or of a possible stop text.
        probability: under the model, before any sampling setting.
        top: the most likely tokens at this position, if requested.
        window_start: index of the oldest id in the context, see `Session.window_start`.
        end_reason: set on the last token of a row.
    """

    id: int
    text: str
    probability: float
    top: tuple[LikelyToken, ...]
    window_start: int
    end_reason: EndReason | None = None


class _Row:
    """The state of one continuation: its token sampler and its text stream."""

    def __init__(
        self,
        session: Session,
        number: int,
        tokenizer: Tokenizer,
        config: SamplingConfig,
        prompt_text: str,
    ) -> None:
        ids, vocab_size = session.rows[number], session.model.config.vocab_size
        self.sampler = TokenSampler(
            config,
            ids,
            vocab_size,
            seed=config.seed + number,
            never_generated=tokenizer.never_generated,
        )
        self.end_reason: EndReason | None = None
        self._end_ids = tokenizer.end_ids
        self._stream, self._stop = tokenizer.stream(ids, prompt_text), StopFilter(config.stop)

    def push(self, id: int, *, is_last: bool) -> str:
        """Add a token; return the text that can be shown."""
        text = self._stop.push(self._stream.push(id))
        self.end_reason = END if id in self._end_ids else LENGTH if is_last else None
        if self.end_reason and not self._stop.hit:
            text += self._stop.flush()
        if self._stop.hit:
            self.end_reason = STOP
        return text


def decode(
    session: Session,
    tokenizer: Tokenizer,
    config: SamplingConfig,
    *,
    first_ids: Sequence[int] = (),
    top: int = 0,
    prompt_text: str = "",
) -> Iterator[list[GeneratedToken | None]]:
    """Choose and append one token per row and step until every row has ended.

    Row r is drawn with seed + r. The session holds the ids of all steps yielded; a row that has
    ended is filled with the end.

    Args:
        session: B rows of at least one id.
        first_ids: B ids the rows begin with, instead of sampled ones.
        top: number of the most likely tokens to list per token.
        prompt_text: the text before as typed, if the tokens' text is to be appended to it.

    Yields:
        B tokens; None for a row that has ended.

    Raises:
        RunFailedError: the logits are not finite.
    """
    rows = [
        _Row(session, number, tokenizer, config, prompt_text) for number in range(len(session.rows))
    ]
    for position in range(config.max_tokens):
        logits, window_start = session.next_logits(), session.window_start  # (B, V)
        probabilities = logits.softmax(-1)
        tokens: list[GeneratedToken | None] = [None] * len(rows)
        for number, row in enumerate(rows):
            if row.end_reason:
                continue
            if first_ids and position == 0:
                id = first_ids[number]
                row.sampler.record(id)
            else:
                id = row.sampler.choose(logits[number])
            text = row.push(id, is_last=position == config.max_tokens - 1)
            likely: tuple[LikelyToken, ...] = ()
            if top:
                chances = final_probabilities(
                    logits[number], config, session.rows[number], tokenizer.never_generated
                )
                likely = _most_likely(probabilities[number], chances, tokenizer, top)
            probability = float(probabilities[number, id])
            tokens[number] = GeneratedToken(
                id, text, probability, likely, window_start, row.end_reason
            )
        session.extend_rows([[token.id if token else tokenizer.eos_id] for token in tokens])
        yield tokens
        if all(row.end_reason for row in rows):
            return


def _most_likely(
    probabilities: Tensor, chances: Tensor, tokenizer: Tokenizer, count: int
) -> tuple[LikelyToken, ...]:
    """The `count` most likely tokens by probability (V,), in falling order."""
    values, ids = probabilities.topk(min(count, len(probabilities)))
    return tuple(
        LikelyToken(id, tokenizer.token_text(id), value, float(chances[id]))
        for value, id in zip(values.tolist(), ids.tolist(), strict=True)
    )


def generate(
    session: Session,
    prompt: Sequence[int],
    tokenizer: Tokenizer,
    config: SamplingConfig,
    *,
    top: int = 0,
    prompt_text: str = "",
) -> Generator[GeneratedToken]:
    """Append a prompt to a session of one row and generate its continuation, see `decode`.

    Closing the generator stops it; the session then holds the tokens yielded.

    Args:
        prompt: ids; may be empty if the session is not.
        prompt_text: the prompt as typed, if the tokens' text is to be appended to it.

    Raises:
        RunFailedError: the logits are not finite.
    """
    session.extend(prompt)
    for (token,) in decode(session, tokenizer, config, top=top, prompt_text=prompt_text):
        assert token is not None
        yield token


def generate_many(
    session: Session,
    prompt: Sequence[int],
    tokenizer: Tokenizer,
    config: SamplingConfig,
    count: int,
) -> list[list[GeneratedToken]]:
    """Generate several continuations of a prompt in one batch.

    The r-th is that of `generate` with seed + r.

    Args:
        session: one row, to which the prompt is appended but no continuation.

    Raises:
        RunFailedError: the logits are not finite.
    """
    session.extend(prompt)
    session.next_logits()  # The prompt is read once, not once per row.
    replies: list[list[GeneratedToken]] = [[] for _ in range(count)]
    for tokens in decode(session.fork(count), tokenizer, config):
        for reply, token in zip(replies, tokens, strict=True):
            if token is not None:
                reply.append(token)
    return replies
