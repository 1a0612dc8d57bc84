"""Help for a screen: what it is for, its keys by reach, and what the signs mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from tui.common.keymap import active_keymap, remap_bindings
from tui.common.keys import KeyRow, binding_rows, key_nodes, merge_digit_rows
from tui.screens.base import BaseScreen
from tui.widgets.panel import Panel

TOUR = (
    "Choose a text, train a model, talk to it. Models lists your runs; n creates one: choose a "
    "text, check the suggested settings, press Enter. Train shows the loss: it falls below the "
    "unigram and bigram baselines once the model uses more context than they do. Chat continues "
    "what you type. Training runs in a process of its own: quit, close the terminal, come back "
    "tomorrow."
)


SIGNS = (
    ("● ✓ ‖", "training, finished, paused"),
    ("✗ ↓", "crashed, imported"),
    ("★", "best by validation"),
    ("◆", "what is shown now"),
    ("•", "yours, not automatic"),
    ("!", "look at this"),
)
# Keys of Textual's lists and inputs, which no binding of ours describes.
USUAL_KEYS = (
    KeyRow("↑↓", "Move in a list; PgUp, PgDn, Home, End too", ""),
    KeyRow("Tab", "Next panel; Shift+Tab goes back", ""),
    KeyRow("Enter", "Open or accept what is chosen", ""),
)
MIN_KEY_CELLS, MAX_KEY_CELLS, MIN_WORDS_CELLS = 9, 14, 12
MAX_TABLE_CELLS = 200  # before the first layout


class HelpScreen(BaseScreen):
    """The purpose and the keys of a screen.

    Args:
        screen: the screen to explain.
        tour: whether to begin with the tour of the program.
    """

    HEADING = "Help"
    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            *("question_mark,q,f1", "app.pop_screen", "Close"),
            key_display="?",
            tooltip="Close the help",
            id="help.close",
        ),
    ]
    CSS = """
    HelpScreen {
        #help { height: 1fr; scrollbar-size-vertical: 1; }
        .about { height: auto; padding: 0 1; color: $muted; }
        #help-columns, #help-columns Vertical, #help-columns Panel { height: auto; }
        KeyTable { height: auto; }
        &.-wide .about { padding: 0 2 1 2; }
        &.-wide #help-columns { layout: horizontal; }
        &.-wide #help-columns Vertical { width: 1fr; }
    }
    """

    def __init__(self, screen: Screen[object], *, tour: bool = False) -> None:
        super().__init__()
        self._groups = key_groups(screen)
        heading = getattr(screen, "HEADING", "")
        self._subjects = (heading,) if heading not in ("", "Models") else ()
        self._purpose, self._tour = screen.HELP or "", tour

    def body(self) -> ComposeResult:
        """The purpose, then a table of keys for each reach, and the signs."""
        with VerticalScroll(id="help"):
            if self._tour:
                yield Static(TOUR, markup=False, classes="about")
            if self._purpose:
                yield Static(self._purpose, markup=False, classes="about")
            *here, (everywhere, shared) = self._groups
            signs = [KeyRow(sign, meaning, "") for sign, meaning in SIGNS]
            with Container(id="help-columns"):
                with Vertical():
                    for title, rows in here:
                        yield Panel(KeyTable(rows), title=title)
                with Vertical():
                    yield Panel(KeyTable(shared), title=everywhere)
                with Vertical():
                    yield Panel(KeyTable(signs), title="Signs")

    def set_header(self, *subjects: str, state: Content | str = "") -> None:
        """Show which screen is explained."""
        super().set_header(*subjects, *self._subjects, state=state)


def key_groups(screen: Screen[object]) -> list[tuple[str, list[KeyRow]]]:
    """The keys of the focused widget, of the screen and of all screens, under these titles.

    A key is listed once, where it acts first.
    """
    *focused, own, app = key_nodes(screen)
    shared = _rows(screen, app)
    shared_actions = {row.action for row in _base_rows(screen)}
    own_rows = [row for row in _rows(screen, own) if row.action not in shared_actions]
    base_rows = [row for row in _rows(screen, own) if row.action in shared_actions]
    everywhere = list(dict.fromkeys([*USUAL_KEYS, *base_rows, *shared]))
    groups = [("In this panel", _rows(screen, node)) for node in focused]
    groups += [("On this screen", own_rows), ("The same on every screen", everywhere)]
    return [(title, merge_same(merge_digit_rows(rows))) for title, rows in groups if rows]


def _rows(screen: Screen[object], node: DOMNode) -> list[KeyRow]:
    return binding_rows(remap_bindings(node, active_keymap(screen.app)))


def _base_rows(screen: Screen[object]) -> list[KeyRow]:
    """The keys that every screen has and this one has not given another meaning."""
    bindings = Binding.make_bindings(BaseScreen.BINDINGS)
    declared = {binding.action: binding.tooltip for binding in bindings}
    rows = _rows(screen, screen)
    return [row for row in rows if declared.get(row.action) == row.description]


def merge_same(rows: Sequence[KeyRow]) -> list[KeyRow]:
    """One row for short keys that do the same, or the same in two directions."""
    merged: list[KeyRow] = []
    for row in rows:
        for index, before in enumerate(merged):
            keys = " ".join(dict.fromkeys([*before.key.split(), *row.key.split()]))
            if before.description == row.description and len(keys) <= MAX_KEY_CELLS:
                merged[index] = before._replace(key=keys)
                break
        else:
            merged.append(row)
    return merged


class KeyTable(Static):
    """Keys and what they do, in two columns, wrapped to the width.

    Args:
        rows: of the table.
    """

    def __init__(self, rows: Sequence[KeyRow]) -> None:
        super().__init__(key_table(rows, MAX_TABLE_CELLS))
        self._rows = rows

    def on_resize(self) -> None:
        """Wrap the descriptions."""
        self.update(key_table(self._rows, self.size.width))


def key_table(rows: Sequence[KeyRow], width: int) -> Content:
    """The rows as lines of at most `width` cells, where the keys leave room for descriptions."""
    keys = max(MIN_KEY_CELLS, max((len(row.key) for row in rows), default=0)) + 1
    lines = []
    for row in rows:
        words = Content.styled(row.description, "$muted")
        for number, line in enumerate(words.wrap(max(MIN_WORDS_CELLS, width - keys))):
            key = "" if number else row.key
            lines.append(Content.assemble((key.ljust(keys), "bold $ink"), line))
    return Content("\n").join(lines)
