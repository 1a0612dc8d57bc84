"""New run, first screen: choose a bundled text, a recent one or any file, with a preview."""

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
from tui.widgets.line_input import LineInput
from tui.widgets.token_text import TokenBoxes

if TYPE_CHECKING:
    from textual.widgets import Tree

    from core.dataset.preview import Preview

FIRST_CORPUS = "lang"  # highlighted at first: it trains in seconds
MAX_RECENT_FILES = 8
CORPUS_NAME_CELLS = 13
LABEL_CELLS = 10
MIN_PREVIEW_CELLS = 2 * LABEL_CELLS  # used before the first layout


class PathSuggester(Suggester):
    """Complete a path while it is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Complete the path in a thread."""
        return await asyncio.to_thread(complete_path, value)


def complete_path(value: str) -> str | None:
    """Complete the last name of a path with the first match in its folder.

    Names with control codes are never suggested.

    Returns:
        The whole path; None without a match.
    """
    folder, slash, prefix = value.rpartition("/")
    if not prefix:
        return None
    try:
        with os.scandir(Path(folder + slash or ".").expanduser()) as entries:
            names = [
                entry.name + "/" * entry.is_dir()
                for entry in entries
                if entry.name.startswith(prefix) and one_line(entry.name) == entry.name
            ]
    except (OSError, ValueError, RuntimeError):
        return None  # no such folder, a zero byte in the path, or ~ with an unknown user
    return folder + slash + min(names) if names else None


class CorpusTable(OptionList):
    """The list of texts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "select",
            "Use this text",
            tooltip="Choose settings for this text",
            id="new_corpus.select",
        ),
    ]


class NewCorpusScreen(BaseScreen):
    """A list of texts and a preview of the highlighted one."""

    TRAIL, HEADING = ("New run",), "Text"
    HELP = (
        "Choose the text to train on: bundled texts first, recent files below. f enters the path "
        "of a file, a folder or a pattern such as notes/**/*.md; b browses folders."
    )
    AUTO_FOCUS = "#texts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "path", "Path", tooltip="Enter a path to a file, folder or pattern"),
        Binding("b", "browse", "Browse", tooltip="Browse folders"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._corpus: Corpus | None = None  # set once its preview is complete
        self._preview: Preview | None = None
        self._spec = ""
        self._is_chosen = False  # Enter was pressed before the preview was complete
        self._cancel = threading.Event()

    def body(self) -> ComposeResult:
        """Texts on the left, the preview on the right."""
        with Horizontal():
            with Vertical(id="choice"):
                yield LineInput(
                    placeholder="file, folder or pattern",
                    suggester=PathSuggester(),
                    compact=True,
                    id="path",
                )
                yield CorpusTable(id="texts", markup=False)
            with VerticalScroll(id="preview", can_focus=False):
                yield Static(id="about", markup=False)
                yield Static(id="facts")
                yield TokenBoxes(id="boxes")

    def on_mount(self) -> None:
        """Fill the list."""
        self.query_one("#path").display = False
        texts = self.query_one("#texts", OptionList)
        for corpus in bundled_corpora():
            texts.add_option(Option(_option_text(corpus.name, corpus.use), id=corpus.name))
        recent = recent_files(self.services.home, MAX_RECENT_FILES)
        if recent:
            texts.add_option(None)
            for path in recent:
                text = _option_text(path.name, size(path.stat().st_size))
                texts.add_option(Option(text, id=str(path)))
        texts.highlighted = texts.get_option_index(FIRST_CORPUS)

    @on(OptionList.OptionHighlighted)
    def _preview_option(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id:
            self._load_preview(event.option.id)

    @on(OptionList.OptionSelected)
    def _use_option(self) -> None:
        self.action_use_text()

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[object]) -> None:
        """Preview the file under the cursor of the folder tree."""
        path = getattr(event.node.data, "path", None)
        if isinstance(path, Path) and path.is_file():
            self._load_preview(str(path))

    def on_directory_tree_file_selected(self) -> None:
        """Use the file under the cursor."""
        self.action_use_text()

    @on(Input.Submitted, "#path")
    def _submit_path(self, event: Input.Submitted) -> None:
        spec = event.value.strip()
        if spec == self._spec and self._corpus:
            self.action_use_text()
        elif spec:
            self._load_preview(spec)

    @work(exclusive=True, exit_on_error=False)
    async def _load_preview(self, spec: str) -> None:
        """Read the beginning of a text in a thread; cancels the previous preview."""
        self._cancel.set()
        self._cancel = cancel = threading.Event()
        self._spec, self._corpus, self._preview = spec, None, None
        self._is_chosen = False
        try:
            corpus = await asyncio.to_thread(resolve_corpus, spec, self.services.home)
            self._show_description(corpus)
            preview = await asyncio.to_thread(_read_preview, corpus, cancel)
        except Cancelled:
            return
        except MiniGPTError as error:
            self._show_problem(error)
            return
        if self._spec == spec:
            self._corpus, self._preview = corpus, preview
            self._show_facts()
            self.query_one(TokenBoxes).show(preview.token_lines)
            if self._is_chosen:
                self.action_use_text()

    def _show_description(self, corpus: Corpus) -> None:
        self.set_header(state=corpus.name)
        words = corpus.description or ", ".join(str(path) for path in corpus.files[:3])
        self.query_one("#about", Static).update(Content(one_line(words)))
        self.query_one("#facts", Static).update(Content.styled("reading…", "dim"))
        self.query_one(TokenBoxes).show(())

    def _show_facts(self) -> None:
        if self._preview is not None:
            region = self.query_one("#preview").scrollable_content_region
            text = preview_text(self._preview, max(MIN_PREVIEW_CELLS, region.width))
            self.query_one("#facts", Static).update(text)

    def on_resize(self) -> None:
        """Wrap the facts for the new width."""
        self.call_after_refresh(self._show_facts)

    def _show_problem(self, error: MiniGPTError) -> None:
        self.query_one("#about", Static).update(Content(""))
        text = Content.assemble(
            (one_line(error.message), "bold $error"), "\n\n", one_line(error.hint)
        )
        self.query_one("#facts", Static).update(text)
        self.query_one(TokenBoxes).show(())

    def action_use_text(self) -> None:
        """Open the settings for this text, once its preview is complete."""
        self._is_chosen = self._corpus is None
        if self._corpus is not None:
            self.post_message(OpenSetup(self._spec))

    def action_path(self) -> None:
        """Show the path input."""
        field = self.query_one("#path", Input)
        field.display = True
        field.focus()

    def action_browse(self) -> None:
        """Switch between the list and the folder tree."""
        texts = self.query_one("#texts")
        if not self.query("#tree"):
            from textual.widgets import DirectoryTree  # slow to import, not for the first frame

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
        """Close the path input or the folder tree, else go back."""
        path, texts = self.query_one("#path"), self.query_one("#texts")
        if path.display and self.focused is path:
            path.display = False
            (texts if texts.display else self.query_one("#tree")).focus()
        elif not texts.display:
            self._close_tree()
        else:
            self._cancel.set()
            super().action_back()


def _read_preview(corpus: Corpus, cancel: threading.Event) -> Preview:
    from core.dataset.preview import preview  # slow to import, not for the first frame

    return preview(corpus, cancel.is_set)


def _option_text(name: str, detail: str) -> Content:
    name = one_line(name)
    if cell_len(name) < CORPUS_NAME_CELLS:
        name = set_cell_size(name, CORPUS_NAME_CELLS)
    return Content.assemble(name, " ", (one_line(detail), "dim"))


def preview_text(preview: Preview, width: int) -> Content:
    """The counts of a preview as label and value, wrapped to `width` cells; then warnings."""
    part = "" if preview.complete else " (preview)"
    words = f"{preview.words:,}{part}, {preview.distinct_words:,} distinct, "
    words += f"{preview.words_once:,} once"
    if preview.estimated_words > preview.words:
        words = "not separated by blanks"
    rows = [
        ("size", f"{size(preview.size)}, {preview.encoding}"),
        ("text", f"{preview.characters:,} characters{part}"),
        ("lines", f"{preview.lines:,}{part}, longest {preview.longest_line:,} characters"),
        ("words", words),
        ("repeated", f"{preview.duplicate_lines:,} lines" if preview.duplicate_lines else ""),
        ("reading", f"{preview.reading}: {preview.reason}"),
        ("tokens", preview.tokenizer_reason),
    ]
    lines = [
        Content.assemble((first_column.ljust(LABEL_CELLS), "dim"), line)
        for label, value in rows
        for first_column, line in zip(
            chain([label], repeat("")),
            textwrap.wrap(one_line(value), width - LABEL_CELLS),
            strict=False,
        )
    ]
    warnings = (Content.styled(f"! {one_line(text)}", "bold $warning") for text in preview.warnings)
    return Content("\n").join([*lines, *warnings])
