"""The chart of losses: drawn only when something has changed, with cursor and zoom in the focus."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.plot.canvas import StyledRow
from tui.plot.caption import legend, reading
from tui.plot.chart import Chart, ChartView, ScaleMode
from tui.plot.plot import BOLD, ChartDrawing, draw_chart

STYLES = (
    *("axis", "label", "rule", "cloud", "mark", "cursor", "value"),
    *("primary", "accent", "secondary", "fourth"),
)
ZOOM_FACTOR = 2.0
WHEEL_FACTOR = 1.5


class LossPlot(Widget, can_focus=True):
    """Curves over steps, epochs, tokens or time.

    The losses are on a logarithmic axis until another is chosen: most of a run is near its lowest
    loss. The first arrow key or click shows a cursor, which stays until the focus goes elsewhere.

    Args:
        charset: "braille", "block" or "ascii".
        has_caption: show the legend, or what the cursor reads, in the first row; without, a panel
            shows them: see `CaptionChanged`, `legend` and `reading`.
        is_interactive: can have the focus, a cursor and zoom.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"loss-plot--{name}" for name in STYLES}
    DEFAULT_CSS = """
    LossPlot { height: 1fr; min-height: 5; }
    LossPlot > .loss-plot--axis { color: $faint; }
    LossPlot > .loss-plot--label { color: $muted; }
    LossPlot > .loss-plot--rule { color: $rule; }
    LossPlot > .loss-plot--cloud { color: $cloud; }
    LossPlot > .loss-plot--mark { color: $ink; text-style: bold; }
    LossPlot > .loss-plot--value { color: $ink; text-style: bold; }
    LossPlot > .loss-plot--cursor { color: $primary; }
    LossPlot > .loss-plot--primary { color: $primary; }
    LossPlot > .loss-plot--accent { color: $accent; }
    LossPlot > .loss-plot--secondary { color: $secondary; }
    LossPlot > .loss-plot--fourth { color: $fourth; }
    LossPlot:ansi > .loss-plot--axis, LossPlot:nocolor > .loss-plot--axis { text-style: dim; }
    LossPlot:ansi > .loss-plot--rule, LossPlot:nocolor > .loss-plot--rule { text-style: dim; }
    LossPlot:ansi > .loss-plot--cloud, LossPlot:nocolor > .loss-plot--cloud { text-style: dim; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Read", key_display="←→", tooltip="Chart: read at a step"),
        Binding(
            "right",
            "move(1)",
            "Read",
            show=False,
            key_display="←→",
            tooltip="Chart: read at a step",
        ),
        Binding("pageup", "move(-10)", "Far", show=False, tooltip="Chart: ten columns away"),
        Binding("pagedown", "move(10)", "Far", show=False, tooltip="Chart: ten columns away"),
        Binding(
            "home", "move_to_end(-1)", "First", show=False, tooltip="Chart: first or last step"
        ),
        Binding("end", "move_to_end(1)", "Last", show=False, tooltip="Chart: first or last step"),
        Binding("z", "zoom(1)", "Zoom", tooltip="Chart: zoom in around the cursor"),
        Binding("Z", "zoom(-1)", "Zoom out", show=False, tooltip="Chart: zoom out"),
        Binding("a", "zoom(0)", "All", show=False, tooltip="Chart: show all of it"),
    ]

    class CaptionChanged(Message):
        """Legend or reading of a chart, or the width they may have, have changed."""

        def __init__(self, plot: LossPlot) -> None:
            super().__init__()
            self.plot = plot

        @property
        def control(self) -> LossPlot:
            return self.plot

    def __init__(
        self,
        charset: str = "braille",
        *,
        has_caption: bool = True,
        is_interactive: bool = True,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.can_focus = is_interactive
        self._charset, self._has_caption = charset, has_caption
        self._is_interactive = is_interactive
        self._chart, self._view = Chart(), ChartView(ScaleMode.LOG_LOSS)
        self._revision = 0
        self._drawn_key: tuple[object, ...] = ()
        self._drawing = ChartDrawing([])
        self._strips: list[Strip] = []

    @property
    def chart(self) -> Chart:
        """What is shown."""
        return self._chart

    @property
    def view(self) -> ChartView:
        """Which part of it is shown, and how."""
        return self._view

    def show(self, chart: Chart) -> None:
        """Show a chart; scale, window and cursor stay unless its x axis has another unit."""
        if chart.unit != self._chart.unit:
            self._view = replace(self._view, window=None, cursor=None)
        self._chart = chart
        self._changed()

    def cycle_scale(self) -> ScaleMode:
        """Change to the next combination of linear and logarithmic axes, and return it."""
        mode = self._view.mode.following
        self._set_view(replace(self._view, mode=mode))
        return mode

    def legend(self, width: int) -> Content:
        """The signs of the chart with their meanings, as many as fit into `width` cells."""
        return _content(legend(self._chart, self._view, self._charset, width))

    def reading(self, width: int) -> Content:
        """The values at the cursor, as many as fit into `width` cells; empty without a cursor."""
        if not self._view.has_cursor:
            return Content("")
        return _content(reading(self._chart, self._view, self._charset, width))

    def caption(self, width: int) -> Content:
        """The reading if there is a cursor, else the legend."""
        return self.reading(width) if self._view.has_cursor else self.legend(width)

    def _set_view(self, view: ChartView) -> None:
        if view != self._view:
            self._view = view
            self._changed()

    def _changed(self) -> None:
        """Have only the rows painted that differ: all of them are many bytes over SSH."""
        self._revision += 1
        self.post_message(self.CaptionChanged(self))
        before = self._strips
        if self._drawn_key[:2] != self.size:
            self.refresh()
            return
        self._draw(*self.size)
        for y, (old, new) in enumerate(zip(before, self._strips, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        """Have the caption fitted to the new width."""
        self.post_message(self.CaptionChanged(self))

    def on_blur(self) -> None:
        """Hide the cursor; it stays where it is."""
        self._set_view(replace(self._view, has_cursor=False))

    def action_move(self, columns: int) -> None:
        """Show the cursor, or move it."""
        if not self._view.has_cursor:
            columns = 0
        self._set_view(self._view.moved(self._chart, self._columns, columns))

    def action_move_to_end(self, end: int) -> None:
        """Move the cursor to the first or to the last point."""
        self._set_view(self._view.moved_to(self._chart, end * math.inf))

    def action_zoom(self, direction: int) -> None:
        """Zoom in or out around the cursor, or show everything."""
        if not direction:
            self._set_view(replace(self._view, window=None))
        else:
            self._set_view(self._view.zoomed(self._chart, ZOOM_FACTOR**direction))

    @property
    def _columns(self) -> int:
        return self._drawing.columns or self.size.width

    def on_click(self, event: events.Click) -> None:
        """Place the cursor."""
        position = self._drawing.x_at(event.get_content_offset_capture(self).x)
        if self._is_interactive and position is not None:
            self._set_view(self._view.moved_to(self._chart, position))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in around the mouse."""
        self._zoom_at_mouse(event, WHEEL_FACTOR)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out around the mouse."""
        self._zoom_at_mouse(event, 1 / WHEEL_FACTOR)

    def _zoom_at_mouse(self, event: events.MouseEvent, factor: float) -> None:
        position = self._drawing.x_at(event.get_content_offset_capture(self).x)
        if self._is_interactive and position is not None:
            event.stop()
            self._set_view(self._view.zoomed(self._chart, factor, position))

    def notify_style_update(self) -> None:
        """Redraw everything in another theme."""
        self._drawn_key = ()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One row of the chart."""
        width, height = self.size
        if self._drawn_key != (width, height, self._revision):
            self._draw(width, height)
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> None:
        self._drawn_key = (width, height, self._revision)
        rows = max(0, height - self._has_caption)
        self._drawing = draw_chart(self._chart, width, rows, self._charset, self._view)
        drawn = [*self._caption_rows(width)[:height], *self._drawing.rows]
        base = self.rich_style
        styles = {
            name: base + self.get_component_rich_style(f"loss-plot--{name}", partial=True)
            for name in STYLES
        }
        styles |= {name + BOLD: style + Style(bold=True) for name, style in styles.items()}
        self._strips = [
            Strip([Segment(text, styles.get(style, base)) for text, style in row]) for row in drawn
        ]

    def _caption_rows(self, width: int) -> list[StyledRow]:
        """The row above the chart, if it has one."""
        if not self._has_caption:
            return []
        words = reading if self._view.has_cursor else legend
        row = words(self._chart, self._view, self._charset, width - 1)
        return [[(" ", ""), *row, (" " * (width - 1 - sum(len(text) for text, _ in row)), "")]]


def _content(row: StyledRow) -> Content:
    """A row as styled text in the colours of the theme."""
    return Content.assemble(*((text, _content_style(style)) for text, style in row))


def _content_style(style: str) -> str:
    name = style.removesuffix(BOLD)
    is_bold = style.endswith(BOLD) or name in ("mark", "value")
    colour = {"axis": "faint", "label": "muted", "mark": "ink", "value": "ink"}.get(name, name)
    return f"bold ${colour}" if is_bold else f"${colour}"
