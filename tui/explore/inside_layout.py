"""Which panels Inside shows in a terminal, how large they are, and the columns of attention."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from tui.common.terminal import WIDE_COLUMNS
from tui.explore.head_grid import fit_head_grid
from tui.explore.inside_view import OTHERS, InsideView
from tui.explore.layers import token_name

LENS, ATTENTION, HEADS = "lens", "attention", "heads"
PARTS = (LENS, ATTENTION, HEADS)
STACKED_ROWS = 36  # from here on narrow screens show all parts, one below the other
BORDER_ROWS, BORDER_CELLS, RULE_ROWS = 2, 4, 1
MIN_HEADS_ROWS, MIN_ATTENTION_CELLS, MAX_ATTENTION_SHARE = 3, 36, 0.45
HEADER_ROWS = 1  # above the tokens of a map
NAME_CELLS = 9  # of a token before its row, with the mark and a gap
MIN_LAYER_CELLS = 7
MIN_COLUMN_CELLS, MAX_COLUMN_CELLS = 4, 9  # of attention, where all columns fit


@dataclass(frozen=True)
class InsideLayout:
    """The panels and their sizes; those without a size share what is left.

    Attributes:
        shown: the panels that have room.
        is_stacked: whether lens and attention are one below the other.
        rows: of tokens in each map.
        heads_rows: of the panel of all heads, with its border.
        attention_cells: of the panel of attention, with its border.
    """

    shown: tuple[str, ...]
    is_stacked: bool
    rows: int
    heads_rows: int | None = None
    attention_cells: int | None = None


def arrange(
    view: InsideView, width: int, height: int, part: str, *, is_alone: bool
) -> InsideLayout:
    """Divide the room for all panels.

    Args:
        width, height: of the room in cells.
        part: the panel with the focus.
        is_alone: whether only that one is shown.
    """
    is_wide = width >= WIDE_COLUMNS
    around = HEADER_ROWS + (BORDER_ROWS if is_wide else RULE_ROWS)
    if is_alone:
        return InsideLayout((part,), False, max(1, height - around))
    is_stacked = not is_wide and height >= STACKED_ROWS
    heads = _heads_rows(view, width, height)
    rows = height - heads
    if is_stacked:
        return InsideLayout(PARTS, True, max(1, rows // 2 - around))
    rows = max(1, rows - around)
    if is_wide:
        return InsideLayout(PARTS, False, rows, heads, attention_cells(view, width))
    if part == HEADS:
        return InsideLayout((HEADS,), False, rows)
    return InsideLayout((part, HEADS), False, rows, heads)


def _heads_rows(view: InsideView, width: int, height: int) -> int:
    """Rows of the panel of all heads: what its largest maps need, but not more than half.

    Where the panels take turns, it shows the names only.
    """
    layers, heads, is_wide = view.reply.layers, view.reply.heads, width >= WIDE_COLUMNS
    around = BORDER_ROWS if is_wide else RULE_ROWS
    cells = width - (BORDER_CELLS if is_wide else 0)
    if not is_wide and height < STACKED_ROWS:
        names = fit_head_grid(layers, heads, view.count, cells, 0)
        return min(names.height, max(MIN_HEADS_ROWS, height // 3)) + RULE_ROWS
    tokens = (HEADER_ROWS + view.count + around) * (1 if is_wide else 2)
    room = max(height // 2, height - tokens) - around
    return fit_head_grid(layers, heads, view.count, cells, room).height + around


def attention_cells(view: InsideView, width: int) -> int:
    """Columns of the attention panel; the lens has the rest, and at least all its layers."""
    needed = NAME_CELLS + column_cells(view) * (view.columns + view.has_others)
    lens = BORDER_CELLS + NAME_CELLS + MIN_LAYER_CELLS * (view.reply.layers + 1)
    most = min(int(width * MAX_ATTENTION_SHARE), width - lens)
    return max(MIN_ATTENTION_CELLS, min(BORDER_CELLS + needed, most))


@dataclass(frozen=True)
class AttentionColumns:
    """The columns of an attention map.

    Attributes:
        first, last: tokens with a column.
        cell: cells of each.
        has_others: whether the first column is the sum over all other tokens.
    """

    first: int
    last: int
    cell: int
    has_others: bool

    @property
    def tokens(self) -> range:
        """The tokens with a column."""
        return range(self.first, self.last + 1)

    def numbers(self) -> list[int]:
        """The columns, OTHERS first if shown."""
        return [OTHERS] * self.has_others + list(self.tokens)


def column_cells(view: InsideView) -> int:
    """The cells of a column that shows its token's name in full, within limits."""
    longest = max(cell_len(token_name(token.text, plain=False)) for token in view.tokens)
    return max(MIN_COLUMN_CELLS, min(MAX_COLUMN_CELLS, longest + 1))


def fit_attention_columns(view: InsideView, rows: range, width: int) -> AttentionColumns:
    """The widest cells with which all tokens up to the last row fit, or at least those in view.

    Of an encoder all tokens and padding; where they do not fit, those around the chosen token.
    """
    last = view.columns - 1 if view.reply.both_ways else max(rows.stop - 1, 0)
    for cell in range(column_cells(view), 1, -1):
        if (last + 1 + view.has_others) * cell <= width + 1:  # no gap after the last
            return AttentionColumns(0, last, cell, view.has_others)
    for cell in (3, 2, 1):
        fitting = max(1, (width + 1) // cell - 1)
        if fitting >= min(len(rows), last + 1) or cell == 1:
            if view.reply.both_ways:
                last = min(last, max(fitting - 1, view.row + fitting // 2))
            first = max(0, last + 1 - fitting)
            is_whole = first == 0 and last >= view.columns - 1
            has_others = view.has_others or first > 0 or (view.reply.both_ways and not is_whole)
            return AttentionColumns(first, last, cell, has_others)
    raise AssertionError("the last width always fits")
