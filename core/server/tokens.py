"""Tokens as the replies of the model server name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class SessionToken(NamedTuple):
    """A token of a session.

    `probability` and `rank` are those under the model, as for `CandidateToken`; null for the
    first token, which nothing precedes.
    """

    id: int
    text: str
    probability: float | None = None
    rank: int | None = None


class TokenProbability(NamedTuple):
    """A token and its probability under the model, before any sampling setting."""

    id: int
    text: str
    probability: float


class RankedToken(NamedTuple):
    """A token, its rank by probability from 1, and its probability under the model."""

    id: int
    text: str
    rank: int
    probability: float


class FillToken(NamedTuple):
    """A token of a text with blanks.

    `word` is the number of the word it is a part of, from 0; null for special tokens, which cannot
    be masked. A blank of byte-level BPE is a word.
    """

    id: int
    text: str
    word: int | None


class TokenCount(NamedTuple):
    """A token and the number of its occurrences."""

    id: int
    text: str
    occurrences: int


class ScoredToken(NamedTuple):
    """A token and its log-probability in nats; null for the first, which nothing precedes."""

    id: int
    text: str
    log_probability: float | None


class Alternative(NamedTuple):
    """A possible token: its probability under the model, and after the sampling settings."""

    id: int
    text: str
    probability: float
    chance: float


class ReplyToken(NamedTuple):
    """A generated token.

    `text` may be empty: half a character, or what may become a stop text. `alternatives` are the
    most likely tokens at this position, if the request has `top`.
    """

    id: int
    text: str
    probability: float
    alternatives: list[Alternative] = []  # noqa: RUF012 - never changed


class SettingEffect(NamedTuple):
    """What a sampling setting leaves of the tokens.

    `setting` is named as in `SamplingConfig`, or "special" for tokens never generated; `kept` is
    the number of tokens left after it, `share` their probability under the model.
    """

    setting: str
    kept: int
    share: float


class CorpusCount(NamedTuple):
    """How often a token follows in the training text.

    It follows `following` times out of `total` after the last `length` tokens, the longest context
    after which it ever does.
    """

    following: int
    total: int
    length: int


@dataclass(frozen=True, kw_only=True)
class CorpusMatch:
    """The longest suffix of the tokens that occurs in the training text.

    Attributes:
        length: tokens of the suffix.
        count: number of occurrences.
    """

    length: int
    count: int


@dataclass(frozen=True, kw_only=True)
class CandidateToken:
    """A token that could come next.

    Attributes:
        id: of the token.
        text: of the token.
        rank: by the model's probability, from 1; equal ones share a rank.
        probability: under the model.
        chance: after the sampling settings.
        removed: the setting that removed it, "special" for a token never generated; null if none.
        corpus: its count in the training text; null without a corpus index.
    """

    id: int
    text: str
    rank: int
    probability: float
    chance: float
    removed: str | None
    corpus: CorpusCount | None


@dataclass(frozen=True, kw_only=True)
class TracedToken:
    """A token of a text, and what each layer predicted before it.

    Attributes:
        id: of the token.
        text: of the token.
        probability: under the model.
        rank: by probability, from 1.
        entropy: of the model's distribution, in nats.
        lens: the most likely token after the embedding and after each layer (logit lens).
    """

    id: int
    text: str
    probability: float
    rank: int
    entropy: float
    lens: list[TokenProbability]


@dataclass(frozen=True, kw_only=True)
class TracedEnd:
    """What each layer predicts after the last token.

    Attributes:
        entropy: of the model's distribution, in nats.
        lens: as in `TracedToken`.
    """

    entropy: float
    lens: list[TokenProbability]


class WindowToken(NamedTuple):
    """A token in the context, by its position in the text."""

    position: int
    id: int
    text: str


class HeadAblation(NamedTuple):
    """The most likely token with all heads, and its probability without those switched off."""

    id: int
    text: str
    probability: float
    probability_without: float
