"""A table of the tokens that could come next: rank, text, probability, corpus count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from core.server.tokens import CandidateToken
from tui.common.format import PLAIN_SPACE, SPACE, visible
from tui.explore.candidates import chance_text, corpus_count, percent

EIGHTHS = " ▏▎▍▌▋▊▉█"
HEADER_ROWS = 1
MARK_CELLS, RANK_CELLS, PERCENT_CELLS, CHANCE_CELLS, PINNED_CELLS = 2, 5, 6, 11, 8
COLUMN_GAP = "  "


@dataclass(frozen=True)
class TableColumns:
    """Column widths in cells.

    Attributes:
        token, bar, corpus: cells; the corpus has none where there is no room.
        pinned: whether there is a column for the pinned model.
    """

    token: int
    bar: int
    corpus: int
    pinned: bool


WIDE_CORPUS_CELLS, SHORT_CORPUS_CELLS = 20, 11


def fit_columns(width: int, pinned: bool) -> TableColumns:
    """Return columns that fill a width."""
    fixed = MARK_CELLS + RANK_CELLS + PERCENT_CELLS + CHANCE_CELLS + 3 * len(COLUMN_GAP) + 1
    rest = max(13, width - fixed - (PINNED_CELLS + len(COLUMN_GAP)) * pinned)
    corpus = WIDE_CORPUS_CELLS if rest >= 52 else SHORT_CORPUS_CELLS if rest >= 24 else 0
    token = max(9, min(24, (rest - corpus) // 2))
    return TableColumns(token, max(4, min(40, rest - corpus - token)), corpus, pinned)


def probability_bar(share: float, width: int, *, plain: bool = False) -> str:
    """Return a share of a width, in eighths of a cell; at least a trace unless it is 0."""
    if plain:
        return ("#" * max(int(share > 0), round(share * width))).ljust(width)
    eighths = max(int(share > 0), round(share * width * 8))
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)


def header_row(columns: TableColumns) -> Content:
    """Render the names of the columns."""
    pinned = f"{COLUMN_GAP}{'pinned':>{PINNED_CELLS}}" if columns.pinned else ""
    words = (
        f"{'':{MARK_CELLS}}{'rank':>{RANK_CELLS - 1}} {'token':<{columns.token}} "
        f"{'model':<{columns.bar}}{'':{PERCENT_CELLS}}"
        f"{COLUMN_GAP}{'as set':>{CHANCE_CELLS}}{pinned}"
        f"{COLUMN_GAP}{'corpus'[: columns.corpus]}"
    )
    return Content.styled(words, "dim")


def candidate_row(
    candidate: CandidateToken,
    columns: TableColumns,
    *,
    mark: str,
    plain: bool,
    pinned: float | None = None,
) -> Content:
    """Render one token; dim if a setting removed it."""
    style = "dim" if candidate.removed else ""
    token = visible(candidate.text, PLAIN_SPACE if plain else SPACE)
    if cell_len(token) > columns.token:
        token = set_cell_size(token, columns.token - 1) + ("~" if plain else "…")
    beside = ""
    if columns.pinned:
        beside = f"{COLUMN_GAP}{'–' if pinned is None else percent(pinned):>{PINNED_CELLS}}"
    corpus = corpus_count(candidate, columns.corpus) if columns.corpus else ""
    return Content.assemble(
        (f"{mark:<{MARK_CELLS}}", "bold $primary"),
        (f"{candidate.rank:>{RANK_CELLS - 1},} ", "dim"),
        (set_cell_size(token, columns.token) + " ", style or "bold"),
        (probability_bar(candidate.probability, columns.bar, plain=plain), style or "$primary"),
        (f"{percent(candidate.probability):>{PERCENT_CELLS}}{COLUMN_GAP}", style),
        (f"{chance_text(candidate):>{CHANCE_CELLS}}", style),
        (beside, ""),
        (f"{COLUMN_GAP}{set_cell_size(corpus, columns.corpus)}", "dim"),
    )


@dataclass(frozen=True)
class TableContent:
    """What the table shows.

    Attributes:
        rows: the tokens.
        cursor: the index of the row with the cursor.
        pinned: the probability of each token by its text at the pinned model; None without one.
    """

    rows: Sequence[CandidateToken] = ()
    cursor: int = 0
    pinned: Mapping[str, float] | None = None


class CandidateTable(Static):
    """Candidate tokens with a cursor, which the screen's keys move.

    Args:
        charset: as in `tui.common.terminal`.
    """

    DEFAULT_CSS = "CandidateTable { height: 1fr; text-wrap: nowrap; }"

    def __init__(self, charset: str) -> None:
        super().__init__(id="candidates", markup=False)
        self._plain = charset == "ascii"
        self._shown = TableContent()
        self._first_row = 0

    @property
    def selected(self) -> CandidateToken | None:
        """The token at the cursor."""
        rows = self._shown.rows
        return rows[self._shown.cursor] if rows else None

    @property
    def rows(self) -> Sequence[CandidateToken]:
        """All tokens."""
        return self._shown.rows

    @property
    def page_rows(self) -> int:
        """How many rows are visible."""
        return max(1, self.size.height - HEADER_ROWS)

    def show(
        self, rows: Sequence[CandidateToken], pinned: Mapping[str, float] | None = None
    ) -> None:
        """Show these tokens; if they are others than before, the cursor goes to the first."""
        same = [one.id for one in rows] == [one.id for one in self._shown.rows]
        content = TableContent(rows, self._shown.cursor if same else 0, pinned)
        if content != self._shown:
            self._shown = content
            self._draw()

    def move(self, by: int) -> None:
        """Move the cursor, within the table."""
        last = len(self._shown.rows) - 1
        cursor = max(0, min(last, self._shown.cursor + by))
        if cursor != self._shown.cursor:
            self._shown = replace(self._shown, cursor=cursor)
            self._draw()

    def on_click(self, event: Click) -> None:
        """Move the cursor to the row clicked on."""
        index = self._first_row + event.y - HEADER_ROWS
        if event.y >= HEADER_ROWS and index < len(self._shown.rows):
            self.move(index - self._shown.cursor)

    def on_resize(self) -> None:
        """Refit columns and rows."""
        self._draw()

    def _draw(self) -> None:
        content, width = self._shown, self.size.width
        if not width:
            return
        self._first_row = min(self._first_row, content.cursor)
        self._first_row = max(self._first_row, content.cursor - self.page_rows + 1)
        columns = fit_columns(width, content.pinned is not None)
        lines = [header_row(columns)]
        last = min(len(content.rows), self._first_row + self.page_rows)
        for index in range(self._first_row, last):
            candidate = content.rows[index]
            mark = (">" if self._plain else "›") if index == content.cursor else ""
            pinned = content.pinned.get(candidate.text) if content.pinned else None
            lines.append(
                candidate_row(candidate, columns, mark=mark, plain=self._plain, pinned=pinned)
            )
        self.update(Content("\n").join(lines), layout=False)
