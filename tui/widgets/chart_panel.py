"""A panel with a chart: legend and cursor reading are in its border."""

from __future__ import annotations

from textual.content import Content

from tui.widgets.loss_plot import LossPlot
from tui.widgets.panel import Panel

WIDE_CLASS = "-wide"  # of a screen whose panels have a border below
CORNER_CELLS = 4  # of a border beside its words
GAP_CELLS = 2  # of a blank before and after these words
MARK_AND_GAP_CELLS = 4  # before and after the title


class ChartPanel(Panel):
    """A chart in a panel.

    On wide screens the bottom border has the legend and the title is followed by what the cursor
    reads; on others the title is followed by either.

    Args:
        charset: "braille", "block" or "ascii".
        name: the title.
        is_interactive: whether the chart can have the focus, a cursor and zoom.

    Attributes:
        plot: the chart.
    """

    def __init__(
        self,
        charset: str = "braille",
        name: str = "Loss",
        *,
        is_interactive: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        self.plot = LossPlot(charset, has_caption=False, is_interactive=is_interactive)
        self._chart_name = name
        self._note: str | None = None
        self._shown: tuple[Content, Content] | None = None
        super().__init__(self.plot, title=name, id=id, classes=classes)

    def rename(self, name: str) -> None:
        """Replace the title."""
        self._chart_name = name
        self._show_words()

    def set_note(self, note: str) -> None:
        """Show these words in place of the legend, which something else on the screen shows."""
        self._note = note
        self._show_words()

    def on_loss_plot_caption_changed(self, event: LossPlot.CaptionChanged) -> None:
        """Show the words of the chart."""
        event.stop()
        self._show_words()

    def _show_words(self) -> None:
        width = self.outer_size.width - CORNER_CELLS
        free = max(0, width - len(self._chart_name) - MARK_AND_GAP_CELLS)
        is_wide = self.screen.has_class(WIDE_CLASS)
        words = self.plot.reading(free)
        if not words and not is_wide:
            words = self._legend(free)
        title = Content.assemble(self._chart_name, "  ", words)
        hint = self._legend(max(0, width - GAP_CELLS)) if is_wide else Content("")
        shown = (title if words else Content(self._chart_name), hint)
        # A border that is set is drawn again, with all that is in the panel.
        if self._shown is None or not all(map(Content.is_same, shown, self._shown)):
            self._shown = shown
            self.set_title(shown[0])
            self.set_hint(hint)

    def _legend(self, width: int) -> Content:
        if self._note is None:
            return self.plot.legend(width)
        return Content.styled(self._note, "$faint").truncate(width, ellipsis=True)
