"""The interface of both decoders, which training and inference use.

Shapes: B batch, T new tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from core.model.attention import AttentionRecord, ForwardPass, causal_mask
from core.model.kv_cache import KVCache
from core.model.language_model import LanguageModel

DecodeStep = Callable[[Tensor, KVCache, Tensor | None], Tensor]


class Decoder(LanguageModel):
    """A causal language model: each token attends to itself and to those before it."""

    def forward(
        self,
        tokens: Tensor,
        *,
        cache: KVCache | None = None,
        record: AttentionRecord | None = None,
        head_mask: Tensor | None = None,
    ) -> Tensor:
        """The hidden states (B, T, D) after the last layer; `head` turns them into logits.

        Args:
            tokens: ids (B, T), int64; with a cache only the new ones.
            cache: keys and values of earlier tokens; those of the new tokens are added.
            record: receives the attention weights and hidden states of every layer, which needs
                the written-out attention instead of the fused kernel.
            head_mask: (layers, H), a factor on each head's output: 1 keeps it, 0 removes it.
        """
        start = cache.length if cache is not None else 0
        new = tokens.shape[1]
        assert start + new <= self.config.context, f"{start + new} tokens, {self.config.context=}"
        masked = record is not None or (start > 0 and new > 1)
        visible = causal_mask(new, start + new, tokens.device) if masked else None
        step = ForwardPass(visible, cache, record, head_mask, self._active_dropout())
        return self.layers(tokens, slice(start, start + new), step)

    def make_decode_step(self) -> DecodeStep:
        """A function that decodes one more token per row; the weights must not change meanwhile.

        Returns:
            Takes ids (B, 1), a cache and a head mask as in `forward`; returns logits (B, V).
        """

        def decode(tokens: Tensor, cache: KVCache, head_mask: Tensor | None) -> Tensor:
            return self.head(self(tokens, cache=cache, head_mask=head_mask))[:, -1]

        return decode

    def needed_tokens(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """All up to the last target of their row."""
        return targets.ne(self.no_target).flip(1).cummax(1).values.flip(1)

    def visible_in_pack(self, line: Tensor, position: Tensor) -> Tensor:
        """Itself and earlier tokens of the same line."""
        return (line[:, None] == line) & (position[:, None] >= position)
