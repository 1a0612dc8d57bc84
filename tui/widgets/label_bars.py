"""The labels of a text as rows with bars, in the styles of `ConversationView`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from tui.chat.classification import LabelRow
from tui.common.format import percent
from tui.common.wrapping import Piece
from tui.plot.bars import bar

LABEL_STYLES = LABEL, LABEL_BEST, BAR, BAR_BEST, TRACK = (
    "label",
    "label-best",
    "label-bar",
    "label-bar-best",
    "label-track",
)
MARK, ASCII_MARK = "› ", "> "
MAX_LABEL_CELLS, MAX_BAR_CELLS, PERCENT_CELLS, GAP_CELLS = 24, 60, 6, 2


def label_pieces(rows: Sequence[LabelRow], width: int, *, is_ascii: bool = False) -> list[Piece]:
    """A line for each label: the likeliest marked and bold, its bar, its probability.

    Args:
        width: of the lines, in cells.
    """
    label_cells = min(MAX_LABEL_CELLS, max(cell_len(row.text) for row in rows))
    rest = width - len(MARK) - label_cells - GAP_CELLS - PERCENT_CELLS
    bar_cells = min(MAX_BAR_CELLS, rest)
    pieces: list[Piece] = []
    for number, row in enumerate(rows):
        label, style = (LABEL_BEST, BAR_BEST) if row.is_best else (LABEL, BAR)
        mark = (ASCII_MARK if is_ascii else MARK) if row.is_best else " " * len(MARK)
        text, newline = row.text, "\n" if number else ""
        if cell_len(text) > label_cells:
            text = set_cell_size(text, label_cells - 1) + ("~" if is_ascii else "…")
        pieces.append((f"{newline}{mark}{set_cell_size(text, label_cells)}", label))
        if bar_cells > 0:
            drawn = bar(row.share, bar_cells, is_ascii=is_ascii)
            filled = drawn.plain.rstrip("-" if is_ascii else "─")
            pieces += [(" " * GAP_CELLS, ""), (filled, style)]
            pieces.append((drawn.plain[len(filled) :], TRACK))
        pieces.append((f"{percent(row.share):>{PERCENT_CELLS}}", label))
    return [piece for piece in pieces if piece[0]]
