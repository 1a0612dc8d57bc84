"""How far an export is, in three lines."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from tui.common.format import format_duration
from tui.common.sanitize import one_line
from tui.plot.bars import bar

STOPPING_TEXT = "Stopping; nothing is kept…"


@dataclass
class ExportProgress:
    """How far an export is.

    Attributes:
        started: when, by `time.monotonic`.
        done, total: of its phases.
        phase: in words.
    """

    started: float
    done: int = 0
    total: int = 1
    phase: str = "starting"

    def content(self, now: float, width: int, *, stops: bool, is_ascii: bool) -> Content:
        """The phase, a bar, and the time so far.

        Args:
            now: by `time.monotonic`.
            width: of the bar, in cells.
            stops: it is being cancelled.
        """
        words = STOPPING_TEXT if stops else f"{one_line(self.phase).capitalize()}…"
        seconds = format_duration(now - self.started)
        return Content("\n").join(
            [
                Content.styled(words, "bold $ink"),
                bar(self.done / self.total, width, is_ascii=is_ascii),
                Content.styled(f"{self.done} of {self.total} steps done · {seconds}", "$muted"),
            ]
        )
