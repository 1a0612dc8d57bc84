"""Labelling texts with an encoder that has a head of labels.

Shapes: B texts, T tokens of the longest, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import Cancelled
from core.inference.sampling import check_finite
from core.model.encoder import Encoder
from core.progress import CancelCheck, never_cancelled
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.tokenizer.tokenizer import Tokenizer

TEXTS_PER_PASS = 32


def labelled_ids(tokenizer: Tokenizer, text: str, context: int) -> list[int]:
    """Return what the encoder reads of a text, `<sos> <|user|> text <|end|>`.

    Texts longer than the context are truncated, as in training; unknown words become <unk>.

    Args:
        context: tokens that it reads at most.
    """
    assert tokenizer.roles, "a tokenizer for pairs"
    return [SOS, tokenizer.roles.user, *tokenizer.encode(text), EOS][:context]


@torch.inference_mode()
def label_scores(
    model: Encoder,
    texts: Sequence[Sequence[int]],
    cancelled: CancelCheck = never_cancelled,
) -> list[list[float]]:
    """Return the log-probability of each label (L,) for each text.

    Args:
        texts: ids from <sos> to `<|end|>`.

    Raises:
        Cancelled: `cancelled` returned true.
        RunFailedError: the model's predictions are not finite.
    """
    scores: list[list[float]] = []
    for first in range(0, len(texts), TEXTS_PER_PASS):
        if cancelled():
            raise Cancelled
        logits = model.label_logits(_pad(texts[first : first + TEXTS_PER_PASS]).to(model.device))
        check_finite(logits)
        scores += logits.log_softmax(-1).tolist()
    return scores


def _pad(texts: Sequence[Sequence[int]]) -> Tensor:
    """The ids (B, T), PAD after each text."""
    length = max(map(len, texts))
    return torch.tensor([[*text, *[PAD] * (length - len(text))] for text in texts])
