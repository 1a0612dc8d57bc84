"""The panels of the Test screen: accuracy, mistakes, calibration, wrong answers, one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from core.server.replies import AccuracyReply
from core.text.messages import CLASSIFY
from core.text.task_report import JudgedItem
from tui.common.terminal import WIDE_COLUMNS
from tui.runs.accuracy import WrongAnswers
from tui.runs.accuracy_text import (
    TABLE_HINT,
    calibration_lines,
    closer_lines,
    heading_words,
    mixed_lines,
    mixed_title,
    score_lines,
)
from tui.widgets.accuracy_layout import CLOSER, MIXED, PANELS, SCORE, SURE, WRONG, arrange_panels
from tui.widgets.panel import Panel
from tui.widgets.wrong_list import WrongList

TITLES = {SCORE: "Accuracy", SURE: "As sure as it should be?", CLOSER: "Closer"}
TITLES |= {WRONG: "Wrong answers, the surest first", MIXED: "What it mixes up"}
PANEL_CELLS, RULE_CELLS = 5, 3  # beside the text of a panel: border, padding, scrollbar
TAB_ORDER = (WRONG, CLOSER, SCORE, MIXED, SURE)


class AccuracyView(Container):
    """Everything between the first row and the keys.

    Args:
        is_ascii: whether only ASCII characters may be drawn.

    Attributes:
        chosen: the panel that is shown where there is room for one below the accuracy.
    """

    def __init__(self, *, is_ascii: bool) -> None:
        super().__init__()
        self._is_ascii = is_ascii
        self._places: dict[str, Region] = {}
        self._reply: AccuracyReply | None = None
        self._message: Callable[[int], Content] | None = None
        self._item: JudgedItem | None = None
        self._nearest = Content("")
        self.chosen = WRONG

    def compose(self) -> ComposeResult:
        for name in PANELS:
            if name == WRONG:
                child: WrongList | VerticalScroll = WrongList()
            else:
                child = VerticalScroll(Static(id=f"{name}-text", markup=False))
            yield Panel(child, title=TITLES[name], id=name, classes="part")

    @property
    def answers(self) -> WrongList:
        """The wrong answers."""
        return self.query_one(WrongList)

    def on_resize(self) -> None:
        """Place the panels and fit their contents."""
        self._arrange()
        self._fill()

    def _arrange(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        self._places = arrange_panels(width, height, self.chosen)
        for name in PANELS:
            part, region = self.query_one(f"#{name}"), self._places.get(name)
            part.display = region is not None
            if region is not None:
                part.styles.offset = region.offset
                part.styles.width, part.styles.height = region.size

    def focus_panel(self, name: str) -> None:
        """Give a panel the focus; it is shown if it was not."""
        self.chosen = name
        self._arrange()
        self._fill()
        (self.answers if name == WRONG else self.query_one(f"#{name} VerticalScroll")).focus()

    def next_panel(self, by: int) -> None:
        """Give the next panel the focus."""
        focused = next((name for name in PANELS if self.query_one(f"#{name}").has_focus_within), "")
        at = TAB_ORDER.index(focused) + by if focused else 0
        self.focus_panel(TAB_ORDER[at % len(TAB_ORDER)])

    def show_message(self, message: Callable[[int], Content]) -> None:
        """Show how a test is going, or why there is none, in place of its figures.

        Args:
            message: the lines for a width in cells.
        """
        self._reply, self._message, self._item = None, message, None
        self._fill()
        self.answers.show((), are_labels=False)
        self._set_titles(WrongAnswers())

    def show(self, reply: AccuracyReply, wrong: WrongAnswers, listed: Sequence[JudgedItem]) -> None:
        """Show a report.

        Args:
            listed: the wrong answers in the list.
        """
        self._reply, self._message = reply, None
        self.show_list(wrong, listed)
        self._fill()

    def show_list(self, wrong: WrongAnswers, listed: Sequence[JudgedItem]) -> None:
        """Show these wrong answers."""
        report = self._reply.report if self._reply else None
        if report is None:
            return
        note = "There is no wrong answer."
        if wrong.items:
            note = "No wrong answer matches. Esc shows all."
        self.answers.show(listed, are_labels=report.task == CLASSIFY, note=note)
        self._set_titles(wrong, len(listed))

    def _set_titles(self, wrong: WrongAnswers, listed: int = 0) -> None:
        report = self._reply.report if self._reply else None
        title, hint = TITLES[WRONG], ""
        if report is not None:
            count = report.items - report.right
            title = heading_words(wrong, listed, count)
            hint = f"{listed:,} listed" if wrong.items else ""
        self.query_one(f"#{WRONG}", Panel).set_title(title)
        self.query_one(f"#{WRONG}", Panel).set_hint(hint)
        mixed = self.query_one(f"#{MIXED}", Panel)
        mixed.set_title(mixed_title(report))
        has_table = report is not None and report.task == CLASSIFY
        mixed.set_hint(TABLE_HINT if has_table else "")

    def show_item(self, item: JudgedItem | None, nearest: Content) -> None:
        """Show an item closer.

        Args:
            nearest: what training had like it.
        """
        self._item, self._nearest = item, nearest
        self._fill_closer()

    def _text_size(self, name: str) -> tuple[int, int]:
        region = self._places.get(name)
        if region is None:
            return 0, 0
        is_wide = self.size.width >= WIDE_COLUMNS
        cells = PANEL_CELLS if is_wide else RULE_CELLS
        return max(1, region.width - cells), max(1, region.height - (2 if is_wide else 1))

    def _fill(self) -> None:
        """Draw the texts of the panels that are shown."""
        for name in (SCORE, MIXED, SURE):
            width, height = self._text_size(name)
            if width:
                self._put(name, self._content(name, width, height))
        self._fill_closer()

    def _content(self, name: str, width: int, height: int) -> Content:
        if self._reply is None:
            return self._message(width) if name == SCORE and self._message else Content("")
        if name == SCORE:
            return score_lines(self._reply, width, is_ascii=self._is_ascii)
        if name == MIXED:
            return mixed_lines(self._reply.report, width, height)
        return calibration_lines(self._reply.report, width, is_ascii=self._is_ascii)

    def _fill_closer(self) -> None:
        if self._reply is None or self._item is None:
            self._put(CLOSER, Content(""))
        else:
            self._put(CLOSER, closer_lines(self._reply.report, self._item, self._nearest))

    def _put(self, name: str, content: Content) -> None:
        self.query_one(f"#{name}-text", Static).update(content)
