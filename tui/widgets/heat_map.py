"""Heat maps over tokens: what each layer predicts, and what a head attends to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.explore.inside_layout import (
    HEADER_ROWS,
    MIN_LAYER_CELLS,
    NAME_CELLS,
    fit_attention_columns,
)
from tui.explore.inside_view import OTHERS, InsideView
from tui.explore.layers import (
    HEAT_LEVELS,
    NEGLIGIBLE_WEIGHT,
    heat_level,
    lens_cell,
    strongest_weights,
    token_name,
    weight_digit,
    whole_percent,
)
from tui.plot.bars import ASCII_FULL, ASCII_TRACK, FULL, TRACK

Row = Sequence[tuple[str, str]]  # parts of a line: the text, and the name of its style
PLAIN, LABEL, NAME, CHOSEN, FAINT, OFF = "plain", "label", "name", "chosen", "faint", "off"
BAR, TRACK_LINE = "bar", "track"
STYLES = (PLAIN, LABEL, NAME, CHOSEN, FAINT, OFF, BAR, TRACK_LINE)
MAX_LAYER_CELLS = 24
BLOCKS = " ░▒▒▓█"  # by shade
SCROLL_ROWS = 2
MIN_BAR_ROWS, MAX_BARS = 4, 8
BAR_NAME_CELLS, BAR_SHARE_CELLS, MAX_BAR_CELLS = 14, 6, 40


class HeatMap(Widget, can_focus=True):
    """A part of Inside that draws an `InsideView` line by line.

    Args:
        id: of the widget.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"heat-map--{name}" for name in STYLES),
        *(f"heat-map--heat{level}" for level in range(HEAT_LEVELS)),
    }
    DEFAULT_CSS = """
    HeatMap { height: 1fr; }
    HeatMap > .heat-map--plain { color: $ink; }
    HeatMap > .heat-map--label { color: $muted; }
    HeatMap > .heat-map--name { color: $ink; text-style: bold; }
    HeatMap > .heat-map--chosen { color: $primary; text-style: bold; }
    HeatMap > .heat-map--faint { color: $faint; }
    HeatMap > .heat-map--off { color: $warning; text-style: bold; }
    HeatMap > .heat-map--bar { color: $secondary; }
    HeatMap > .heat-map--track { color: $rule; }
    HeatMap > .heat-map--heat0 { background: $heat0; color: $muted; }
    HeatMap > .heat-map--heat1 { background: $heat1; color: $muted; }
    HeatMap > .heat-map--heat2 { background: $heat2; color: auto; }
    HeatMap > .heat-map--heat3 { background: $heat3; color: auto; }
    HeatMap > .heat-map--heat4 { background: $heat4; color: auto; }
    HeatMap > .heat-map--heat5 { background: $heat5; color: auto; }
    """

    @dataclass
    class CellChosen(Message):
        """A click on a cell; what is None stays as it is.

        Attributes:
            at: position of the token.
            layer, head: from 0.
        """

        at: int | None = None
        layer: int | None = None
        head: int | None = None

    class Opened(Message):
        """A double click."""

    @dataclass
    class Scrolled(Message):
        """A turn of the wheel, by so many rows."""

        rows: int

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: InsideView | None = None
        self._strips: list[Strip] | None = None
        self._styles: dict[str, Style] = {}

    @property
    def is_plain(self) -> bool:
        """Whether only ASCII characters may be drawn."""
        return self.app.has_class("-ascii")

    @property
    def has_shades(self) -> bool:
        """Whether the theme has colours of its own; one of the terminal's colours has none."""
        return not self.app.current_theme.ansi

    @property
    def mark(self) -> str:
        """The sign of the chosen row, column or head."""
        return ">" if self.is_plain else "›"

    def show(self, view: InsideView) -> None:
        """Draw this view."""
        self.view = view
        self._strips = None
        self.refresh()

    def notify_style_update(self) -> None:
        """Redraw everything in another theme."""
        self._strips = None
        self._styles.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Refit the cells."""
        self._strips = None

    def draw(self, view: InsideView, width: int, height: int) -> list[Row]:
        """The lines of this part."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, height = self.size
        if self.view is None:
            return Strip.blank(width, self.rich_style)
        if self._strips is None:
            rows = self.draw(self.view, width, height)
            self._strips = [self._strip(row, width) for row in rows]
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(width, self.rich_style)

    def _strip(self, row: Row, width: int) -> Strip:
        strip = Strip([Segment(text, self._style(name)) for text, name in row])
        return strip.adjust_cell_length(width, self.rich_style)

    def _style(self, name: str) -> Style:
        """The style of a name: one of `STYLES`, heat0 to heat5, block0 to block5, half1,2."""
        if name not in self._styles:
            self._styles[name] = self.rich_style + self._named_style(name)
        return self._styles[name]

    def _named_style(self, name: str) -> Style:
        if name.startswith("block"):
            level = int(name.removeprefix("block"))
            return Style(color=self._heat_colour(max(2, level))) if self.has_shades else Style()
        if name.startswith("half"):
            upper, _, lower = name.removeprefix("half").partition(",")
            return Style(color=self._heat_colour(int(upper)), bgcolor=self._heat_colour(int(lower)))
        if name.startswith("heat") and not self.has_shades:
            return Style()
        return self.get_component_rich_style(f"heat-map--{name}")

    def _heat_colour(self, level: int) -> Color | None:
        """The colour of a shade; none at all has that of the background."""
        if not level:
            return self.rich_style.bgcolor
        return self.get_component_styles(f"heat-map--heat{level}").background.rich_color

    def choose(self, x: int, y: int) -> None:
        """Post what is at a cell of this widget."""
        raise NotImplementedError

    def on_click(self, event: Click) -> None:
        """Choose what was clicked; a double click opens it."""
        if self.view is not None:
            self.choose(event.x, event.y) if event.chain == 1 else self.post_message(self.Opened())

    def token_of_row(self, y: int) -> int | None:
        """The position of the token at a row of this widget."""
        view = self.view
        if view is None or y < HEADER_ROWS:
            return None
        row = view.top + y - HEADER_ROWS
        return view.first + row if row < view.count else None

    def row_name(self, view: InsideView, row: int) -> tuple[str, str]:
        """The name of a token before its row."""
        name = token_name(view.tokens[row].text, plain=self.is_plain)
        is_chosen = row == view.row
        text = set_cell_size((self.mark if is_chosen else " ") + name, NAME_CELLS - 1) + " "
        return text, CHOSEN if is_chosen else NAME

    def _chosen_name(self, view: InsideView) -> str:
        return token_name(view.tokens[view.row].text, plain=self.is_plain)

    def bar_rows(
        self, title: str, shares: Sequence[tuple[str, float]], width: int, rows: int
    ) -> list[Row]:
        """Shares as bars below the map, where there are rows to spare.

        Args:
            rows: that are not used yet.
        """
        if rows < MIN_BAR_ROWS:
            return []
        cells = max(1, min(MAX_BAR_CELLS, width - BAR_NAME_CELLS - BAR_SHARE_CELLS - 3))
        full, track = (ASCII_FULL, ASCII_TRACK) if self.is_plain else (FULL, TRACK)
        lines: list[Row] = [[], [(f" {title}", LABEL)]]
        for number, (text, share) in enumerate(shares[: min(MAX_BARS, rows - 2)]):
            name = token_name(text, plain=self.is_plain)
            filled = round(share * cells)
            lines.append(
                [
                    (" " + set_cell_size(name, BAR_NAME_CELLS), PLAIN if number else NAME),
                    (full * filled, BAR),
                    (track * (cells - filled), TRACK_LINE),
                    (f"{whole_percent(share):>{BAR_SHARE_CELLS}}", PLAIN if number else NAME),
                ]
            )
        return lines

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Show earlier tokens."""
        event.stop()
        self.post_message(self.Scrolled(-SCROLL_ROWS))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Show later tokens."""
        event.stop()
        self.post_message(self.Scrolled(SCROLL_ROWS))


def rows_in_view(view: InsideView, height: int) -> range:
    """The rows below the header."""
    return range(view.top, min(view.count, view.top + max(0, height - HEADER_ROWS)))


class LensMap(HeatMap):
    """What each layer predicts after each token (logit lens)."""

    def draw(self, view: InsideView, width: int, height: int) -> list[Row]:
        """A header with the layers, and a row for each token in view."""
        layers, cell = self._columns(view, width)
        both_ways = view.reply.both_ways
        header = [(f"{' at' if both_ways else ' after':<{NAME_CELLS}}", LABEL)]
        for column in layers:
            is_chosen = column == view.layer + 1
            name = f"{self.mark if is_chosen else ' '}{column or 'input'}"
            if column == view.reply.layers and cell >= MIN_LAYER_CELLS + 4:
                name += " predicts"
            header.append((set_cell_size(name, cell), CHOSEN if is_chosen else LABEL))
        rows: list[Row] = [header]
        for row in rows_in_view(view, height):
            parts = [self.row_name(view, row)]
            for column in layers:
                prediction = view.reply.lens[row][column]
                text = lens_cell(prediction, cell - 1, plain=self.is_plain)
                parts += [(text, f"heat{heat_level(prediction.probability)}"), (" ", PLAIN)]
            rows.append(parts)
        shares = [(token.text, token.probability) for token in view.predictions]
        title = "in the place of" if both_ways else "next token after"
        title += f" {self._chosen_name(view)}"
        return rows + self.bar_rows(title, shares, width, height - len(rows))

    def _columns(self, view: InsideView, width: int) -> tuple[range, int]:
        """The columns shown, 0 for the input, and the cells of each with its gap."""
        count, room = view.reply.layers + 1, width - NAME_CELLS
        fitting = max(1, min(count, room // MIN_LAYER_CELLS))
        first = max(0, min(view.layer + 1 - fitting // 2, count - fitting))
        cell = max(2, min(MAX_LAYER_CELLS, room // fitting))
        return range(first, first + fitting), cell

    def choose(self, x: int, y: int) -> None:
        """Post the token and the layer."""
        assert self.view is not None
        layers, cell = self._columns(self.view, self.size.width)
        number = (x - NAME_CELLS) // cell
        layer = layers[number] - 1 if 0 <= number < len(layers) else -1
        at = self.token_of_row(y)
        self.post_message(self.CellChosen(at=at, layer=layer if layer >= 0 else None))


class AttentionMap(HeatMap):
    """How much the chosen head of each token, a row, attends to each token, a column."""

    def draw(self, view: InsideView, width: int, height: int) -> list[Row]:
        """A header with the tokens, and a row for each token in view."""
        in_view = rows_in_view(view, height)
        columns = fit_attention_columns(view, in_view, width - NAME_CELLS)
        header = [(" " * NAME_CELLS, LABEL)]
        for column in columns.numbers():
            name = self._column_name(view, column, columns.cell)
            header.append((name, CHOSEN if column == view.row else LABEL))
        rows: list[Row] = [header]
        for row in in_view:
            parts = [self.row_name(view, row)]
            for column in columns.numbers():
                if column <= row or view.reply.both_ways:
                    weight = view.weight(row, column, columns.tokens)
                    parts += self._cell(weight, columns.cell, is_pad=column >= view.count)
            rows.append(parts)
        title = f"{self._chosen_name(view)} looks at"
        return rows + self.bar_rows(title, strongest_weights(view), width, height - len(rows))

    def _column_name(self, view: InsideView, column: int, cell: int) -> str:
        if column == OTHERS:
            name = ".." if self.is_plain else "‹›" if view.reply.both_ways else "‹‹"
        elif column >= view.count:
            name = "pad"
        else:
            name = token_name(view.tokens[column].text, plain=self.is_plain).strip("<>")
        return set_cell_size(name, max(1, cell - 1)) + " " * (cell > 1)

    def _cell(self, weight: float, cell: int, *, is_pad: bool) -> list[tuple[str, str]]:
        """Blocks and a digit in tenths; where there is no room, a digit on the shade.

        Padding, to which nothing attends, stays empty.
        """
        if is_pad and weight == 0:
            return [(" " * cell, PLAIN)]
        digit, level = weight_digit(weight, plain=self.is_plain), heat_level(weight)
        if weight < NEGLIGIBLE_WEIGHT:
            return [(f"{digit:>{max(1, min(3, cell - 1))}}".ljust(cell), FAINT)]
        if cell <= 2:
            return [(digit, f"heat{level}"), (" " * (cell - 1), PLAIN)]
        block, cells = " " if self.is_plain else BLOCKS[max(1, level)], min(2, cell - 2)
        gap = " " * (cell - cells - 1)
        return [(block * cells, f"block{level}"), (digit, NAME), (gap, PLAIN)]

    def choose(self, x: int, y: int) -> None:
        """Post the token of the row."""
        if (at := self.token_of_row(y)) is not None:
            self.post_message(self.CellChosen(at=at))
