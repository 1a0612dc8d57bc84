"""Choosing a text: the bundled ones, those used before, or any file, with a look inside.

Completion of paths while they are typed.
"""

from __future__ import annotations

import asyncio
import os
import textwrap
import threading
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core.errors import Cancelled, MiniGPTError
from core.text.catalog import recent_files
from core.text.corpus import Corpus, bundled_corpora
from core.text.resolve import resolve_corpus
from tui.common.format import size
from tui.common.messages import OpenSetup
from tui.common.sanitize import one_line
from tui.screens.base import BaseScreen
from tui.widgets.token_text import TokenBoxes

if TYPE_CHECKING:
    from textual.widgets import Tree

    from core.dataset.preview import Preview


class PathSuggester(Suggester):
    """Offers the first name in a folder that goes on as typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The path with its last name completed; None if nothing goes on so."""
        return await asyncio.to_thread(complete_path, value)


def complete_path(value: str) -> str | None:
    """See `PathSuggester`; names that a line cannot show as they are are not offered."""
    folder, slash, beginning = value.rpartition("/")
    if not beginning:
        return None
    try:
        with os.scandir(Path(folder + slash or ".").expanduser()) as entries:
            names = [
                entry.name + "/" * entry.is_dir()
                for entry in entries
                if entry.name.startswith(beginning) and one_line(entry.name) == entry.name
            ]
    except (OSError, ValueError, RuntimeError):
        return None  # no such folder, no path at all (a zero byte), or nobody's home
    return folder + slash + min(names) if names else None


FIRST = "lang"
RECENT = 8
LABEL = 10
LEAST = 2 * LABEL  # cells for a count and its name, before there is a layout
NAME = 13


class CorpusTable(OptionList):
    """The list of texts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Take it", tooltip="Set up a run on this text"),
    ]


class NewCorpusScreen(BaseScreen):
    """A list of texts and what is in the chosen one."""

    HEADING = "New run: a text"
    HELP = (
        "Choose what to learn from. Texts that came along are at the top, your own below; f takes "
        "the path of a file, a folder or a pattern such as notes/**/*.md, b looks through folders."
    )
    AUTO_FOCUS = "#texts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "path", "File", tooltip="Type the path of a file, a folder or a pattern"),
        Binding("b", "browse", "Browse", tooltip="Look through folders"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._chosen: Corpus | None = None
        self._found: Preview | None = None
        self._spec = ""
        self._cancel = threading.Event()

    def body(self) -> ComposeResult:
        """Texts on the left, the look inside on the right."""
        with Horizontal():
            with Vertical(id="choice"):
                yield Input(
                    placeholder="a path or a pattern",
                    suggester=PathSuggester(),
                    compact=True,
                    id="path",
                )
                yield CorpusTable(id="texts", markup=False)
            with VerticalScroll(id="inside", can_focus=False):
                yield Static(id="about", markup=False)
                yield Static(id="facts")
                yield TokenBoxes(id="boxes")

    def on_mount(self) -> None:
        """Fills the list; the first text is the one that shows most in least time."""
        self.query_one("#path").display = False
        texts = self.query_one("#texts", OptionList)
        for corpus in bundled_corpora():
            texts.add_option(Option(_line(corpus.name, corpus.use), id=corpus.name))
        own = recent_files(self.services.home, RECENT)
        if own:
            texts.add_option(None)
            for path in own:
                texts.add_option(Option(_line(path.name, size(path.stat().st_size)), id=str(path)))
        texts.highlighted = texts.get_option_index(FIRST)

    @on(OptionList.OptionHighlighted)
    def _list_moved(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id:
            self._look_inside(event.option.id)

    @on(OptionList.OptionSelected)
    def _list_taken(self) -> None:
        self.action_take()

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[object]) -> None:
        """The look inside follows the cursor."""
        path = getattr(event.node.data, "path", None)
        if isinstance(path, Path) and path.is_file():
            self._look_inside(str(path))

    def on_directory_tree_file_selected(self) -> None:
        """Enter on a file takes it."""
        self.action_take()

    @on(Input.Submitted, "#path")
    def _path_given(self, event: Input.Submitted) -> None:
        spec = event.value.strip()
        if spec == self._spec and self._chosen:
            self.action_take()
        elif spec:
            self._look_inside(spec)

    @work(exclusive=True, exit_on_error=False)
    async def _look_inside(self, spec: str) -> None:
        """Reads the beginning in a thread; a later choice ends an earlier look."""
        self._cancel.set()
        self._cancel = cancel = threading.Event()
        self._spec, self._chosen, self._found = spec, None, None
        try:
            corpus = await asyncio.to_thread(resolve_corpus, spec, self.services.home)
            self._about(corpus)
            found = await asyncio.to_thread(_read, corpus, cancel)
        except Cancelled:
            return
        except MiniGPTError as error:
            self._show_problem(error)
            return
        if self._spec == spec:
            self._chosen = corpus
            self._show(found)

    def _about(self, corpus: Corpus) -> None:
        self.set_title(corpus.name)
        words = corpus.description or ", ".join(str(path) for path in corpus.files[:3])
        self.query_one("#about", Static).update(Content(one_line(words)))
        self.query_one("#facts", Static).update(Content.styled("reading…", "dim"))
        self.query_one(TokenBoxes).show(())

    def _show(self, found: Preview) -> None:
        self._found = found
        self._show_facts()
        self.query_one(TokenBoxes).show(found.token_lines)

    def _show_facts(self) -> None:
        if self._found is not None:
            width = max(LEAST, self.query_one("#inside").scrollable_content_region.width)
            self.query_one("#facts", Static).update(preview_text(self._found, width))

    def on_resize(self) -> None:
        """The counts keep to their column."""
        self.call_after_refresh(self._show_facts)

    def _show_problem(self, error: MiniGPTError) -> None:
        self.query_one("#about", Static).update(Content(""))
        said = Content.assemble(
            (one_line(error.message), "bold $error"), "\n\n", one_line(error.hint)
        )
        self.query_one("#facts", Static).update(said)
        self.query_one(TokenBoxes).show(())

    def action_take(self) -> None:
        """On to the settings."""
        if self._chosen is not None:
            self.post_message(OpenSetup(self._spec))

    def action_path(self) -> None:
        """Typing a path."""
        field = self.query_one("#path", Input)
        field.display = True
        field.focus()

    def action_browse(self) -> None:
        """The folders instead of the list, or back."""
        texts = self.query_one("#texts")
        if not self.query("#tree"):
            from textual.widgets import DirectoryTree  # much to import, and not for the first frame

            self.query_one("#choice").mount(DirectoryTree(Path.home(), id="tree"))
        elif texts.display:
            self.query_one("#tree").display = True
        else:
            self._close_tree()
            return
        texts.display = False
        self.query_one("#tree").focus()

    def _close_tree(self) -> None:
        texts = self.query_one("#texts")
        self.query_one("#tree").display, texts.display = False, True
        texts.focus()

    def action_back(self) -> None:
        """First out of the path or the folders, then back."""
        path, texts = self.query_one("#path"), self.query_one("#texts")
        if path.display and self.focused is path:
            path.display = False
            (texts if texts.display else self.query_one("#tree")).focus()
        elif not texts.display:
            self._close_tree()
        else:
            self._cancel.set()
            super().action_back()


def _read(corpus: Corpus, cancel: threading.Event) -> Preview:
    from core.dataset.preview import preview  # much to import, and not for the first frame

    return preview(corpus, cancel.is_set)


def _line(name: str, use: str) -> Content:
    shown = set_cell_size(one_line(name), NAME) if cell_len(name) < NAME else one_line(name)
    return Content.assemble(shown, " ", (one_line(use), "dim"))


def preview_text(found: Preview, width: int) -> Content:
    """The counts in a column of their own, long ones in several lines; warnings below them."""
    part = "" if found.complete else " so far"
    rows = [
        ("size", f"{size(found.size)}, {found.encoding}"),
        ("text", f"{found.characters:,} characters{part}"),
        ("lines", f"{found.lines:,}{part}, longest {found.longest_line:,} characters"),
        (
            "words",
            f"{found.words:,}{part}, {found.distinct_words:,} different, {found.words_once:,} once",
        ),
        ("doubles", f"{found.duplicate_lines:,} lines" if found.duplicate_lines else ""),
        ("reading", f"{found.reading}: {found.reason}"),
        ("tokens", found.tokenizer_reason),
    ]
    lines = [
        Content.assemble((begin.ljust(LABEL), "dim"), line)
        for label, value in rows
        for begin, line in zip(
            chain([label], repeat("")), textwrap.wrap(one_line(value), width - LABEL), strict=False
        )
    ]
    lines += [Content.styled(f"! {one_line(said)}", "bold $warning") for said in found.warnings]
    return Content("\n").join(lines)
