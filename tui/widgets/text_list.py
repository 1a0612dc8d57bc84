"""The list of texts for a new run: name, kind, and how long training takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.common.sanitize import one_line

NAME_CELLS, KIND_CELLS, TIME_CELLS = 14, 11, 7
OTHER_TEXT = "+"  # id of the row that asks for a path
HEADINGS = "  " + "text".ljust(NAME_CELLS) + "kind".ljust(KIND_CELLS) + "time".rjust(TIME_CELLS)
UNKNOWN_TIME = "…"


@dataclass(frozen=True, kw_only=True)
class TextRow:
    """A text in the list.

    Attributes:
        spec: as accepted by `core.text.resolve.resolve_corpus`.
        name, kind: of the text.
        time: how long training takes.
        note: a few words at the right.
        is_recommended: whether the note is for newcomers.
    """

    spec: str
    name: str
    kind: str
    time: str = UNKNOWN_TIME
    note: str = ""
    is_recommended: bool = False


class TextList(OptionList):
    """Bundled texts, then the user's, then a row that asks for another one.

    A click chooses a row, a double click uses it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Use this text", tooltip="Choose settings for this text"),
    ]
    DEFAULT_CSS = """
    TextList { border: none; background: $background; padding: 0; height: auto;
        text-wrap: nowrap; text-overflow: ellipsis; }
    TextList:focus { border: none; }
    TextList > .option-list--option { padding: 0; }
    TextList > .option-list--option-highlighted,
    TextList:focus > .option-list--option-highlighted {
        background: $cursor; color: $ink; text-style: none;
    }
    TextList > .option-list--option-disabled { color: $muted; text-style: none; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._rows: dict[str, TextRow] = {}

    def show(self, bundled: list[TextRow], own: list[TextRow]) -> None:
        """Show these texts; the chosen one stays chosen."""
        chosen = self.chosen
        self._rows = {row.spec: row for row in (*bundled, *own)}
        options = [Option(self._draw(row), id=row.spec) for row in bundled]
        if own:
            options.append(Option(Content.styled("  yours", "$muted"), disabled=True))
        options += [Option(self._draw(row), id=row.spec) for row in own]
        options.append(Option(self._draw_other(), id=OTHER_TEXT))
        self.set_options(options)
        specs = [option.id for option in options]
        self.highlighted = specs.index(chosen) if chosen in specs else 0

    @property
    def chosen(self) -> str | None:
        """The spec of the chosen text."""
        option = self.highlighted_option
        return option.id if option is not None else None

    def choose(self, spec: str) -> None:
        """Choose a text of the list."""
        self.highlighted = self.get_option_index(spec)

    def set_time(self, spec: str, time: str) -> None:
        """Show how long training on a text takes."""
        if spec in self._rows:
            self._rows[spec] = replace(self._rows[spec], time=time)
            self._redraw(spec)

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Move the mark."""
        super().watch_highlighted(highlighted)
        for spec in self._rows:
            self._redraw(spec)
        if self.options:
            self._redraw(OTHER_TEXT)

    def _redraw(self, spec: str) -> None:
        content = self._draw_other() if spec == OTHER_TEXT else self._draw(self._rows[spec])
        if spec in self._id_to_option and self.get_option(spec).prompt != content:
            self.replace_option_prompt(spec, content)

    def _draw(self, row: TextRow) -> Content:
        name = one_line(row.name)
        if cell_len(name) >= NAME_CELLS:
            name = set_cell_size(name, NAME_CELLS - 2) + "…"
        return Content.assemble(
            (self._mark(row.spec), "bold $primary"),
            (set_cell_size(name, NAME_CELLS), "bold $ink"),
            (row.kind.ljust(KIND_CELLS), "$muted"),
            (row.time.rjust(TIME_CELLS), "$ink"),
            "  ",
            (one_line(row.note), "bold $accent" if row.is_recommended else "$muted"),
        )

    def _draw_other(self) -> Content:
        return Content.assemble(
            (self._mark(OTHER_TEXT), "bold $primary"),
            ("+ ", "bold $primary"),
            ("a file, a folder or a pattern …", "$muted"),
        )

    def _mark(self, spec: str) -> str:
        return "› " if self.chosen == spec else "  "

    async def on_click(self, event: Click) -> None:
        """Choose the row under the pointer; use it with a double click."""
        event.prevent_default()
        index = event.style.meta.get("option")
        if index is not None and not self.get_option_at_index(index).disabled:
            self.highlighted = index
            if event.chain == 2:
                self.action_select()
