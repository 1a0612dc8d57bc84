"""Scoring: the log-probability of each token of a text, and perplexity and bits per byte of all.

A text is cut as the model's corpus was: each line between <sos> and <eos>, the <eos> scored too and
counted as one byte; running text after one <eos>. Of pairs and conversations, which have to fit
into the context, the assistant's tokens are scored, each message's end as one byte.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.errors import Cancelled, InputError
from core.inference.load import LoadedModel
from core.inference.sampling import check_finite
from core.inference.session import Session
from core.progress import CancelCheck, never_cancelled
from core.text.corpus import CorpusSample
from core.text.messages import ASSISTANT
from core.tokenizer.chat_format import frame_messages

TOKENS_PER_PASS = 512
MAX_LOSS = 700.0  # beyond it the perplexity overflows a float


@dataclass(frozen=True)
class TokenScore:
    """A token of a text.

    Attributes:
        score: its log-probability given all tokens before, in nats.
    """

    id: int
    text: str
    score: float


@dataclass
class ScoreTotals:
    """Sums over the scored tokens.

    Attributes:
        tokens: number of them.
        nats: minus the sum of their log-probabilities.
        size: bytes of the text in UTF-8.
    """

    tokens: int = 0
    nats: float = 0.0
    size: int = 0

    @property
    def loss(self) -> float | None:
        """Nats per token."""
        return self.nats / self.tokens if self.tokens else None

    @property
    def perplexity(self) -> float | None:
        """The exponential of the loss; None if it overflows."""
        return None if self.loss is None or self.loss > MAX_LOSS else math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float | None:
        """Comparable between tokenizers."""
        return self.nats / math.log(2) / self.size if self.size else None


def score_ids(
    session: Session,
    ids: Sequence[int],
    cancelled: CancelCheck = never_cancelled,
    ranks: list[int] | None = None,
) -> Iterator[float]:
    """Append ids to a session; yield the log-probability of each given those before, in nats.

    The first id of an empty session has none.

    Args:
        ranks: as for `Session.score`.

    Raises:
        Cancelled: `cancelled` returned true before a forward pass.
        RunFailedError: the model's predictions are not finite.
    """
    for start in range(0, len(ids), TOKENS_PER_PASS):
        if cancelled():
            raise Cancelled
        scores = session.score(ids[start : start + TOKENS_PER_PASS], ranks)
        if len(scores):
            check_finite(scores)
        yield from scores.tolist()


def score_samples(
    loaded: LoadedModel, samples: Iterable[CorpusSample], totals: ScoreTotals
) -> Iterator[TokenScore]:
    """Score every token of the samples of a text, in order, and add each to the totals.

    Args:
        samples: as `core.text.corpus` cuts the text for the model's `reading`.

    Raises:
        UnknownWordError: words that are not in the vocabulary.
        InputError: a conversation longer than the context.
    """
    if loaded.is_chat:
        for sample in samples:
            yield from _score_conversation(loaded, sample, totals)
        return
    tokenizer, session = loaded.tokenizer, _new_session(loaded)
    for sample in samples:
        ids = tokenizer.encode_prompt(sample.text)
        totals.size += len(sample.text.encode())
        if loaded.reading == "lines":
            ids.append(tokenizer.eos_id)
            totals.size += 1
        for id, score in zip(ids, score_ids(session, ids), strict=True):
            totals.tokens += 1
            totals.nats -= score
            yield TokenScore(id, tokenizer.token_text(id), score)
        if sample.ends_document:
            session = _new_session(loaded)


def _score_conversation(
    loaded: LoadedModel, sample: CorpusSample, totals: ScoreTotals
) -> Iterator[TokenScore]:
    """Score what the assistant says in a conversation."""
    tokenizer, context = loaded.tokenizer, loaded.model.config.context
    assert tokenizer.roles
    contents = [tokenizer.encode_prompt(message.content) for message in sample.messages]
    ids, is_reply = frame_messages(tokenizer.roles, sample.messages, contents)
    if len(ids) > context + 1:
        raise InputError(
            f"A conversation has {len(ids):,} tokens; the model reads at most {context:,}.",
            "Score shorter ones.",
        )
    session = Session(loaded.model, keep_first=loaded.keep_first)
    scores = score_ids(session, ids)
    replies = (message.content for message in sample.messages if message.role == ASSISTANT)
    totals.size += sum(len(reply.encode()) + 1 for reply in replies)
    for id, by_assistant, score in zip(ids[1:], is_reply[1:], scores, strict=True):
        if by_assistant:
            totals.tokens += 1
            totals.nats -= score
            yield TokenScore(id, tokenizer.token_text(id), score)


def _new_session(loaded: LoadedModel) -> Session:
    """A session at the beginning of a line or of running text."""
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend([loaded.start_id])
    return session
