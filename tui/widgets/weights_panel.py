"""The weights of a run in time: a dot for each, with its step and its loss, or one line of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from core.run.weights_ref import LAST
from tui.chat.timeline import WeightsPoint, choose_indices, shown_index
from tui.widgets.panel import Panel, is_wide

DOT, BEST_SIGN, SHOWN_SIGN, LINE = "●", "★", "◆", "─"
ASCII_DOT, ASCII_BEST_SIGN, ASCII_SHOWN_SIGN, ASCII_LINE = "o", "*", "@", "-"
MARK = "›"
HINT = ", older   . newer   b best "
NO_LOSS, NO_STEP = "-", "?"
NEWEST = "newest"
EMPTY = "no weights yet"


class WeightsPanel(Panel):
    """The weights with a title; see `WeightsRow` for its keys.

    Below 110 columns it has no rule of its own: it is the last line of the panel above it.
    """

    def __init__(self, title: str = "Weights", id: str | None = None) -> None:
        self.row = WeightsRow()
        super().__init__(self.row, title=title, id=id)

    class Chosen(Message):
        """Other weights were chosen.

        Attributes:
            weights: "last", "best" or a step.
        """

        def __init__(self, weights: str) -> None:
            super().__init__()
            self.weights = weights

    def on_mount(self) -> None:
        """Name the keys."""
        self.set_hint(HINT + (ASCII_BEST_SIGN if self.app.has_class("-ascii") else BEST_SIGN))

    def show(self, points: Sequence[WeightsPoint], weights: str, step: int | None) -> None:
        """Show these weights.

        Args:
            points: all weights, oldest first.
            weights, step: those in use.
        """
        self.row.show(points, weights, step)


class WeightsRow(Widget, can_focus=True):
    """The weights in time, those in use marked."""

    DEFAULT_CSS = "WeightsRow { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left", "choose(-1)", "Older, newer", key_display="←→", tooltip="Older or newer weights"
        ),
        Binding(
            "right", "choose(1)", "Newer", show=False, key_display="→", tooltip="Newer weights"
        ),
        Binding("home", "choose_end(0)", "Oldest", show=False, tooltip="The oldest weights"),
        Binding("end", "choose_end(-1)", "Newest", show=False, tooltip="The newest weights"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._points: tuple[WeightsPoint, ...] = ()
        self._shown: int | None = None
        self._unknown_step: int | None = None  # of the weights in use, if they are no point

    def show(self, points: Sequence[WeightsPoint], weights: str, step: int | None) -> None:
        """Show these weights."""
        before = self._points, self._shown, self._unknown_step
        self._shown = shown_index(points, weights, step)
        self._points = tuple(
            replace(point, step=step) if point.step is None and index == self._shown else point
            for index, point in enumerate(points)
        )
        self._unknown_step = step if self._shown is None else None
        if before != (self._points, self._shown, self._unknown_step):
            self.refresh()

    @property
    def points(self) -> tuple[WeightsPoint, ...]:
        """All weights, oldest first."""
        return self._points

    # Display

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Steps, signs and losses, or one line."""
        return 3 if is_wide(self) else 1

    def render(self) -> Content:
        """The weights that fit."""
        if not self._points:
            return Content.styled(EMPTY, "$faint")
        if is_wide(self):
            return self._columns()
        return Content.assemble(*[part for _, parts in self._line() for part in parts])

    @property
    def _is_ascii(self) -> bool:
        return self.app.has_class("-ascii")

    def _sign(self, index: int) -> tuple[str, str]:
        """The sign of weights, with its style."""
        is_ascii = self._is_ascii
        if index == self._shown:
            return ASCII_SHOWN_SIGN if is_ascii else SHOWN_SIGN, "bold $primary"
        if self._points[index].is_best:
            return ASCII_BEST_SIGN if is_ascii else BEST_SIGN, "$accent"
        return ASCII_DOT if is_ascii else DOT, "$muted"

    def _step_text(self, index: int) -> str:
        step = self._points[index].step
        return NO_STEP if step is None else f"{step:,}"

    def _loss_text(self, index: int) -> str:
        loss = self._points[index].loss
        return NO_LOSS if loss is None else f"{loss:.3f}"

    def _column_cells(self) -> int:
        """The width of a column: the widest step or loss, and a gap."""
        texts = (self._step_text, self._loss_text)
        return 1 + max(len(text(index)) for index in range(len(self._points)) for text in texts)

    def _column_indices(self) -> tuple[list[int], int]:
        """The weights that are drawn in columns, and the cells of a column."""
        width, needed = max(1, self.size.width), self._column_cells()
        indices = choose_indices(self._points, self._shown, max(1, width // needed))
        return indices, min(width // len(indices), 2 * needed)

    def _columns(self) -> Content:
        """Three rows: steps, signs on a line, losses."""
        indices, cells = self._column_indices()
        rows: list[list[tuple[str, str]]] = [[], [], []]
        line = ASCII_LINE if self._is_ascii else LINE
        for place, index in enumerate(indices):
            style = "bold $ink" if index == self._shown else "$muted"
            rows[0].append((f"{self._step_text(index):^{cells}}", style))
            rows[2].append(
                (f"{self._loss_text(index):^{cells}}", style if index == self._shown else "$faint")
            )
            left = (cells - 1) // 2
            right = cells - left - 1
            is_first, is_last = place == 0, place == len(indices) - 1
            rows[1] += [
                (" " * left if is_first else line * left, "$rule"),
                self._sign(index),
                (" " * right if is_last else line * right, "$rule"),
            ]
        return Content("\n").join(Content.assemble(*row) for row in rows)

    def _line(self) -> list[tuple[int, list[tuple[str, str]]]]:
        """The weights that fit as parts of one line, each with its index."""
        mark = MARK if self.has_focus else " "
        width, line = self.size.width - 1, ASCII_LINE if self._is_ascii else LINE
        for count in range(len(self._points), 0, -1):
            indices = choose_indices(self._points, self._shown, count)
            parts = [
                (index, self._line_parts(index, index == indices[-1], line)) for index in indices
            ]
            cells = sum(len(text) for _, texts in parts for text, _ in texts)
            if cells <= width or count == 1:
                break
        parts[0][1].insert(0, (mark, "bold $primary"))
        return parts

    def _line_parts(self, index: int, is_last: bool, line: str) -> list[tuple[str, str]]:
        is_shown = index == self._shown
        parts = [
            (f"{self._step_text(index)} ", "bold $primary" if is_shown else "$muted"),
            self._sign(index),
        ]
        if is_last:
            is_newest = self._points[index].weights == LAST
            return [*parts, (f" {NEWEST}", "$faint")] if is_newest else parts
        return [*parts, (f"{line} ", "$rule")]

    # Keys and mouse

    def action_choose(self, by: int) -> None:
        """Choose the weights before or after those in use."""
        if self._points:
            index = len(self._points) - 1 if self._shown is None else self._shown + by
            self._choose(max(0, min(len(self._points) - 1, index)))

    def action_choose_end(self, index: int) -> None:
        """Choose the oldest or the newest weights."""
        if self._points:
            self._choose(index % len(self._points))

    def _choose(self, index: int) -> None:
        if index != self._shown:
            self._shown = index
            self.refresh()
            self.post_message(WeightsPanel.Chosen(self._points[index].weights))

    def on_click(self, event: Click) -> None:
        """Choose the weights under the pointer."""
        if not self._points:
            return
        event.stop()
        if is_wide(self):
            indices, cells = self._column_indices()
            place = event.x // cells
            if place < len(indices):
                self._choose(indices[place])
            return
        end = 0
        for index, parts in self._line():
            end += sum(len(text) for text, _ in parts)
            if event.x < end:
                self._choose(index)
                return

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Choose older weights."""
        if self.has_focus:
            event.stop()
            self.action_choose(-1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Choose newer weights."""
        if self.has_focus:
            event.stop()
            self.action_choose(1)

    def on_focus(self) -> None:
        """Show the mark."""
        self.refresh()

    def on_blur(self) -> None:
        """Remove the mark."""
        self.refresh()
