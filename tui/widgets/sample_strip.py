"""What the model made of the prompt at each snapshot: a line a step, the untrained one first."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from tui.common.sanitize import one_line
from core.run.rows import Sample

LABEL = "dim"
MOST_CHARACTERS = 1000  # of a line; no terminal is wider


class SampleStrip(Widget):
    """Samples by step, `prompt|text`, aligned; where there is no room the middle ones go."""

    DEFAULT_CSS = "SampleStrip { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: list[Sample] = []

    def show(self, samples: Sequence[Sample]) -> None:
        """Shows these; draws only if they are others."""
        if self._samples != list(samples):
            self._samples = list(samples)
            self.refresh()

    def render(self) -> Content:
        """As many lines as there is height."""
        return sample_lines(self._samples, self.size.width, self.size.height)


def sample_lines(samples: Sequence[Sample], width: int, height: int) -> Content:
    """The first sample and as many of the last as fit, each cut to one line of `width` cells."""
    shown = list(samples)
    if len(shown) > height:
        shown = [*shown[:1], *shown[len(shown) - height + 1 :]] if height > 1 else shown[-1:]
    steps = _right([f"{sample.step:,}" for sample in shown])
    copied = _right([_share(sample.copied) for sample in shown])
    lines = [
        _line(f"{step}  {share}" if share else step, sample).truncate(width, ellipsis=True)
        for step, share, sample in zip(steps, copied, shown, strict=True)
    ]
    return Content("\n").join(lines)


def _right(cells: list[str]) -> list[str]:
    width = max(map(len, cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _share(copied: float | None) -> str:
    return "" if copied is None else f"{copied:.0%} copied"


def _line(step: str, sample: Sample) -> Content:
    prompt, text = (one_line(part[:MOST_CHARACTERS]) for part in (sample.prompt, sample.text))
    return Content.assemble((f"{step}  ", LABEL), (prompt, "bold"), ("|", LABEL), text)
