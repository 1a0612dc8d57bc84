"""A table of the tokens that could be in a blank: by the encoder, a decoder, and the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content

from tui.common.format import PLAIN_SPACE, SPACE, mark_spaces
from tui.explore.blank_rows import UNKNOWN, BlankRow, share_text
from tui.plot.bars import bar
from tui.widgets.row_list import RowList

MARK_CELLS, RANK_CELLS, PERCENT_CELLS, COUNT_CELLS = 2, 3, 7, 8
MIN_TOKEN_CELLS, MAX_TOKEN_CELLS, MIN_BAR_CELLS = 10, 24, 5
GAP = "  "
ORIGINAL_SIGN = " ←"
ENCODER_STYLE, DECODER_STYLE = "$secondary", "$accent"


@dataclass(frozen=True)
class BlankColumns:
    """Column widths in cells; bars are 0 where there is no room."""

    token: int
    encoder_bar: int
    decoder_bar: int


def fit_columns(width: int, *, has_decoder: bool) -> BlankColumns:
    """The columns that fill a width."""
    shares = 1 + has_decoder
    fixed = (
        MARK_CELLS + RANK_CELLS + 1 + (PERCENT_CELLS + len(GAP)) * shares + COUNT_CELLS + len(GAP)
    )
    rest = max(0, width - fixed)
    token = max(MIN_TOKEN_CELLS, min(MAX_TOKEN_CELLS, rest // 3))
    bar_cells = max(0, rest - token) // shares
    bar_cells = bar_cells if bar_cells >= MIN_BAR_CELLS else 0
    return BlankColumns(token, bar_cells, bar_cells if has_decoder else 0)


@dataclass(frozen=True)
class BlankContent:
    """What the table shows.

    Attributes:
        rows: the tokens.
        has_decoder: whether there is a column for a decoder.
        is_hidden: whether only the tokens are shown, as in the game before an answer.
    """

    rows: Sequence[BlankRow] = ()
    has_decoder: bool = False
    is_hidden: bool = False


class BlankTable(RowList, inherit_bindings=False):
    """The tokens with a cursor; the screen's keys move it, as does the mouse."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="candidates")
        self._shown = BlankContent()

    @property
    def selected(self) -> BlankRow | None:
        """The token at the cursor."""
        return self._shown.rows[self.cursor] if self._shown.rows else None

    @property
    def row_count(self) -> int:
        return len(self._shown.rows)

    def show(self, content: BlankContent) -> None:
        """Show these tokens; if they are others than before, the cursor goes to the first."""
        if content == self._shown:
            return
        same = [row.id for row in content.rows] == [row.id for row in self._shown.rows]
        self._shown = content
        self.rows_changed(None if same else 0)

    def draw_heading(self, width: int) -> Content:
        content = self._shown
        if not content.rows:
            return Content("")
        width = self.scrollable_content_region.width  # without the scrollbar
        columns = fit_columns(width, has_decoder=content.has_decoder)
        if content.is_hidden:
            return Content.styled(f"{'':{MARK_CELLS}}type the word, or choose one", "$muted")
        words = f"{'':{MARK_CELLS}}{'':>{RANK_CELLS}} {'token':<{columns.token}}"
        words += _heading("encoder", columns.encoder_bar)
        if content.has_decoder:
            words += _heading("decoder", columns.decoder_bar)
        words += f"{GAP}{'corpus':>{COUNT_CELLS}}"
        return Content.styled(words, "$muted").truncate(width)

    def draw_row(self, index: int, width: int) -> Content:
        content, row = self._shown, self._shown.rows[index]
        plain = self.app.has_class("-ascii")
        width = self.scrollable_content_region.width  # without the scrollbar
        columns = fit_columns(width, has_decoder=content.has_decoder)
        if content.is_hidden:
            text = mark_spaces(row.text.strip(), PLAIN_SPACE if plain else SPACE)
            return Content.assemble(" " * MARK_CELLS, (text, "bold $ink")).truncate(width)
        count = UNKNOWN if row.count is None else f"{row.count:,}"
        parts: list[Content | str | tuple[str, str]] = [
            " " * MARK_CELLS,
            (f"{index + 1:>{RANK_CELLS},} ", "$muted"),
            _token(row, columns.token, plain=plain),
            *_share(row.encoder, columns.encoder_bar, ENCODER_STYLE, plain=plain),
        ]
        if content.has_decoder:
            parts += _share(row.decoder, columns.decoder_bar, DECODER_STYLE, plain=plain)
        parts.append((f"{GAP}{count:>{COUNT_CELLS}}", "$muted" if row.count else "$faint"))
        return Content.assemble(*parts).truncate(width)


def _heading(name: str, bar_cells: int) -> str:
    if not bar_cells:
        return f"{GAP}{name:>{PERCENT_CELLS}}"
    return f"{GAP}{name:<{bar_cells + PERCENT_CELLS}}"


def _token(row: BlankRow, width: int, *, plain: bool) -> Content:
    """The token, and a sign if it is the one that was masked; cut to a width."""
    text = mark_spaces(row.text.removeprefix(" ") or row.text, PLAIN_SPACE if plain else SPACE)
    sign = ORIGINAL_SIGN if row.is_original else ""
    room = width - len(sign)
    if cell_len(text) > room:
        text = set_cell_size(text, room - 1) + "…"
    blank = " " * max(0, room - cell_len(text))
    return Content.assemble((text, "bold $ink"), (sign, "bold $primary"), blank)


def _share(
    share: float | None, bar_cells: int, style: str, *, plain: bool
) -> list[Content | str | tuple[str, str]]:
    drawn = bar(share or 0.0, bar_cells, style, is_ascii=plain)
    return [
        GAP,
        drawn,
        (f"{share_text(share):>{PERCENT_CELLS}}", "$faint" if share is None else "$ink"),
    ]
