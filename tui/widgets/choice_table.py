"""The tokens that could come next, a row each: rank, text, how likely, what removed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.common.format import PLAIN_SPACE, SPACE, visible
from tui.explore.choices import Choice, after, corpus_words, percent

EIGHTHS = " ▏▎▍▌▋▊▉█"
HEAD_ROWS = 1
MARK, RANK, PERCENT, AFTER, PINNED = 2, 5, 6, 11, 8
GAP = "  "


@dataclass(frozen=True)
class TableColumns:
    """How wide what stands in a row is.

    Attributes:
        token, bar, corpus: cells.
        pinned: whether there is a column for the pinned model.
    """

    token: int
    bar: int
    corpus: int
    pinned: bool

    @property
    def short(self) -> bool:
        """Whether the corpus has little room."""
        return self.corpus < 18


def columns(width: int, pinned: bool) -> TableColumns:
    """Columns that fill a width; the corpus needs eleven cells or twenty, or has no room."""
    fixed = MARK + RANK + PERCENT + AFTER + 3 * len(GAP) + 1 + (PINNED + len(GAP)) * pinned
    rest = max(13, width - fixed)
    corpus = 20 if rest >= 52 else 11 if rest >= 24 else 0
    token = max(9, min(24, (rest - corpus) // 2))
    return TableColumns(token, max(4, min(40, rest - corpus - token)), corpus, pinned)


def bar(share: float, width: int, *, plain: bool = False) -> str:
    """A share of a width, in eighths of a cell; a trace of what is not nothing."""
    if plain:
        return ("#" * max(int(share > 0), round(share * width))).ljust(width)
    eighths = max(int(share > 0), round(share * width * 8))
    whole, part = divmod(eighths, 8)
    return ("█" * whole + (EIGHTHS[part] if part else "")).ljust(width)


def head(shape: TableColumns) -> Content:
    """The names of the columns."""
    pinned = f"{GAP}{'pinned':>{PINNED}}" if shape.pinned else ""
    words = (
        f"{'':{MARK}}{'rank':>{RANK - 1}} {'token':<{shape.token}} {'model':<{shape.bar}}"
        f"{'':{PERCENT}}{GAP}{'as set':>{AFTER}}{pinned}{GAP}{'corpus'[: shape.corpus]}"
    )
    return Content.styled(words, "dim")


def row(
    choice: Choice, shape: TableColumns, *, mark: str, plain: bool, pinned: float | None = None
) -> Content:
    """One token; what a setting removed is dim."""
    style = "dim" if choice.removed else ""
    token = visible(choice.text, PLAIN_SPACE if plain else SPACE)
    if cell_len(token) > shape.token:
        token = set_cell_size(token, shape.token - 1) + ("~" if plain else "…")
    beside = f"{GAP}{'–' if pinned is None else percent(pinned):>{PINNED}}" if shape.pinned else ""
    corpus = corpus_words(choice, short=shape.short)
    return Content.assemble(
        (f"{mark:<{MARK}}", "bold $primary"),
        (f"{choice.rank:>{RANK - 1},} ", "dim"),
        (set_cell_size(token, shape.token) + " ", style or "bold"),
        (bar(choice.probability, shape.bar, plain=plain), style or "$primary"),
        (f"{percent(choice.probability):>{PERCENT}}{GAP}", style),
        (f"{after(choice):>{AFTER}}", style),
        (beside, ""),
        (f"{GAP}{set_cell_size(corpus, shape.corpus)}", "dim"),
    )


@dataclass(frozen=True)
class Shown:
    """What the table shows.

    Attributes:
        choices: the rows.
        cursor: the row that Enter takes.
        pinned: the chance of each token, by its text, at the pinned model; None without one.
    """

    choices: Sequence[Choice] = ()
    cursor: int = 0
    pinned: Mapping[str, float] | None = None


class ChoiceTable(Static):
    """Rows of choices with a cursor that keys of the screen move.

    Args:
        charset: as in `tui.common.terminal`.
    """

    DEFAULT_CSS = "ChoiceTable { height: 1fr; text-wrap: nowrap; }"

    class Moved(Message):
        """The cursor stands on another row."""

    def __init__(self, charset: str) -> None:
        super().__init__(id="choices", markup=False)
        self._plain = charset == "ascii"
        self._shown = Shown()
        self._first = 0

    @property
    def chosen(self) -> Choice | None:
        """The row with the cursor."""
        rows = self._shown.choices
        return rows[self._shown.cursor] if rows else None

    @property
    def rows(self) -> Sequence[Choice]:
        """All rows."""
        return self._shown.choices

    def show(self, choices: Sequence[Choice], pinned: Mapping[str, float] | None = None) -> None:
        """Shows these; the cursor goes to the first if they are other tokens than before."""
        same = [one.id for one in choices] == [one.id for one in self._shown.choices]
        found = Shown(choices, self._shown.cursor if same else 0, pinned)
        if found != self._shown:
            self._shown = found
            self._draw()

    def move(self, by: int) -> None:
        """The cursor some rows up or down."""
        last = len(self._shown.choices) - 1
        cursor = max(0, min(last, self._shown.cursor + by))
        if cursor != self._shown.cursor:
            self._shown = replace(self._shown, cursor=cursor)
            self._draw()

    @property
    def page(self) -> int:
        """How many rows are seen."""
        return max(1, self.size.height - HEAD_ROWS)

    def on_resize(self) -> None:
        """Other rows fit."""
        self._draw()

    def _draw(self) -> None:
        shown, width = self._shown, self.size.width
        if not width:
            return
        self._first = max(min(self._first, shown.cursor), shown.cursor - self.page + 1)
        shape = columns(width, shown.pinned is not None)
        lines = [head(shape)]
        for place in range(self._first, min(len(shown.choices), self._first + self.page)):
            choice = shown.choices[place]
            at = (">" if self._plain else "›") if place == shown.cursor else ""
            beside = shown.pinned.get(choice.text) if shown.pinned else None
            lines.append(row(choice, shape, mark=at, plain=self._plain, pinned=beside))
        self.update(Content("\n").join(lines), layout=False)
