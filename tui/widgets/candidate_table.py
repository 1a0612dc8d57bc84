"""A table of the tokens that could come next: rank, text, probabilities, corpus count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.widgets import Static

from core.config.configs import SamplingConfig
from core.server.tokens import CandidateToken
from tui.common.format import PLAIN_SPACE, SPACE, mark_spaces
from tui.explore.candidates import chance_text, corpus_count, percent
from tui.plot.bars import bar

HEADER_ROWS, FOOTER_ROWS = 1, 1
MARK_CELLS, RANK_CELLS, PERCENT_CELLS, CHANCE_CELLS, PINNED_CELLS = 2, 5, 7, 10, 8
COLUMN_GAP = "  "
MIN_BAR_CELLS, MAX_TOKEN_CELLS = 4, 24
SET_BAR_SHARE, MAX_SET_BAR_CELLS = 4, 14  # of the first bar's cells, one in so many
WIDE_CORPUS_CELLS, SHORT_CORPUS_CELLS = 20, 11
WHEEL_ROWS = 3
DOUBLE_CLICK = 2
MODEL_STYLE, SET_STYLE, REMOVED_BAR_STYLE = "$secondary", "$primary", "$cloud"


@dataclass(frozen=True)
class TableColumns:
    """Column widths in cells.

    Attributes:
        token, bar, set_bar, corpus: cells; none where there is no room or nothing to show.
        pinned: whether there is a column for the pinned model.
    """

    token: int
    bar: int
    set_bar: int
    corpus: int
    pinned: bool


def fit_columns(width: int, *, pinned: bool = False, corpus: bool = False) -> TableColumns:
    """Return columns that fill a width."""
    fixed = MARK_CELLS + RANK_CELLS + 1 + PERCENT_CELLS + len(COLUMN_GAP) + CHANCE_CELLS
    rest = max(13, width - fixed - (PINNED_CELLS + len(COLUMN_GAP)) * pinned)
    corpus_cells = 0
    if corpus and rest >= SHORT_CORPUS_CELLS + 15:
        corpus_cells = WIDE_CORPUS_CELLS if rest >= 60 else SHORT_CORPUS_CELLS
        rest -= corpus_cells + len(COLUMN_GAP)
    token = max(9, min(MAX_TOKEN_CELLS, rest // 3))
    rest -= token
    set_bar = min(MAX_SET_BAR_CELLS, rest // SET_BAR_SHARE) if rest >= 24 else 0
    rest -= set_bar + 1 if set_bar else 0
    return TableColumns(token, max(MIN_BAR_CELLS, rest), set_bar, corpus_cells, pinned)


def header_row(columns: TableColumns) -> Content:
    """Render the names of the columns."""
    words = (
        f"{'':{MARK_CELLS}}{'rank':>{RANK_CELLS}} {'token':<{columns.token}}"
        f"{'model':<{columns.bar}}{'':{PERCENT_CELLS}}{COLUMN_GAP}{'as set':>{CHANCE_CELLS}}"
    )
    if columns.set_bar:
        words += " " * (1 + columns.set_bar)
    if columns.pinned:
        words += f"{COLUMN_GAP}{'pinned':>{PINNED_CELLS}}"
    if columns.corpus:
        words += f"{COLUMN_GAP}{'corpus':>{columns.corpus}}"
    return Content.styled(words, "$muted")


def candidate_row(
    candidate: CandidateToken,
    columns: TableColumns,
    *,
    mark: str,
    plain: bool,
    settings: SamplingConfig | None = None,
    pinned: float | None = None,
) -> Content:
    """Render one token; dim, with the name of the setting, if a setting removed it."""
    removed = candidate.removed is not None
    style = "$faint" if removed else "bold $ink"
    number = "$faint" if removed else "$ink"
    token = mark_spaces(candidate.text, PLAIN_SPACE if plain else SPACE)
    if cell_len(token) > columns.token - 1:
        token = set_cell_size(token, columns.token - 2) + ("~" if plain else "…")
    bar_style = REMOVED_BAR_STYLE if removed else MODEL_STYLE
    parts: list[Content | tuple[str, str]] = [
        (f"{mark:<{MARK_CELLS}}", "bold $primary"),
        (f"{candidate.rank:>{RANK_CELLS},} ", "$faint" if removed else "$muted"),
        (set_cell_size(token, columns.token), style),
        bar(candidate.probability, columns.bar, bar_style, is_ascii=plain),
        (f"{percent(candidate.probability):>{PERCENT_CELLS}}{COLUMN_GAP}", number),
        (f"{chance_text(candidate, settings):>{CHANCE_CELLS}}", style),
    ]
    if columns.set_bar:
        blank = (" " * columns.set_bar, "")
        chance = bar(candidate.chance, columns.set_bar, SET_STYLE, is_ascii=plain)
        parts += [(" ", ""), blank if removed else chance]
    if columns.pinned:
        share = "–" if pinned is None else percent(pinned)
        parts.append((f"{COLUMN_GAP}{share:>{PINNED_CELLS}}", "$accent"))
    if columns.corpus:
        count = set_cell_size(corpus_count(candidate, columns.corpus), columns.corpus).rstrip()
        parts.append((f"{COLUMN_GAP}{count:>{columns.corpus}}", "$faint" if removed else "$muted"))
    return Content.assemble(*parts)


def remaining_line(
    rows: Sequence[CandidateToken], last: int, vocab_size: int, hint: str
) -> Content:
    """Render how many tokens are below the last row shown, and what they hold.

    Args:
        rows: from the likeliest on.
        last: number of rows down to the last one shown.
        hint: how to reach them.
    """
    count = vocab_size - last
    if not rows or count <= 0:
        return Content("")
    share = max(0.0, 1.0 - sum(row.probability for row in rows[:last]))
    words = f"{'':{MARK_CELLS}}… {count:,} more token{'s' * (count > 1)} share {percent(share)}"
    return Content.styled(f"{words}{hint}", "$faint")


@dataclass(frozen=True)
class TableContent:
    """What the table shows.

    Attributes:
        rows: the tokens.
        cursor: the index of the row with the cursor.
        settings: name the value of the setting that removed a token.
        pinned: the probability of each token by its text at the pinned model; None without one.
        vocab_size: 0 if the rows are not the likeliest tokens in order.
        note: replaces the line below the rows.
    """

    rows: Sequence[CandidateToken] = ()
    cursor: int = 0
    settings: SamplingConfig | None = None
    pinned: Mapping[str, float] | None = None
    vocab_size: int = 0
    note: str = ""


class CandidateTable(Static, can_focus=True):
    """Candidate tokens with a cursor, which the screen's keys move, as does the mouse.

    Args:
        charset: as in `tui.common.terminal`.
        hint: for the line about the tokens below the last row.
    """

    DEFAULT_CSS = "CandidateTable { height: 1fr; text-wrap: nowrap; }"

    class Moved(Message):
        """The cursor is at another row."""

    class Opened(Message):
        """A row was double-clicked; the cursor is there."""

    def __init__(self, charset: str, hint: str = "") -> None:
        super().__init__(id="candidates", markup=False)
        self._plain = charset == "ascii"
        self._hint = hint
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
        return max(1, self.size.height - HEADER_ROWS - FOOTER_ROWS)

    def show(
        self,
        rows: Sequence[CandidateToken],
        settings: SamplingConfig | None = None,
        *,
        pinned: Mapping[str, float] | None = None,
        vocab_size: int = 0,
    ) -> None:
        """Show these tokens; if they are others than before, the cursor goes to the first."""
        same = [one.id for one in rows] == [one.id for one in self._shown.rows]
        cursor = self._shown.cursor if same else 0
        self._replace(TableContent(rows, cursor, settings, pinned, vocab_size, self._shown.note))

    def show_note(self, note: str) -> None:
        """Show a line below the rows; empty shows how many tokens there are below again."""
        self._replace(replace(self._shown, note=note))

    def move(self, by: int) -> None:
        """Move the cursor, within the table."""
        last = len(self._shown.rows) - 1
        cursor = max(0, min(last, self._shown.cursor + by))
        if cursor != self._shown.cursor:
            self._replace(replace(self._shown, cursor=cursor))
            self.post_message(self.Moved())

    def _replace(self, content: TableContent) -> None:
        if content != self._shown:
            self._shown = content
            self._draw()

    def on_click(self, event: Click) -> None:
        """Move the cursor to the row clicked on; a double click takes it."""
        index = self._first_row + event.y - HEADER_ROWS
        last = min(len(self._shown.rows), self._first_row + self.page_rows)
        if event.y >= HEADER_ROWS and index < last:
            self.move(index - self._shown.cursor)
            if event.chain == DOUBLE_CLICK:
                self.post_message(self.Opened())

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll towards the likeliest."""
        event.stop()
        self.move(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll towards the less likely."""
        event.stop()
        self.move(WHEEL_ROWS)

    def on_resize(self) -> None:
        """Refit columns and rows."""
        self._draw()

    def _draw(self) -> None:
        content, width = self._shown, self.size.width
        if not width:
            return
        self._first_row = min(self._first_row, content.cursor)
        self._first_row = max(self._first_row, content.cursor - self.page_rows + 1)
        has_corpus = any(row.corpus is not None for row in content.rows)
        columns = fit_columns(width, pinned=content.pinned is not None, corpus=has_corpus)
        lines = [header_row(columns)] if content.rows else []
        last = min(len(content.rows), self._first_row + self.page_rows)
        lines += [self._row(index, columns, width) for index in range(self._first_row, last)]
        if content.note:
            lines.append(Content.styled(f"{'':{MARK_CELLS}}{content.note}", "$accent"))
        elif content.vocab_size:
            lines.append(remaining_line(content.rows, last, content.vocab_size, self._hint))
        fitting = [line.truncate(width, ellipsis=not self._plain) for line in lines]
        self.update(Content("\n").join(fitting), layout=False)

    def _row(self, index: int, columns: TableColumns, width: int) -> Content:
        content = self._shown
        candidate, is_here = content.rows[index], index == content.cursor
        row = candidate_row(
            candidate,
            columns,
            mark=(">" if self._plain else "›") if is_here else "",
            plain=self._plain,
            settings=content.settings,
            pinned=content.pinned.get(candidate.text) if content.pinned else None,
        )
        if not is_here:
            return row
        return row.pad_right(max(0, width - row.cell_length)).stylize("on $cursor")
