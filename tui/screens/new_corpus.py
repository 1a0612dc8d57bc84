"""New run, first screen: choose a bundled text, one of one's own or any file, with a preview."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import textwrap
import threading
from contextlib import aclosing
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static

from core.config.configs import TrainConfig
from core.errors import Cancelled, MiniGPTError
from core.run.store import list_runs
from core.server.protocol import ProbeRequest
from core.text.catalog import recent_files
from core.text.corpus import LINES, Corpus, bundled_corpora
from core.text.messages import PLAIN_TEXT_HINT, is_table
from core.text.resolve import resolve_corpus
from tui.common.messages import OpenSetup
from tui.common.sanitize import one_line
from tui.runs.forecast_text import approximate_duration, setup_state
from tui.runs.text_facts import (
    LABEL_CELLS,
    brief_preview_text,
    own_kind,
    preview_text,
    shown_tokens,
    tokenizer_kind,
)
from tui.runs.text_times import TextTime, TextTimes
from tui.screens.base import BaseScreen
from tui.widgets.line_input import LineInput
from tui.widgets.panel import Panel, is_wide
from tui.widgets.text_list import HEADINGS, OTHER_TEXT, UNKNOWN_TIME, TextList, TextRow
from tui.widgets.token_text import TokenBoxes

if TYPE_CHECKING:
    from textual.widgets import Tree

    from core.dataset.preview import Preview

FIRST_CORPUS = "lang"  # highlighted at first: it trains in seconds
START_HERE = "← start here"
MAX_RECENT_FILES = 8
MIN_PREVIEW_CELLS = 2 * LABEL_CELLS  # used before the first layout
# What a bundled text is used for, in a word; the list has this order.
KINDS = {
    "generation": "text",
    "dialogue": "chat",
    "question answering": "answers",
    "sentiment": "labels",
    "translation": "translate",
    "arithmetic": "sums",
}
NEXT_STEPS = (
    (
        "1  ",
        "minigpt picks a tokenizer, a size and a training that suit text and machine.",
    ),
    ("2  ", "You see what it costs and why, and change what you like."),
    ("3  ", "It trains, and you can chat with it meanwhile."),
)
CONTINUES = "Training continues when you close the terminal."


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


class NewCorpusScreen(BaseScreen):
    """A list of texts and a preview of the highlighted one."""

    TRAIL, HEADING = ("New run",), "Text"
    HELP = (
        "Choose the text to train on: bundled texts first, your own below. f enters the path of a "
        "file, a folder or a pattern such as notes/**/*.md; b browses folders. The times are "
        "forecasts for this machine with automatic settings."
    )
    AUTO_FOCUS = "#texts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "path", "File or folder", tooltip="Enter a path to a file, folder or pattern"),
        Binding("b", "browse", "Browse", tooltip="Browse folders"),
        Binding("slash", "find", "Find", key_display="/", tooltip="Find a text by its name"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._corpus: Corpus | None = None  # set once its preview is complete
        self._preview: Preview | None = None
        self._spec = ""
        self._reading: str | None = None  # None is decided from the text
        self._can_read_lines = False  # the text is a table that is not one of pairs
        self._is_chosen = False  # Enter was pressed before the preview was complete
        self._cancel = threading.Event()
        self._times: TextTimes | None = None
        self._own: list[Path] = []
        self._device = ""

    def body(self) -> ComposeResult:
        """The welcome, then texts on the left and the preview on the right."""
        yield Static(id="welcome")
        with Horizontal(id="new-text"):
            with Vertical(id="choice"):
                yield LineInput(placeholder="find a text by its name", compact=True, id="find")
                yield LineInput(
                    placeholder="file, folder or pattern",
                    suggester=PathSuggester(),
                    compact=True,
                    id="path",
                )
                with Panel(title="Text", id="texts-panel"):
                    yield Static(HEADINGS, classes="label", markup=False, id="headings")
                    yield TextList(id="texts")
                    yield Static(id="device", markup=False)
                with Panel(title="What happens next", id="next-panel"):
                    yield Static(id="next")
            with Vertical(id="preview"):
                with Panel(id="facts-panel"):
                    yield Static(id="facts")
                with (
                    Panel(title="As the model reads it", id="tokens-panel"),
                    VerticalScroll(id="tokens-scroll"),
                ):
                    yield TokenBoxes(id="boxes")

    def set_header(self, *subjects: str, state: Content | str = "") -> None:
        """Show which step of setting up this is."""
        super().set_header(*subjects, state=state or setup_state(0))

    def on_mount(self) -> None:
        """Fill the list."""
        self.query_one("#path").display = self.query_one("#find").display = False
        self.query_one("#welcome").display = not list_runs(self.services.home)
        self._show_welcome(None)
        self._own = list(dict.fromkeys(recent_files(self.services.home, 2 * MAX_RECENT_FILES)))
        self._times = TextTimes(self.services.home)
        self._show_texts()

    def _show_texts(self, part: str = "") -> None:
        """Fill the list with the texts whose name contains `part`."""
        rows = [
            TextRow(
                spec=corpus.name,
                name=corpus.name,
                kind=KINDS.get(corpus.use, corpus.use),
                time=self._time_text(corpus),
                note=START_HERE if corpus.name == FIRST_CORPUS else "",
                is_recommended=corpus.name == FIRST_CORPUS,
            )
            for corpus in ordered_corpora()
            if part in corpus.name
        ]
        own = [
            TextRow(
                spec=str(path),
                name=path.name,
                kind=own_kind(path),
                time=self._time_text(_own_corpus(path)),
                note=_short_folder(path),
            )
            for path in self._own[:MAX_RECENT_FILES]
            if part in path.name.casefold()
        ]
        self.query_one(TextList).show(rows, own)

    def _time_text(self, corpus: Corpus | None) -> str:
        time = self._times.find(corpus) if self._times and corpus else None
        if time is None:
            return UNKNOWN_TIME
        self._show_device(time)
        if corpus is not None and corpus.name == FIRST_CORPUS:
            self._show_welcome(time)
        return approximate_duration(time.seconds)

    def _show_device(self, time: TextTime) -> None:
        words = f"  Forecasts for {one_line(time.device)}, with automatic settings."
        self.query_one("#device", Static).update(Content.styled(words, "$faint"))

    def _show_welcome(self, time: TextTime | None) -> None:
        """Three lines for a newcomer."""
        within = "in seconds" if time is None else f"in about {approximate_duration(time.seconds)}"
        self.query_one("#welcome", Static).update(
            Content.assemble(
                ("Welcome.", "bold $ink"),
                " minigpt trains a small GPT from scratch, on a text of yours.\n",
                "New here? Press ",
                ("Enter", "bold $primary"),
                " twice: it learns ",
                ("lang", "bold $ink"),
                f" by heart {within}.\n",
                "Then chat with it, step through it token by token, and look inside.",
            )
        )

    # How long training takes

    @work(exclusive=True, group="times", exit_on_error=False)
    async def _measure_times(self) -> None:
        """Forecast the training time of each text that has none yet, one after the other."""
        corpora = [*ordered_corpora(), *map(_own_corpus, self._own[:MAX_RECENT_FILES])]
        assert self._times is not None
        for corpus in corpora:
            if corpus is None:
                continue
            if self._times.find(corpus) is None:
                try:
                    time = await self._forecast(corpus)
                except MiniGPTError:
                    continue  # the preview of this text tells what is wrong with it
                if time is None:
                    return
                await asyncio.to_thread(self._times.add, corpus, time)
            spec = corpus.name if corpus.bundled else str(corpus.files[0])
            self.query_one(TextList).set_time(spec, self._time_text(corpus))

    async def _forecast(self, corpus: Corpus) -> TextTime | None:
        """Ask the model server; None if it cannot tell."""
        text = await asyncio.to_thread(_read_preview, corpus, threading.Event())
        request = ProbeRequest(train=TrainConfig(), tokens=text.facts)
        forecast = None
        replies = self.services.client.stream(request)
        async with aclosing(replies):
            async for reply in replies:
                forecast = reply.forecast
        if forecast is None or forecast.seconds is None:
            return None
        return TextTime(seconds=forecast.seconds, device=forecast.train.device)

    def on_screen_suspend(self) -> None:
        """Leave the model server to the next screen."""
        self.workers.cancel_group(self, "times")

    def on_screen_resume(self) -> None:
        """Forecast what is not forecast yet, after the frame."""
        self.call_after_refresh(self._measure_times)

    # Choosing

    @on(OptionList.OptionHighlighted)
    def _preview_option(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id == OTHER_TEXT:
            self._show_other()
        elif event.option.id and event.option.id != self._spec:
            self._load_preview(event.option.id)

    def _show_other(self) -> None:
        """Explain the row that asks for a path."""
        self._cancel.set()
        self.workers.cancel_group(self, "preview")
        self._spec, self._corpus, self._preview = "", None, None
        self._can_read_lines = False
        words = "Enter asks for a file, a folder or a pattern such as notes/**/*.md."
        self._show_message("Another text", Content.styled(words, "$muted"))

    @on(OptionList.OptionSelected)
    def _use_option(self, event: OptionList.OptionSelected) -> None:
        if event.option.id == OTHER_TEXT:
            self.action_path()
        else:
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
        if spec == self._spec and (self._corpus or self._can_read_lines):
            self.action_use_text()
        elif spec:
            self._load_preview(spec)

    @on(Input.Changed, "#find")
    def _filter(self, event: Input.Changed) -> None:
        self._show_texts(event.value.strip().casefold())

    @on(Input.Submitted, "#find")
    def _end_find(self) -> None:
        self.query_one("#find").display = False
        self.query_one("#texts").focus()

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def _load_preview(self, spec: str, reading: str | None = None) -> None:
        """Read the beginning of a text in a thread; cancels the previous preview."""
        self._cancel.set()
        self._cancel = cancel = threading.Event()
        self._spec, self._corpus, self._preview = spec, None, None
        self._reading, self._can_read_lines, self._is_chosen = reading, False, False
        corpus = None
        try:
            corpus = await asyncio.to_thread(resolve_corpus, spec, self.services.home)
            if reading:
                corpus = dataclasses.replace(corpus, reading=reading)
            self._show_message(corpus.name, Content.styled("reading…", "$muted"))
            preview = await asyncio.to_thread(_read_preview, corpus, cancel)
        except Cancelled:
            return
        except MiniGPTError as error:
            is_pairs = corpus is not None and any(map(is_table, corpus.files))
            self._can_read_lines = is_pairs and reading is None
            self._show_problem(error)
            return
        if self._spec == spec:
            self._corpus, self._preview = corpus, preview
            self._show_facts()
            self.query_one(TokenBoxes).show(shown_tokens(preview))
            if self._is_chosen:
                self.action_use_text()

    def _show_message(self, title: str, text: Content) -> None:
        """Show words in place of the facts."""
        self.query_one("#facts-panel", Panel).set_title(title)
        self.query_one("#facts", Static).update(text)
        self.query_one("#tokens-panel", Panel).set_hint("")
        self.query_one(TokenBoxes).show(())

    def _show_facts(self) -> None:
        if self._preview is None or self._corpus is None:
            return
        facts = self.query_one("#facts", Static)
        width = max(MIN_PREVIEW_CELLS, facts.size.width)
        if is_wide(self):
            text = preview_text(self._corpus, self._preview, width)
        else:
            text = brief_preview_text(self._corpus, self._preview)
        facts.update(text)
        kind = tokenizer_kind(self._preview)
        hint = f"{self._preview.tokens:,} {kind} tokens · every other one shaded and bold"
        self.query_one("#tokens-panel", Panel).set_hint(hint)

    def on_resize(self) -> None:
        """Wrap the facts for the new width."""
        self.query_one("#next", Static).update(
            next_steps_text(max(MIN_PREVIEW_CELLS, self.query_one("#next").size.width))
        )
        self.call_after_refresh(self._show_facts)

    def _show_problem(self, error: MiniGPTError) -> None:
        """What is wrong with a text; Enter reads a table that is not one of pairs as lines."""
        hint, way_out, title = error.hint, "", "Not a text"
        if self._can_read_lines:
            hint, title = hint.removesuffix(PLAIN_TEXT_HINT).rstrip(), "Not a table of pairs"
            way_out = "\nEnter reads the file as lines of plain text instead."
        words = Content.assemble(
            ("! ", "bold $error"), (one_line(error.message), "bold $error"), "\n",
            (one_line(hint), "$muted"), (way_out, "$ink"),
        )  # fmt: skip
        self._show_message(title, words)

    def action_use_text(self) -> None:
        """Open the settings for this text, once its preview is complete."""
        if self._can_read_lines:
            self._load_preview(self._spec, LINES)
            return
        self._is_chosen = self._corpus is None
        if self._corpus is not None:
            self.post_message(OpenSetup(self._spec, reading=self._reading))

    def action_path(self) -> None:
        """Show the path input."""
        field = self.query_one("#path", Input)
        field.display = True
        field.focus()

    def action_find(self) -> None:
        """Show the input that filters the list."""
        if self.query_one("#texts-panel").display:
            field = self.query_one("#find", Input)
            field.display = True
            field.focus()

    def action_browse(self) -> None:
        """Switch between the list and the folder tree."""
        texts = self.query_one("#texts-panel")
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
        self.query_one("#tree").display, self.query_one("#texts-panel").display = False, True
        self.query_one("#texts").focus()

    def action_back(self) -> None:
        """Close an input or the folder tree, else go back."""
        is_list_shown = self.query_one("#texts-panel").display
        if isinstance(self.focused, Input):
            if self.focused.id == "find":
                self.focused.value = ""
            self.focused.display = False
            (self.query_one("#texts") if is_list_shown else self.query_one("#tree")).focus()
        elif not is_list_shown:
            self._close_tree()
        else:
            super().action_back()

    def on_unmount(self) -> None:
        """Stop reading the text."""
        self._cancel.set()


def ordered_corpora() -> list[Corpus]:
    """The bundled texts: the one for newcomers first, then by kind."""
    order = list(KINDS)

    def rank(corpus: Corpus) -> tuple[bool, int]:
        return corpus.name != FIRST_CORPUS, order.index(corpus.use) if corpus.use in order else 99

    return sorted(bundled_corpora(), key=rank)


def _own_corpus(path: Path) -> Corpus | None:
    return Corpus(name=path.name, files=(path,)) if path.is_file() else None


def _short_folder(path: Path) -> str:
    """The folder of a file, with ~ for the user's own."""
    folder = path.parent
    try:
        return os.fspath("~" / folder.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return os.fspath(folder)


def _read_preview(corpus: Corpus, cancel: threading.Event) -> Preview:
    from core.dataset.preview import preview  # slow to import, not for the first frame

    return preview(corpus, cancel.is_set)


def next_steps_text(width: int) -> Content:
    """What happens after a text was chosen, wrapped to `width` cells."""
    lines = [
        Content.assemble((first_column, "bold $ink"), line)
        for number, words in NEXT_STEPS
        for first_column, line in zip(
            chain([number], repeat("   ")), textwrap.wrap(words, width - 3), strict=False
        )
    ]
    return Content("\n").join([*lines, Content.styled(CONTINUES, "$faint")])
