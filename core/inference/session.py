"""A model and what it has read so far: what generation, step mode and scoring stand on.

The context is a window on the ids. When it is full, the oldest half is dropped (a first <sos> is
kept) and the rest is read anew, so that positions begin at 0 again. Where the window begins is a
function of how many ids there are, and of nothing else: a session that was fed, cut and fed again
is in the state of a fresh one.

Ids are read when somebody asks for the logits after them, not before: what is written and cut
away again costs nothing. It knows nothing of text, sampling or files.

Shapes: B rows that advance together, T new ids, V vocabulary.
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

KEPT_LENGTHS = 1024  # logits of so many lengths are kept: going back there needs no forward pass
LOGITS_BYTES = 64 * 2**20  # but no more of them than this, kept or computed at a time


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
        model: a decoder in evaluation mode; it is only read.
        keep_first: 1 if the first id is <sos> and survives slides, else 0.
        head_mask: (layers, heads), a factor on what each head says; None leaves all as they are.
    """

    def __init__(
        self, model: Decoder, *, keep_first: int = 0, head_mask: Tensor | None = None
    ) -> None:
        assert keep_first in (0, 1)
        weight = next(model.parameters())
        self.model, self.keep_first, self.head_mask = model, keep_first, head_mask
        self._stepper: DecodeStep | None = None
        self._rows: list[list[int]] = [[]]
        self._cache = KVCache(model.config, 1, model.config.context, weight.device, weight.dtype)
        self._cached_start = keep_first
        self._kept: OrderedDict[int, Tensor] = OrderedDict()

    @property
    def rows(self) -> Sequence[Sequence[int]]:
        """The ids of every row; a view, not to be changed."""
        return self._rows

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the first row, which is the only one before a fork; a view."""
        return self._rows[0]

    @property
    def length(self) -> int:
        """Ids in each row."""
        return len(self._rows[0])

    @property
    def window_start(self) -> int:
        """The index of the oldest id the model still sees, a kept first one aside."""
        return window_start(self.length, self.model.config.context, self.keep_first)

    def window(self) -> list[int]:
        """The indices of the ids that the model sees, in order."""
        start = self.window_start
        return [*range(min(self.keep_first, self.length)), *range(start, self.length)]

    @property
    def logits(self) -> Tensor:
        """(B, V): what the model says comes next, float32 on the host; a view.

        They are computed if ids have not been read yet, or were read too long ago.
        """
        if self.length not in self._kept:
            self._keep(self._read(1)[:, -1])
        return self._kept[self.length]

    def feed(self, new: Sequence[int]) -> Tensor:
        """Adds ids to the only row and reads them; the logits after the last, (1, V)."""
        return self.feed_rows([new])

    def feed_rows(self, new: Sequence[Sequence[int]]) -> Tensor:
        """Adds as many ids to each row and reads them; the logits after the last, (B, V)."""
        self.extend_rows(new)
        return self.logits

    def extend(self, new: Sequence[int]) -> None:
        """Adds ids to the only row; they are read once their logits are asked for."""
        self.extend_rows([new])

    def extend_rows(self, new: Sequence[Sequence[int]]) -> None:
        """Adds as many ids to each row; they are read once their logits are asked for."""
        assert len({len(more) for more in new}) == 1, "rows advance together"
        for row, more in zip(self._rows, new, strict=True):
            row.extend(more)

    def cut(self, length: int) -> None:
        """Forgets all but the first `length` ids; `logits` are then those after them."""
        assert 0 <= length <= self.length, f"cut to {length} of {self.length}"
        for row in self._rows:
            del row[length:]
        for later in [kept for kept in self._kept if kept > length]:
            del self._kept[later]
        same_window = self.window_start == self._cached_start
        self._cache.truncate(min(self._cache.length, self._seen) if same_window else 0)

    def fork(self, count: int) -> Session:
        """A session in which every row stands `count` times, side by side, to go on differently."""
        twin = copy(self)
        twin._rows = [list(row) for row in self._rows for _ in range(count)]
        twin._cache = self._cache.fork(count)
        twin._kept = OrderedDict()
        if self.length in self._kept:
            twin._keep(self.logits.repeat_interleave(count, dim=0))
        return twin

    @torch.inference_mode()
    def inspect(self, *, head_mask: Tensor | None = None) -> AttentionRecord:
        """Hidden states and attention weights over the window, computed anew.

        Position i of the record is the id at `window()[i]`; `model.head` makes logits of any of
        its hidden states. The session stays as it is.

        Args:
            head_mask: another than the session's own, for this once.
        """
        record = AttentionRecord()
        mask = self.head_mask if head_mask is None else head_mask
        self.model(self._tokens(0), record=record, head_mask=mask)
        return record

    def score(self, ids: Sequence[int]) -> Tensor:
        """The log-probability, in nats, of each id given all before it; adds them to the only row.

        Returns:
            (T,) float32; (T - 1,) if the session was empty: nothing is before the first id.
        """
        assert len(self._rows) == 1, "one row at a time"
        place = 0 if self.length else 1
        self.extend(ids[:place])
        found = [torch.empty(0)]
        while place < len(ids):
            part = ids[place : place + self._before_slide()]
            found.append(self._score(part))
            place += len(part)
        return torch.cat(found)

    def _before_slide(self) -> int:
        """How many more ids see the same window, and have logits that fit in memory at a time."""
        # The first of them may slide the window; those after it have what room is left then.
        room = 1 + self.model.config.context - self._seen_after(self.length + 1)
        return min(room, max(1, LOGITS_BYTES // (4 * self.model.config.vocab_size)))

    @torch.inference_mode()
    def _score(self, ids: Sequence[int]) -> Tensor:
        before = self.logits[0]  # (V,)
        self.extend(ids)
        after = self._read(len(ids))[0]  # (T, V)
        self._keep(after[None, -1].clone())
        chances = torch.cat((before[None], after[:-1])).log_softmax(-1)  # (T, V)
        return chances.gather(1, torch.tensor(ids)[:, None])[:, 0]

    @torch.inference_mode()
    def _read(self, count: int) -> Tensor:
        """Brings the cache up to the ids; the logits after each of the last `count`, (B, T, V)."""
        assert self.length, "nothing to read"
        assert not self.model.training, "dropout would be on"
        if self.window_start != self._cached_start:
            self._cache.truncate(0)
            self._cached_start = self.window_start
        self._cache.truncate(min(self._cache.length, self._seen - count))
        new = self._tokens(self._cache.length)
        if new.shape[1] == 1:
            self._stepper = self._stepper or self.model.make_decode_step()
            only = self._stepper(new, self._cache, self.head_mask)  # (B, V)
            return only.float().cpu().unsqueeze(1)
        hidden = self.model(new, cache=self._cache, head_mask=self.head_mask)  # (B, T, D)
        logits: Tensor = self.model.head(hidden[:, -count:])
        return logits.float().cpu()

    def _keep(self, logits: Tensor) -> None:
        self._kept[self.length] = logits
        if len(self._kept) > max(1, min(KEPT_LENGTHS, LOGITS_BYTES // logits.nbytes)):
            self._kept.popitem(last=False)

    def _tokens(self, place: int) -> Tensor:
        """(B, T) ids the model sees, from a place in the window on."""
        first = slice(place, self.keep_first)
        rest = slice(self.window_start + max(0, place - self.keep_first), None)
        seen = [row[first] + row[rest] for row in self._rows]
        return torch.tensor(seen, device=self._cache.keys.device)

    @property
    def _seen(self) -> int:
        """How many ids the model sees."""
        return self._seen_after(self.length)

    def _seen_after(self, length: int) -> int:
        start = window_start(length, self.model.config.context, self.keep_first)
        return min(self.keep_first, length) + max(0, length - start)
