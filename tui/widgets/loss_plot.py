"""The chart of losses, redrawn only when something it shows has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.plot.canvas import FloatArray, StyledRow
from tui.plot.plot import Chart, Curve, draw_chart

Points = tuple[
    str, Sequence[float] | FloatArray, Sequence[float] | FloatArray
]  # name, steps, losses
STYLES = ("axis", "train", "validation", "noise", "reference", "mark")


class LossPlot(Widget):
    """Curves over steps or epochs.

    Args:
        charset: "braille", "block" or "ascii".
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"loss-plot--{name}" for name in STYLES}
    DEFAULT_CSS = """
    LossPlot { height: 1fr; min-height: 6; }
    LossPlot > .loss-plot--axis { color: $text-muted; }
    LossPlot > .loss-plot--train { color: $primary; }
    LossPlot > .loss-plot--validation { color: $warning; text-style: bold; }
    LossPlot > .loss-plot--noise { color: $primary; text-style: dim; }
    LossPlot > .loss-plot--reference { color: $text-muted; }
    LossPlot > .loss-plot--mark { color: $accent; }
    """
    log_scale: reactive[bool] = reactive(False)

    def __init__(self, charset: str = "braille") -> None:
        super().__init__()
        self._charset = charset
        self._chart = Chart()
        self._revision = 0
        self._drawn_key: tuple[object, ...] = ()
        self._strips: list[Strip] = []

    def show(
        self,
        *,
        curves: Sequence[Points],
        references: Sequence[tuple[str, float]] = (),
        marks: Sequence[tuple[float, str]] = (),
        axis: str = "steps",
        about: str = "",
    ) -> None:
        """Show these curves; see `tui.plot.plot.Chart`."""
        self._chart = Chart(
            curves=tuple(
                Curve(n, np.asarray(x, float), np.asarray(y, float)) for n, x, y in curves
            ),
            references=tuple(references),
            marks=tuple(marks),
            axis=axis,
            about=about,
        )
        self._revision += 1
        self.refresh()

    def notify_style_update(self) -> None:
        """Redraw everything in another theme."""
        self._drawn_key = ()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One row of the chart."""
        width, height = self.size
        key = (width, height, self.log_scale, self._revision)
        if key != self._drawn_key:
            rows = draw_chart(self._chart, width, height, self._charset, log=self.log_scale)
            self._strips = [self._strip(row) for row in rows]
            self._drawn_key = key
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(width, self.rich_style)

    def _strip(self, row: StyledRow) -> Strip:
        base = self.rich_style
        return Strip(
            [
                Segment(
                    text,
                    base + self.get_component_rich_style(f"loss-plot--{style}")
                    if style in STYLES
                    else base,
                )
                for text, style in row
            ]
        )
