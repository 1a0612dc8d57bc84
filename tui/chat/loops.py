"""Replies that begin to repeat themselves, as greedy decoding often does. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

LOOP_TOKENS, LOOP_TIMES = 8, 3


class LoopDetector:
    """Reads the ids of a reply; each takes constant time.

    Attributes:
        is_looping: whether the same 8 tokens have occurred three times without overlapping.
    """

    def __init__(self) -> None:
        self.is_looping = False
        self._window: deque[int] = deque(maxlen=LOOP_TOKENS)
        self._counts: dict[tuple[int, ...], tuple[int, int]] = {}  # times, end of the last one
        self._length = 0

    def add(self, ids: Iterable[int]) -> bool:
        """Read more ids; return whether the reply has begun to loop with them."""
        was_looping = self.is_looping
        for id in ids:
            self._window.append(id)
            self._length += 1
            if len(self._window) == LOOP_TOKENS:
                self._count(tuple(self._window))
        return self.is_looping and not was_looping

    def _count(self, window: tuple[int, ...]) -> None:
        times, end = self._counts.get(window, (0, 0))
        if self._length - LOOP_TOKENS >= end:
            self._counts[window] = times + 1, self._length
            self.is_looping = self.is_looping or times + 1 >= LOOP_TIMES


def begins_to_loop(ids: Iterable[int]) -> bool:
    """Whether the same 8 tokens occur three times without overlapping."""
    detector = LoopDetector()
    detector.add(ids)
    return detector.is_looping
