"""How well a model foresees a text: the log-probability of each token, and what they add up to.

The text is cut as the model's own corpus was: lines stand between <sos> and <eos>, each by itself,
and their ends are foreseen too, a byte each; running text comes after an <eos>.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.inference.load import LoadedModel
from core.inference.session import Session
from core.text.corpus import CorpusSample
from core.tokenizer.special_tokens import EOS, SOS

AT_ONCE = 512


@dataclass(frozen=True)
class ScoredTokens:
    """One token of a text.

    Attributes:
        score: its log-probability given all before it, in nats.
    """

    id: int
    text: str
    score: float


@dataclass
class Sum:
    """What came together so far.

    Attributes:
        tokens: that were foreseen.
        nats: minus the sum of their log-probabilities.
        size: bytes of the text in UTF-8.
    """

    tokens: int = 0
    nats: float = 0.0
    size: int = 0

    @property
    def loss(self) -> float | None:
        """Nats a token."""
        return self.nats / self.tokens if self.tokens else None

    @property
    def perplexity(self) -> float | None:
        """The exponential of the loss; None too where that is beyond all bounds."""
        return None if self.loss is None or self.loss > 700 else math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float | None:
        """Comparable between tokenizers."""
        return self.nats / math.log(2) / self.size if self.size else None


def scored(
    loaded: LoadedModel, samples: Iterable[CorpusSample], found: Sum
) -> Iterator[ScoredTokens]:
    """Every token of the samples of a text, in order, each added to `found`.

    Args:
        samples: as `core.text.corpus.read_samples` gives them for the reading of the model.

    Raises:
        UnknownWordError: words that the model has never seen.
    """
    tokenizer, session = loaded.tokenizer, _fresh(loaded)
    for sample in samples:
        ids = tokenizer.encode_prompt(sample.text)
        found.size += len(sample.text.encode())
        if loaded.reading == "lines":
            ids, found.size = [*ids, EOS], found.size + 1
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            for id, score in zip(part, session.score(part).tolist(), strict=True):
                found.tokens, found.nats = found.tokens + 1, found.nats - score
                yield ScoredTokens(id, tokenizer.token_text(id), score)
        if sample.ends_document:
            session = _fresh(loaded)


def _fresh(loaded: LoadedModel) -> Session:
    """A session at the beginning of a line or a text."""
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend([SOS if loaded.reading == "lines" else EOS])
    return session
