"""A model and what it has read so far: what generation, step mode and scoring stand on.

The context is a window on the ids. When it is full, the oldest half is dropped (a first <sos> is
kept) and the rest is read anew, so that positions begin at 0 again. Where the window begins is a
function of how many ids there are, and of nothing else: a session that was fed, cut and fed again
is in the state of a fresh one.

Shapes: B rows that advance together, T new ids, V vocabulary.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from core.attention import Record
from core.cache import KVCache
from core.decoder import Decoder

KEPT_LOGITS = 512


def window_start(length: int, context: int, keep_first: int) -> int:
    """The index of the first id in the window, beside a kept one, after `length` ids.

    With room for R = context - keep_first ids, each slide drops h = max(1, R // 2) of them:
    keep_first + h * ceil((length - keep_first - R) / h), once that is more than keep_first.
    """
    room = context - keep_first
    half = max(1, room // 2)
    slides = max(0, -(-(length - keep_first - room) // half))
    return keep_first + slides * half


class Session:
    """Rows of ids with the model's cache and its logits for what comes next.

    Args:
        model: a decoder; it is only read.
        keep_first: 1 if the first id is <sos> and survives slides, else 0.
        head_mask: (layers, heads), a factor on what each head says; None leaves all as they are.
    """

    def __init__(
        self, model: Decoder, *, keep_first: int = 0, head_mask: Tensor | None = None
    ) -> None:
        assert keep_first in (0, 1)
        self.model, self.keep_first, self.head_mask = model, keep_first, head_mask
        self.rows: list[list[int]] = [[]]
        self._cache = self._new_cache(1)
        self._cached_start = keep_first
        self._kept: OrderedDict[int, Tensor] = OrderedDict()

    @property
    def ids(self) -> list[int]:
        """The ids of the first row, which is the only one before a fork."""
        return self.rows[0]

    @property
    def length(self) -> int:
        """Ids in each row."""
        return len(self.rows[0])

    @property
    def window_start(self) -> int:
        """The index of the oldest id the model still sees, a kept first one aside."""
        return window_start(self.length, self.model.config.context, self.keep_first)

    @property
    def logits(self) -> Tensor:
        """(B, V): what the model says comes next, float32 on the host."""
        return self._kept[self.length]

    def feed(self, new: Sequence[int]) -> Tensor:
        """Reads more ids of the only row; the logits after the last of them, (1, V)."""
        return self.feed_rows([new])

    @torch.inference_mode()
    def feed_rows(self, new: Sequence[Sequence[int]]) -> Tensor:
        """Reads as many more ids in each row; the logits after the last of them, (B, V)."""
        assert len(new) == len(self.rows), f"{len(new)} rows for {len(self.rows)}"
        assert len({len(more) for more in new}) == 1, "rows advance together"
        assert new[0], "nothing to read"
        for row, more in zip(self.rows, new, strict=True):
            row.extend(more)
        return self._read()

    @torch.inference_mode()
    def cut(self, length: int) -> Tensor:
        """Forgets all but the first `length` (at least 1) ids; the logits after them, (B, V)."""
        assert 1 <= length <= self.length
        self.rows = [row[:length] for row in self.rows]
        for later in [kept for kept in self._kept if kept > length]:
            del self._kept[later]
        known = self._kept.get(length)
        if self.window_start != self._cached_start:
            # The cache is of a later window; it is filled when something is read again.
            self._forget()
        else:
            used = min(self._cache.length, self._in_window(length))
            self._cache.cut(used if known is not None else max(0, used - 1))
        return known if known is not None else self._read()

    def fork(self, count: int) -> Session:
        """A session in which every row stands `count` times, to go on differently."""
        twin = Session(self.model, keep_first=self.keep_first, head_mask=self.head_mask)
        twin.rows = [list(row) for row in self.rows for _ in range(count)]
        twin._cache = self._cache.fork(count)
        twin._cached_start = self._cached_start
        if self.length in self._kept:
            twin._kept[self.length] = self.logits.repeat_interleave(count, dim=0)
        return twin

    @torch.inference_mode()
    def inspect(self) -> Record:
        """Hidden states and attention weights over the window, computed anew.

        Position i of the record is the id at `window()[i]`.
        """
        record = Record()
        self.model(self._window(), record=record, head_mask=self.head_mask)
        return record

    def window(self) -> list[int]:
        """The indices of the ids that the model sees, in order."""
        return [*range(self.keep_first), *range(self.window_start, self.length)]

    @torch.inference_mode()
    def score(self, ids: Sequence[int]) -> Tensor:
        """The log-probability (T,) of each id given all before it; reads them on the way.

        The first id of a session that has read nothing has no probability: it is not scored.
        """
        found: list[Tensor] = []
        for id in ids:
            if self.length:
                found.append(self.logits[0].log_softmax(-1)[id])
            self.feed([id])
        return torch.stack(found) if found else torch.empty(0)

    def _read(self) -> Tensor:
        """Brings the cache up to the ids and keeps the logits after the last."""
        if self.window_start != self._cached_start or self._cache.length == 0:
            self._forget()
        new = self._window()[:, self._cache.length :]  # (B, T)
        hidden = self.model(new, cache=self._cache, head_mask=self.head_mask)[:, -1]  # (B, D)
        logits = self.model.head(hidden).float().cpu()  # (B, V)
        self._kept[self.length] = logits
        if len(self._kept) > KEPT_LOGITS:
            self._kept.popitem(last=False)
        return logits

    def _window(self) -> Tensor:
        """(B, S) ids the model sees."""
        start = self.window_start
        seen = [row[: self.keep_first] + row[start:] for row in self.rows]
        return torch.tensor(seen, device=self.model.device)

    def _in_window(self, length: int) -> int:
        return min(self.keep_first, length) + length - min(length, self.window_start)

    def _forget(self) -> None:
        self._cache.cut(0)
        self._cached_start = self.window_start

    def _new_cache(self, batch: int) -> KVCache:
        weight = next(self.model.parameters())
        return KVCache(
            self.model.config, batch, self.model.config.context, weight.device, weight.dtype
        )
