"""The task of a run with its accuracy, and which word of a text decides its label."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from tui.chat.classification import Explanation, WordPoints
from tui.plot.bars import ASCII_FULL, ASCII_TRACK, FULL, HALF, TRACK
from tui.widgets.panel import Panel, is_wide

NAME_CELLS = 10
POINTS_CELLS, MAX_WORD_CELLS, MIN_BAR_CELLS = 7, 14, 4
AXIS, ASCII_AXIS = "│", "|"
MIN_SCALE_POINTS = 10  # smaller effects are drawn to the scale of this one
HOW_TO = "o shows which word decides: each is left out in turn."


class TaskPanel(Panel):
    """What a run's task is, and how often it is right."""

    DEFAULT_CSS = "TaskPanel { height: auto; } TaskPanel Static { height: auto; }"

    def __init__(self, id: str | None = None) -> None:
        self._text = Static(markup=False)
        super().__init__(self._text, title="Task", id=id)
        self._shown = Content("")

    def show(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Show rows of a name, a value and more about it."""
        lines = [
            Content.assemble(
                (f"{name:<{NAME_CELLS}}", "$muted"), (f"{value} " if value else "", "bold"), more
            )
            for name, value, more in rows
        ]
        content = Content("\n").join(lines)
        if not content.is_same(self._shown):
            self._shown = content
            self._text.update(content)


class WhyPanel(Panel):
    """The effect of each word of a text on its label."""

    DEFAULT_CSS = "WhyPanel VerticalScroll { height: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        self._text = _EffectRows()
        super().__init__(VerticalScroll(self._text), title="Why", id=id)

    def show(self, explanation: Explanation | None) -> None:
        """Show the effects; None while they are unknown."""
        self.set_title(f"Why {explanation.label}" if explanation else "Why")
        self._text.explanation = explanation
        self._text.refresh(layout=True)

    @property
    def explanation(self) -> Explanation | None:
        """What is shown."""
        return self._text.explanation


class _EffectRows(Static):
    """A row for each word, with its points against or for the label."""

    DEFAULT_CSS = "_EffectRows { height: auto; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.explanation: Explanation | None = None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as the text has at this width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """The rows."""
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        width = max(1, width)
        if self.explanation is None:
            return Content.styled(HOW_TO, "$faint").wrap(width)
        words, verdict = self.explanation.words, self.explanation.verdict
        gap = [Content("")] * is_wide(self)
        lines = Content(verdict).wrap(width)
        if words:
            lines += gap
            lines += [*_effect_lines(words, width, is_ascii=self.app.has_class("-ascii")), *gap]
            note = f"Points: what “{self.explanation.label}” loses when the word is left out."
            lines += Content.styled(note, "$faint").wrap(width)
        return lines


def _effect_lines(words: Sequence[WordPoints], width: int, *, is_ascii: bool) -> list[Content]:
    """A heading, and a row for each word with a bar on either side of an axis."""
    word_cells = min(MAX_WORD_CELLS, max(4, *(cell_len(word) for word, _ in words)))
    side = max(MIN_BAR_CELLS, (width - word_cells - 2 - POINTS_CELLS) // 2)
    scale = max(MIN_SCALE_POINTS, *(abs(points) for _, points in words))
    axis = ASCII_AXIS if is_ascii else AXIS
    against, favour = f"{'against':>{side}}"[-side:], f"{'for':<{side}}"
    heading = f"{'word':<{word_cells}} {against} {favour}{'points':>{POINTS_CELLS}}"
    lines = [Content.styled(heading, "$muted")]
    for word, points in words:
        if cell_len(word) > word_cells:
            word = set_cell_size(word, word_cells - 1) + ("~" if is_ascii else "…")
        left = _half_bar(max(0, -points) / scale, side, is_ascii=is_ascii, from_right=True)
        right = _half_bar(max(0, points) / scale, side, is_ascii=is_ascii)
        lines.append(
            Content.assemble(
                f"{set_cell_size(word, word_cells)} ",
                left,
                (axis, "$muted"),
                right,
                f"{points:>+{POINTS_CELLS}}",
            )
        )
    return lines


def _half_bar(share: float, cells: int, *, is_ascii: bool, from_right: bool = False) -> Content:
    """A bar that begins at the axis."""
    halves = round(share * cells * 2)
    full, track = (ASCII_FULL, ASCII_TRACK) if is_ascii else (FULL, TRACK)
    odd = halves % 2
    if from_right:
        filled = ("" if not odd else full if is_ascii else "╺") + full * (halves // 2)
        return Content.assemble((track * (cells - len(filled)), "$rule"), (filled, "$accent"))
    filled = full * (halves // 2) + ("" if not odd else full if is_ascii else HALF)
    return Content.assemble((filled, "$secondary"), (track * (cells - len(filled)), "$rule"))
