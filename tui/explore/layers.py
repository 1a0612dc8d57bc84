"""The Inside view as text: the prediction of every layer, and the attention weights of a head.

Everything is rendered from the model server's `InsideReply` for one position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.server.replies import InsideReply
from core.server.tokens import TokenProbability
from tui.common.format import CHOSEN, COPIED, PLAIN_SPACE, SPACE, visible
from tui.common.sanitize import one_line
from tui.common.wrapping import Piece
from tui.explore.candidates import percent

NEGLIGIBLE_WEIGHT = 0.05  # below, an attention weight is shown as a dot
STRONG_WEIGHT = 0.15  # from here on a token is marked in the text
MARK_CELLS, LAYER_CELLS, PERCENT_CELLS, GAP_CELLS = 2, 6, 7, 2
MAX_COLUMN_CELLS, MIN_COLUMN_CELLS = 9, 2
CROWDED_COLUMN_CELLS = 5  # where not all tokens have a column


def position(reply: InsideReply) -> int:
    """Return the index in the text of the inspected token."""
    return reply.positions[-1]


def window_index(reply: InsideReply) -> int:
    """Return its index in the window; it attends to the tokens up to itself."""
    return [token.position for token in reply.window].index(position(reply))


def window_positions(reply: InsideReply) -> range:
    """Return the indices in the text of the window's tokens."""
    first = position(reply) - window_index(reply)
    return range(first, first + len(reply.window))


def weight_digit(weight: float, *, plain: bool) -> str:
    """Return an attention weight in tenths, 9 for all of it; a dot if negligible."""
    if weight < NEGLIGIBLE_WEIGHT:
        return "." if plain else "·"
    return str(min(9, max(1, round(10 * weight))))


@dataclass(frozen=True)
class LayerColumns:
    """The columns of the table.

    Attributes:
        tokens: indices in the window of the tokens that have a column, rising.
        width: cells of each of them.
        prediction: cells of a layer's prediction.
    """

    tokens: tuple[int, ...]
    width: int
    prediction: int


def fit_columns(reply: InsideReply, layer: int, width: int) -> LayerColumns:
    """Choose columns: every token up to the position, or those with the largest weights.

    Args:
        layer: whose weights count, from 0.
        width: cells of a row.
    """
    prediction = max(10, min(20, width // 5))
    fixed = MARK_CELLS + LAYER_CELLS + prediction + PERCENT_CELLS + GAP_CELLS
    left = max(MIN_COLUMN_CELLS, width - fixed)
    count = window_index(reply) + 1
    longest = max(cell_len(_name(token.text, plain=False)) for token in reply.window[:count])
    if count * MIN_COLUMN_CELLS <= left:
        column = min(MAX_COLUMN_CELLS, longest + 1, left // count)
        return LayerColumns(tuple(range(count)), column, prediction)
    most = max(1, left // CROWDED_COLUMN_CELLS)
    weights = reply.attention_by_layer[layer]
    # The position itself always has a column; of equal weights the later token comes first.
    ranked = sorted(range(count - 1), key=lambda index: (-weights[index], -index))
    return LayerColumns(
        tuple(sorted([*ranked[: most - 1], count - 1])), CROWDED_COLUMN_CELLS, prediction
    )


def layer_table(
    reply: InsideReply, layer: int, head: int | None, columns: LayerColumns, *, plain: bool
) -> Content:
    """Render the names of the tokens, then the embedding and every layer, one per row."""
    lead = MARK_CELLS + LAYER_CELLS + columns.prediction + PERCENT_CELLS + GAP_CELLS
    attention = "attention, mean of heads" if head is None else f"attention of head {head + 1}"
    title = f"{'':{MARK_CELLS}}{'layer':<{LAYER_CELLS}}{'prediction':<{columns.prediction}}"
    names = "".join(
        _cell(_name(reply.window[index].text, plain=plain), columns.width)
        for index in columns.tokens
    )
    lines = [
        Content.styled(f"{'':{lead}}{attention}", "dim"),
        Content.styled(f"{title:<{lead}}{names}", "dim"),
    ]
    rows: list[Sequence[float] | None] = [None, *reply.attention_by_layer]
    for number, (prediction, weights) in enumerate(zip(reply.lens[-1], rows, strict=True)):
        lines.append(_row(number, prediction, weights, layer, columns, plain=plain))
    return Content("\n").join(lines)


def _row(
    number: int,
    prediction: TokenProbability,
    weights: Sequence[float] | None,
    layer: int,
    columns: LayerColumns,
    *,
    plain: bool,
) -> Content:
    here = number == layer + 1
    mark = (">" if plain else "›") if here else ""
    text = _cell(_name(prediction.text, plain=plain), columns.prediction)
    parts: list[Content | tuple[str, str]] = [
        (f"{mark:<{MARK_CELLS}}", "bold $primary"),
        (f"{number or 'input':<{LAYER_CELLS}}", "bold" if here else "dim"),
        (text, "bold" if here else ""),
        (f"{percent(prediction.probability):>{PERCENT_CELLS}}{'':{GAP_CELLS}}", ""),
    ]
    for index in columns.tokens if weights is not None else ():
        weight = weights[index] if weights is not None else 0.0
        strong = weight >= STRONG_WEIGHT and here
        style = "bold $primary" if strong else "" if weight >= NEGLIGIBLE_WEIGHT else "dim"
        parts.append((f"{weight_digit(weight, plain=plain):<{columns.width}}", style))
    return Content.assemble(*parts)


def text_pieces(reply: InsideReply, layer: int, *, plain: bool) -> tuple[list[Piece], int]:
    """Render the window's tokens, the position in brackets, those with large weights marked.

    Returns:
        The pieces, and the index of the one with the position.
    """
    pieces: list[Piece] = []
    shown, view = window_index(reply), 0
    for index, token in enumerate(reply.window):
        name, style = _name(token.text, plain=plain), ""
        if index == shown:
            name, style, view = f"[{name}]", CHOSEN, len(pieces)
        elif index > shown:
            style = "muted"
        elif reply.attention_by_layer[layer][index] >= STRONG_WEIGHT:
            style = COPIED
        pieces += [(name, style), (" ", "")]
    return pieces, view


def prediction_line(reply: InsideReply, disabled: Sequence[tuple[int, int]]) -> str:
    """Describe the model's prediction, and its probability without the disabled heads.

    Args:
        disabled: heads that are switched off, each as layer and head.
    """
    token = one_line(reply.window[window_index(reply)].text)
    predicted = reply.ablation
    line = (
        f"after “{token}” ({position(reply) + 1:,}) the model predicts "
        f"“{one_line(predicted.text)}”, {percent(predicted.probability)}"
    )
    if not disabled:
        return line
    heads = ", ".join(f"{layer + 1}.{head + 1}" for layer, head in sorted(disabled))
    return f"{line}; without {heads}: {percent(predicted.probability_without)}"


def _name(token: str, *, plain: bool) -> str:
    return visible(token, PLAIN_SPACE if plain else SPACE)


def _cell(text: str, width: int) -> str:
    """Truncate to a width, with a gap behind."""
    return set_cell_size(text, width - 1) + " "
