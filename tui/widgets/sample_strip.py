"""What the model made of the prompt at each snapshot: a line a step, the untrained one first."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from core.display import one_line
from core.rows import Sample

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
    steps = [f"{sample.step:,}" for sample in shown]
    column = max(map(len, steps), default=0)
    lines = [
        _line(step.rjust(column), sample).truncate(width, ellipsis=True)
        for step, sample in zip(steps, shown, strict=True)
    ]
    return Content("\n").join(lines)


def _line(step: str, sample: Sample) -> Content:
    prompt, text = (one_line(part[:MOST_CHARACTERS]) for part in (sample.prompt, sample.text))
    return Content.assemble((f"{step}  ", LABEL), (prompt, "bold"), ("|", LABEL), text)
