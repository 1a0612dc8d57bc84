"""The rows of the Export dialog, and the list of formats with why some cannot be chosen."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from core.export.targets import FORMATS, TARGETS
from tui.common.sanitize import one_line
from tui.runs.export_choices import FORMAT, ROWS, ExportChoices

LABEL_CELLS = 11
NAME_CELLS = 8
MAX_REASON_LINES = 2  # of a format in the list


class ExportChanged(Message):
    """Another value was chosen."""


class ExportForm(Widget, can_focus=True):
    """One row for each choice with all its values; arrows and clicks choose.

    Args:
        choices: its state.
    """

    DEFAULT_CSS = f"ExportForm {{ height: {len(ROWS)}; width: 1fr; }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Setting", show=False, tooltip="Choose a setting"),
        Binding("down", "move(1)", "Setting", show=False, tooltip="Choose a setting"),
        Binding("left", "change(-1)", "Change", show=False, tooltip="Change the setting"),
        Binding("right,space", "change(1)", "Change", show=False, tooltip="Change the setting"),
    ]

    class Left(Message):
        """The cursor was moved below the last row."""

    def __init__(self, choices: ExportChoices) -> None:
        super().__init__()
        self._choices = choices
        self._places: dict[str, list[tuple[int, int, str]]] = {}  # columns of values, by row

    def render(self) -> Content:
        """All rows."""
        return Content("\n").join(self._draw_row(row) for row in ROWS)

    def _draw_row(self, row: str) -> Content:
        choices, places = self._choices, []
        is_here = self.has_focus and row == choices.row
        label_style = "bold $ink" if is_here else "$muted"
        line = Content.assemble(
            ("› " if is_here else "  ", "bold $primary"), (f"{row:<{LABEL_CELLS}}", label_style)
        )
        for value in choices.values(row):
            start = line.cell_length
            if value == choices.value(row):
                mark = "bold $primary" if is_here else "$muted"
                line = Content.assemble(line, ("‹ ", mark), (value, "bold $ink"), (" ›  ", mark))
            else:
                line = Content.assemble(line, (f"{value}  ", "$muted"))
            places.append((start, line.cell_length, value))
        self._places[row] = places
        line = Content.assemble(line, (choices.note(row), "$faint"))
        width = self.size.width
        line = line.truncate(width, ellipsis=True)
        return line.pad_right(max(0, width - line.cell_length)).stylize(
            "on $cursor" if is_here else ""
        )

    def action_move(self, by: int) -> None:
        """Move the cursor; below the last row is the path."""
        if not self._choices.move(by) and by > 0:
            self.post_message(self.Left())
        self.refresh()

    def action_change(self, by: int) -> None:
        """Choose the next or the previous value."""
        self._choices.change(by)
        self._changed()

    def _changed(self) -> None:
        self.refresh()
        self.post_message(ExportChanged())

    def on_click(self, event: Click) -> None:
        """Choose the value under the pointer, or only its row."""
        event.stop()
        if not 0 <= event.y < len(ROWS):
            return
        self._choices.row = row = ROWS[event.y]
        for start, end, value in self._places.get(row, ()):
            if start <= event.x < end:
                self._choices.choose(row, value)
        self._changed()


class FormatList(Widget):
    """What each format is, or why it cannot be chosen; a click chooses it.

    Args:
        choices: the state of the form.
    """

    DEFAULT_CSS = "FormatList { height: auto; width: 1fr; }"

    def __init__(self, choices: ExportChoices) -> None:
        super().__init__()
        self._choices = choices

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each format, or two where there is room for its reason."""
        return len(self._lines(width))

    def render(self) -> Content:
        """All formats."""
        lines = self._lines(self.size.width)
        return Content("\n").join(line for line, _ in lines)

    def _lines(self, width: int) -> list[tuple[Content, str]]:
        """The lines, each with its format."""
        choices, limit = self._choices, MAX_REASON_LINES
        if self.screen.has_class("-short"):
            limit = 1
        lines: list[tuple[Content, str]] = []
        for target in TARGETS:
            refusal = choices.options.refusals.get(target, "")
            is_chosen = target == choices.target
            sign = ("! ", "bold $warning") if refusal else ("◆ " if is_chosen else "  ", "$primary")
            name = (f"{target:<{NAME_CELLS}}", "bold $ink" if is_chosen else "$muted")
            style = "$faint" if refusal else "$muted"
            words = Content.styled(one_line(refusal or FORMATS[target].title), style)
            room = max(10, width - NAME_CELLS - 2)
            parts = words.wrap(room)
            if len(parts) > limit:
                rest = Content(" ").join(part.rstrip() for part in parts[limit - 1 :])
                parts = [*parts[: limit - 1], rest.truncate(room, ellipsis=True)]
            for number, part in enumerate(parts):
                head = (" " * (NAME_CELLS + 2),) if number else (sign, name)
                lines.append((Content.assemble(*head, part), target))
        return lines

    def on_click(self, event: Click) -> None:
        """Choose the format under the pointer."""
        lines = self._lines(self.size.width)
        if 0 <= event.y < len(lines):
            self._choices.choose(FORMAT, lines[event.y][1])
            self.post_message(ExportChanged())
