"""The interface of both encoders, which training and inference use.

An encoder attends to all tokens of its input, before and after, and is trained to restore masked
tokens (Devlin et al. 2018, "BERT"). Its logits at a position score the tokens for it. With a head
of labels instead, it is trained to label a text, by its logits at the first token.

Shapes: B batch, T tokens, D width, V vocabulary, L labels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.model.attention import AttentionRecord, ForwardPass
from core.model.language_model import LanguageModel
from core.tokenizer.special_tokens import PAD


class Encoder(LanguageModel):
    """A bidirectional model of lines or windows of text."""

    def forward(
        self,
        tokens: Tensor,
        *,
        record: AttentionRecord | None = None,
        head_mask: Tensor | None = None,
    ) -> Tensor:
        """The hidden states (B, T, D) after the last layer; `head` turns them into logits.

        Args:
            tokens: ids (B, T), int64, at least one per row besides padding; nothing attends to
                padding.
            record, head_mask: as in `Decoder.forward`.
        """
        length = tokens.shape[1]
        assert length <= self.config.context, f"{length} tokens, {self.config.context=}"
        visible = padding_mask(tokens)
        step = ForwardPass(visible, None, record, head_mask, self._active_dropout())
        return self.layers(tokens, slice(0, length), step)

    def needed_tokens(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """All but padding."""
        return tokens.ne(PAD)

    def label_logits(self, tokens: Tensor) -> Tensor:
        """Logits (B, L) of the labels of texts (B, T), float32, read at the first token, <sos>."""
        assert self.config.labels, "a model with a head of labels"
        hidden: Tensor = self(tokens)
        return self.head(hidden[:, 0]).float()

    def _mean_loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """See `LanguageModel._mean_loss`; with a head of labels, target n is label n - 1.

        The labels of targets are counted from 1, as 0 is padding.
        """
        if not self.config.labels:
            return super()._mean_loss(hidden, targets)
        logits = self.head(hidden).float().flatten(0, -2)  # (N, L)
        numbers = targets.flatten() - 1
        total = F.cross_entropy(logits, numbers, ignore_index=PAD - 1, reduction="sum")
        return total / targets.ne(PAD).sum().clamp(min=1)

    def visible_in_pack(self, line: Tensor, position: Tensor) -> Tensor:
        """All tokens of the same line."""
        return line[:, None] == line


def padding_mask(tokens: Tensor) -> Tensor:
    """(B, 1, 1, T) boolean, true where a token is not padding."""
    mask: Tensor = torch.ne(tokens, PAD)[:, None, None, :]
    return mask
