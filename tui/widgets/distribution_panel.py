"""The distribution of the next token: entropy, shares, surprise so far, what settings leave."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from tui.explore.distribution import Distribution, columns
from tui.plot.bars import bar
from tui.widgets.panel import Panel, is_wide

LABEL_CELLS, VALUE_CELLS = 9, 12
SET_LABEL_CELLS = 12
MAX_COLUMN_ROWS = 4


class DistributionPanel(Panel):
    """Figures of a prediction: with bars from 110 columns, on one line below that."""

    def __init__(self, id: str | None = None) -> None:
        self._figures = Static(markup=False)
        super().__init__(self._figures, title="Distribution", id=id)
        self._distribution: Distribution | None = None
        self._corpus = ""

    def show(self, distribution: Distribution | None, corpus: str = "") -> None:
        """Show these figures.

        Args:
            corpus: a line about the corpus.
        """
        if (distribution, corpus) != (self._distribution, self._corpus):
            self._distribution, self._corpus = distribution, corpus
            self._draw()

    def on_resize(self) -> None:
        """Refit the figures."""
        super().on_resize()
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        if self._distribution is None or not width:
            self._figures.update("")
            return
        is_ascii = self.app.has_class("-ascii")
        if is_wide(self):
            lines = wide_lines(self._distribution, self._corpus, width, height, is_ascii=is_ascii)
        else:
            lines = [narrow_line(self._distribution, width, is_ascii=is_ascii)]
        self._figures.update(Content("\n").join(lines))


def narrow_line(figures: Distribution, width: int, *, is_ascii: bool = False) -> Content:
    """Render the figures that fit on one line, the most telling first."""
    arrow = "->" if is_ascii else "→"
    parts = [
        Content.assemble(
            *((" entropy ", "$muted"), (f"{figures.entropy:.1f}", "bold $ink")),
            *((f" bits {arrow} ", "$muted"), (f"{figures.entropy_as_set:.1f}", "bold $ink")),
            (" as set", "$muted"),
        ),
        _labelled("text perplexity", figures.perplexity),
    ]
    for count, share in figures.tops:
        if count > 1:
            parts.append(_labelled(f"top {count} hold", f"{share:.0%}"))
    line = parts[0]
    for part in parts[1:]:
        if line.cell_length + 2 + part.cell_length <= width:
            line = Content.assemble(line, "  ", part)
    return line


def _labelled(label: str, value: str) -> Content:
    return Content.assemble((f"{label} ", "$muted"), (value, "bold $ink"))


def wide_lines(
    figures: Distribution, corpus: str, width: int, height: int, *, is_ascii: bool = False
) -> list[Content]:
    """Render the figures as rows with bars; without room the blank rows are left out first."""
    lines = [
        _bar_row("entropy", figures.entropy / figures.most, _bits(figures.entropy), width,
                 "$secondary", is_ascii=is_ascii),
        _bar_row("as set", figures.entropy_as_set / figures.most, _bits(figures.entropy_as_set),
                 width, "$primary", is_ascii=is_ascii),
    ]  # fmt: skip
    for count, share in figures.tops:
        text = f"{share:.0%}"
        lines.append(_bar_row(f"top {count}", share, text, width, "$secondary", is_ascii=is_ascii))
    effects = [
        _bar_row(label, share, f"{kept:,} · {share:.0%}", width, "$primary", SET_LABEL_CELLS,
                 is_ascii=is_ascii)
        for label, kept, share in figures.effects
    ]  # fmt: skip
    if effects:
        effects = [Content.styled("what is left after each setting", "$muted"), *effects]
    last = [Content.styled(corpus, "$faint").truncate(width)] if corpus else []
    fixed = len(lines) + len(effects) + len(last)
    surprises: list[Content] = []
    if figures.surprises:
        free = height - fixed - 5  # three rows of words, two blank ones
        rows = 1 if is_ascii else max(1, min(MAX_COLUMN_ROWS, free))
        surprises = _surprise_rows(figures, width, rows, is_ascii=is_ascii)
    blocks = [block for block in (lines, surprises, effects, last) if block]
    needed = sum(map(len, blocks)) + len(blocks) - 1
    result: list[Content] = []
    for block in blocks:
        if result and needed <= height:
            result.append(Content(""))
        result += block
    return result


def _surprise_rows(
    figures: Distribution, width: int, rows: int, *, is_ascii: bool
) -> list[Content]:
    shown = figures.surprises[-width:]
    return [
        Content.assemble(
            ("surprise of each token, up to ", "$muted"),
            (f"{max(shown):.1f}", "bold $ink"),
            (" bits", "$muted"),
        ).truncate(width),
        *(Content.styled(line, "$accent") for line in columns(shown, rows, is_ascii=is_ascii)),
        Content.assemble(
            _labelled("perplexity", figures.perplexity),
            (", a choice among so many", "$faint"),
        ).truncate(width),
    ]


def _bar_row(
    label: str,
    share: float,
    value: str,
    width: int,
    style: str,
    label_cells: int = LABEL_CELLS,
    *,
    is_ascii: bool = False,
) -> Content:
    cells = max(0, width - label_cells - VALUE_CELLS)
    return Content.assemble(
        (f"{label:<{label_cells}}", "$muted"),
        bar(share, cells, style, is_ascii=is_ascii),
        (f"{value:>{VALUE_CELLS}}", "$ink"),
    )


def _bits(entropy: float) -> str:
    return f"{entropy:.1f} bits"
