"""A decoder with the ids it has read: the basis of generation, step mode and scoring.

The context is a window on the ids. When it is full, its older half is dropped (a first <sos> is
kept) and the rest is read again with positions from 0. Where the window starts depends only on
the number of ids: a session that was extended, cut and extended again equals a fresh one.

Ids are read when the logits after them are requested, not before: ids that are appended and cut
away again cost nothing.

Shapes: B rows of equal length, T new ids, D width, V vocabulary.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from core.model.attention import AttentionRecord
from core.model.decoder import Decoder, DecodeStep
from core.model.kv_cache import KVCache

MAX_CACHED_LENGTHS = 1024  # lengths whose logits are kept: cutting back needs no forward pass
MAX_LOGITS_BYTES = 64 * 2**20  # of logits, cached or computed in one forward pass


def window_start(length: int, context: int, keep_first: int) -> int:
    """The index of the first id in the window, not counting a kept first one, after `length` ids.

    With capacity R = context - keep_first, each slide drops h = max(1, R // 2) ids:
    keep_first + h * ceil((length - keep_first - R) / h), once that is more than keep_first.
    """
    capacity = context - keep_first
    half = max(1, capacity // 2)
    slides = max(0, -(-(length - keep_first - capacity) // half))
    return keep_first + slides * half


class Session:
    """Rows of ids with a key/value cache and the logits after them.

    Args:
        model: a decoder in evaluation mode; it is not modified.
        keep_first: 1 if the first id is <sos> and survives slides, else 0.
        head_mask: (layers, heads), a factor on the output of each head.
    """

    def __init__(
        self, model: Decoder, *, keep_first: int = 0, head_mask: Tensor | None = None
    ) -> None:
        assert keep_first in (0, 1)
        weight = next(model.parameters())
        self.model, self.keep_first, self.head_mask = model, keep_first, head_mask
        self._decode_step: DecodeStep | None = None
        self._rows: list[list[int]] = [[]]
        self._cache = KVCache(model.config, 1, model.config.context, weight.device, weight.dtype)
        self._cached_start = keep_first
        self._logits: OrderedDict[int, Tensor] = OrderedDict()  # (B, V) by length

    @property
    def rows(self) -> Sequence[Sequence[int]]:
        """The ids of every row; not to be modified."""
        return self._rows

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the first row, the only one before a fork; not to be modified."""
        return self._rows[0]

    @property
    def length(self) -> int:
        """Number of ids per row."""
        return len(self._rows[0])

    @property
    def window_start(self) -> int:
        """The index of the oldest id in the context, not counting a kept first one."""
        return window_start(self.length, self.model.config.context, self.keep_first)

    def window(self) -> list[int]:
        """The indices of the ids in the context."""
        start = self.window_start
        return [*range(min(self.keep_first, self.length)), *range(start, self.length)]

    def next_logits(self) -> Tensor:
        """Return the logits after the last ids, (B, V) float32 on the host; not to be modified.

        Runs a forward pass over the ids not read yet, unless the logits are cached.
        """
        if self.length not in self._logits:
            self._cache_logits(self._forward(1)[:, -1])
        return self._logits[self.length]

    def extend(self, new: Sequence[int]) -> None:
        """Append ids to the only row."""
        self.extend_rows([new])

    def extend_rows(self, new: Sequence[Sequence[int]]) -> None:
        """Append ids to each row, the same number to each."""
        assert len({len(ids) for ids in new}) == 1, "rows have equal lengths"
        for row, ids in zip(self._rows, new, strict=True):
            row.extend(ids)

    def truncate(self, length: int) -> None:
        """Remove all but the first `length` ids of each row."""
        assert 0 <= length <= self.length, f"truncate to {length} of {self.length}"
        for row in self._rows:
            del row[length:]
        for later in [cached for cached in self._logits if cached > length]:
            del self._logits[later]
        same_window = self.window_start == self._cached_start
        self._cache.truncate(
            min(self._cache.length, self._context_length(length)) if same_window else 0
        )

    def fork(self, count: int) -> Session:
        """A copy in which every row occurs `count` times, next to each other."""
        twin = copy(self)
        twin._rows = [list(row) for row in self._rows for _ in range(count)]
        twin._cache = self._cache.fork(count)
        twin._logits = OrderedDict()
        if self.length in self._logits:
            twin._cache_logits(self._logits[self.length].repeat_interleave(count, dim=0))
        return twin

    @torch.inference_mode()
    def inspect(self, *, head_mask: Tensor | None = None) -> AttentionRecord:
        """Hidden states and attention weights over the window, from a new forward pass.

        Position i of the record is the id at `window()[i]`; `model.head` turns any of its hidden
        states into logits. The session is not modified.

        Args:
            head_mask: replaces the session's own.
        """
        record = AttentionRecord()
        mask = self.head_mask if head_mask is None else head_mask
        self.model(self._context_ids(0), record=record, head_mask=mask)
        return record

    def score(self, ids: Sequence[int], ranks: list[int] | None = None) -> Tensor:
        """Append ids to the only row; return the log-probability of each given those before.

        Args:
            ranks: the rank of each by probability, from 1, is appended to it; equal ones share one.

        Returns:
            (T,) float32 in nats; (T - 1,) if the session was empty: nothing precedes the first id.
        """
        assert len(self._rows) == 1, "one row"
        done = 0 if self.length else 1
        self.extend(ids[:done])
        scores = [torch.empty(0)]
        while done < len(ids):
            chunk = ids[done : done + self._chunk_length()]
            scores.append(self._score_chunk(chunk, ranks))
            done += len(chunk)
        return torch.cat(scores)

    def _chunk_length(self) -> int:
        """How many more ids share a window, with logits that fit in memory."""
        # The first of them may slide the window; the others fill what is left of it.
        free = 1 + self.model.config.context - self._context_length(self.length + 1)
        return min(free, max(1, MAX_LOGITS_BYTES // (4 * self.model.config.vocab_size)))

    @torch.inference_mode()
    def _score_chunk(self, ids: Sequence[int], ranks: list[int] | None) -> Tensor:
        before = self.next_logits()[0]  # (V,)
        self.extend(ids)
        after = self._forward(len(ids))[0]  # (T, V)
        self._cache_logits(after[None, -1].clone())
        scores = torch.cat((before[None], after[:-1])).log_softmax(-1)  # (T, V)
        chosen = scores.gather(1, torch.tensor(ids)[:, None])  # (T, 1)
        if ranks is not None:
            ranks.extend((1 + (scores > chosen).sum(-1)).tolist())
        return chosen[:, 0]

    @torch.inference_mode()
    def _forward(self, count: int) -> Tensor:
        """Read the ids that are not in the cache; the logits after the last `count`, (B, T, V)."""
        assert self.length, "nothing to read"
        assert not self.model.training, "dropout would be on"
        if self.window_start != self._cached_start:
            self._cache.truncate(0)
            self._cached_start = self.window_start
        self._cache.truncate(min(self._cache.length, self._context_length(self.length) - count))
        new = self._context_ids(self._cache.length)
        if new.shape[1] == 1:
            self._decode_step = self._decode_step or self.model.make_decode_step()
            only = self._decode_step(new, self._cache, self.head_mask)  # (B, V)
            return only.float().cpu().unsqueeze(1)
        hidden = self.model(new, cache=self._cache, head_mask=self.head_mask)  # (B, T, D)
        logits: Tensor = self.model.head(hidden[:, -count:])
        return logits.float().cpu()

    def _cache_logits(self, logits: Tensor) -> None:
        self._logits[self.length] = logits
        if len(self._logits) > max(1, min(MAX_CACHED_LENGTHS, MAX_LOGITS_BYTES // logits.nbytes)):
            self._logits.popitem(last=False)

    def _context_ids(self, place: int) -> Tensor:
        """(B, T) ids in the context from index `place` of the window."""
        first = slice(place, self.keep_first)
        rest = slice(self.window_start + max(0, place - self.keep_first), None)
        ids = [row[first] + row[rest] for row in self._rows]
        return torch.tensor(ids, device=self._cache.keys.device)

    def _context_length(self, length: int) -> int:
        """How many ids are in the context after `length` ids."""
        start = window_start(length, self.model.config.context, self.keep_first)
        return min(self.keep_first, length) + max(0, length - start)
