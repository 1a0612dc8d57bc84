"""Stop texts in a stream: nothing of one is ever shown, also when it comes in pieces."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Holds back what may become a stop text, and gives out what can no longer.

    The stop text that is complete first ends the stream (of those complete at once the longest):
    what is shown does not depend on how the text was cut into pieces.

    Args:
        stops: the texts that end a stream, none of them empty.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        assert all(stops), "an empty text stands everywhere"
        self._stops = tuple(stops)
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """What may be shown now; once `hit` is true, the last there is."""
        assert not self.hit
        held = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := held.find(stop)) >= 0]
        if found:
            self.hit = True
            self._held = ""
            return held[: min(found)[1]]
        cut = len(held) - max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[cut:]
        return held[:cut]

    def flush(self) -> str:
        """What was held back and did not become a stop text."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """The longest end of `text` that is a beginning of `stop`."""
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(stop[:length])), 0)
