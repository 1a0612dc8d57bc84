"""The Models screen: the list of runs, a preview of one, and what can be done with each."""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from core.errors import MiniGPTError
from core.run import control_file
from core.run.directory import Run
from core.run.notes import RunNote, format_note, parse_note, write_note
from core.run.store import check_free, delete_run, find_run, rename_run, send_request
from tui.common.messages import (
    CopyRequested,
    OpenBlank,
    OpenChat,
    OpenCompare,
    OpenInside,
    OpenNewRun,
    OpenStep,
    OpenTest,
    OpenTrain,
)
from tui.common.sanitize import one_line
from tui.runs.family import FamilyRow, RunOrder, arrange_runs, list_children
from tui.runs.library import Library, LibraryRow
from tui.runs.library_text import deletion_question, library_state, stop_question
from tui.runs.preview import (
    RunPreview,
    brief_facts,
    brief_sample,
    list_preview_facts,
    preview_content,
    read_preview,
)
from tui.runs.run_actions import RUN_ACTIONS, explain_refusal
from tui.screens.base import BaseScreen
from tui.screens.dialogs import ConfirmDialog, LineDialog
from tui.widgets.line_input import LineInput
from tui.widgets.panel import Panel
from tui.widgets.row_list import RowList
from tui.widgets.run_table import MAX_MARKED, RunTable
from tui.widgets.sample_list import SampleList

if TYPE_CHECKING:
    from tui.widgets.chart_panel import ChartPanel

REFRESH_SECONDS = 1.0
REMOTE_REFRESH_SECONDS = 3.0
PREVIEW_DELAY_SECONDS = 0.1  # after the cursor has moved, so that holding a key reads nothing
CHART_MODULE = "tui.widgets.chart_panel"  # imports numpy, which the first frame does not need
WIDE_CLASS = "-wide"
LIST_ROWS = 4  # of the panel around the table: its borders, the heading, a free row
NO_RUNS_TEXT = (
    "There are no runs yet.\n\nPress n to choose a text and train a first model; "
    "with the bundled text `lang` this takes seconds."
)


class ModelsScreen(BaseScreen):
    """All runs, updated in place."""

    HEADING = "Models"
    HELP = (
        "All runs with status and losses, each below the run whose weights it started from. Enter "
        "opens a run, t chats with it (an encoder fills in blanks), n creates one. Space marks two "
        "to four runs, c compares them; X exports a run for other programs. ● training  ‖ paused  "
        "✓ finished  ■ stopped  ✗ failed or crashed  • marked."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", tooltip="Choose a text and train a new model"),
        Binding("t", "chat", "Chat", tooltip="Chat with the model"),
        Binding("t", "blank", "Blank", tooltip="Fill in blanks of a text with an encoder"),
        Binding("x", "step", "Step", tooltip="Choose a text token by token"),
        Binding("i", "inside", "Inside", tooltip="Look inside the model"),
        Binding("T", "test", "Test", tooltip="Test how often its replies are right"),
        Binding("space", "mark", "Mark", key_display="Space", tooltip="Mark a run to compare"),
        Binding("c", "compare", "Compare", tooltip="Compare two to four marked runs"),
        Binding("slash", "filter", "Find", key_display="/", tooltip="Filter by name or tag"),
        Binding("r", "resume", "Resume", tooltip="Resume a stopped, failed or crashed run"),
        Binding("s", "stop", "Stop", tooltip="Save and stop training"),
        Binding("o", "order", "Order", show=False, tooltip="Sort by age, name or loss"),
        Binding("f2", "note", "Note", show=False, tooltip="Note and tags of the run"),
        Binding("m", "rename", "Rename", show=False, tooltip="Rename the run"),
        Binding("d", "delete", "Delete", show=False, tooltip="Delete the run permanently"),
        Binding(
            "N", "duplicate", "New like it", show=False, tooltip="A new run with these settings"
        ),
        Binding("y", "copy_path", "Copy path", show=False, tooltip="Copy the run's path"),
        Binding("X", "export", "Export", show=False, tooltip="Export for other programs"),
        Binding("escape", "back", "Back", show=False, tooltip="Show all runs again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[LibraryRow] = []
        self._arranged: list[FamilyRow] = []
        self._order = RunOrder.AGE
        self._keeps_order = False  # so that no run moves under the cursor
        self._is_read = False
        self._library: Library | None = None
        self._reading = asyncio.Lock()  # a thread cannot be cancelled
        self._preview: tuple[str, RunPreview] | None = None  # name of the run
        self._preview_stamp: tuple[object, ...] = ()
        self._preview_timer: Timer | None = None
        self._contents: dict[str, Content] = {}
        self._chart: ChartPanel | None = None

    def body(self) -> ComposeResult:
        yield LineInput(placeholder="name or tag", compact=True, id="filter")
        with Horizontal(id="library"):
            with Vertical(id="left"):
                yield Panel(
                    RunTable(self.services.terminal.charset),
                    Static(id="empty", markup=False),
                    title="Models",
                    id="list",
                )
                yield Vertical(id="chart")
            with Vertical(id="right"):
                yield Panel(Static(id="facts"), id="about")
                yield Panel(SampleList(), title="It says", id="says")
        yield Panel(Static(id="brief"), id="short")

    def on_mount(self) -> None:
        self._library = Library(self.services.home)
        self.query_one("#filter").display = False
        self._timer = self.set_interval(
            self.services.terminal.interval(REFRESH_SECONDS, REMOTE_REFRESH_SECONDS),
            self._poll,
        )
        self._table.focus()
        # Of many runs those that fit are read before the first frame: a thread would compete with
        # the imports that begin after it.
        self._rows = self._library.rows(self.app.size.height)
        self._is_read = True
        self._show()
        self.refresh_runs()
        self.call_after_refresh(self._mount_chart)

    def on_screen_suspend(self) -> None:
        """Pause refreshing while another screen is on top."""
        self._timer.pause()

    def on_screen_resume(self) -> None:
        """Refresh, with the runs that changed last on top."""
        self._keeps_order = False
        self._timer.resume()
        self.refresh_runs()

    @work(exit_on_error=False)
    async def _mount_chart(self) -> None:
        """Add the chart, whose imports would delay the first frame."""
        module = await asyncio.to_thread(importlib.import_module, CHART_MODULE)
        self._chart = module.ChartPanel(self.services.terminal.charset)
        await self.query_one("#chart").mount(self._chart)
        self._draw_preview()

    def _poll(self) -> None:
        if not self._reading.locked():
            self.refresh_runs()

    @work(group="refresh", exit_on_error=False)
    async def refresh_runs(self) -> None:
        """Read changed runs in a thread and update the table, after a reading that has begun."""
        if self._library is None:
            return
        async with self._reading:
            self._use(await asyncio.to_thread(self._library.rows))
            if await asyncio.to_thread(self._library.measure_sizes):
                self._use(await asyncio.to_thread(self._library.rows))
        self._draw_preview()  # which says how long ago a run was saved

    def _use(self, rows: list[LibraryRow]) -> None:
        """Show these runs if anything has changed."""
        if rows != self._rows or not self._keeps_order:
            self._rows = rows
            self._show()
        self._keeps_order = True

    @property
    def _table(self) -> RunTable:
        return self.query_one(RunTable)

    def _show(self) -> None:
        if not self._is_read:
            return
        typed = self.query_one("#filter", Input).value
        names = [row.name for row in self._arranged] if self._keeps_order else []
        self._arranged = arrange_runs(self._rows, self._order, names)
        rows = [row for row in self._rows if _matches(row, typed.casefold())]
        arranged = arrange_runs(rows, self._order, [row.name for row in self._arranged])
        self._table.keep_marks({row.name for row in self._arranged})
        self._table.show(arranged, self._order)
        self._table.display = bool(arranged)
        empty = self.query_one("#empty", Static)
        empty.display = not arranged
        if not arranged:
            text = f"No run or tag matches “{one_line(typed)}”." if self._rows else NO_RUNS_TEXT
            empty.update(text)
        self._fit_list()
        self.set_header(state=library_state(self._rows, has_size=self.has_class(WIDE_CLASS)))
        self._update_hint()
        self._follow_cursor()

    def _fit_list(self) -> None:
        """Give the table the rows it needs, at most half of a wide screen."""
        panel = self.query_one("#list")
        if self.has_class(WIDE_CLASS):
            half = (self.size.height - 2) // 2
            panel.styles.height = max(8, min(len(self._rows) + LIST_ROWS, half))
        else:
            panel.styles.height = "1fr"

    def _update_hint(self) -> None:
        marked = len(self._table.marked)
        hint = f"{marked} marked" if marked else "Space marks two to four to compare"
        self.query_one("#list", Panel).set_hint(f"{hint} · o order: {self._order}")

    def on_resize(self) -> None:
        """Fit the list, and draw the preview that is visible now."""
        self.call_after_refresh(self._show)

    @on(RowList.Moved)
    def _follow_cursor(self) -> None:
        """Show what is known of the run under the cursor, and read the rest soon."""
        row = self._table.selected
        stamp = (row.summary.name, row.changed, row.summary.status) if row else ()
        if stamp != self._preview_stamp:
            self._preview_stamp = stamp
            if self._preview_timer is not None:
                self._preview_timer.stop()
            self._preview_timer = self.set_timer(PREVIEW_DELAY_SECONDS, self._read_preview)
        self._draw_preview()
        self.refresh_bindings()

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def _read_preview(self) -> None:
        row = self._table.selected
        if row is None:
            return
        name = row.summary.name
        preview = await asyncio.to_thread(read_preview, Run(self.services.home.runs / name))
        self._preview = (name, preview)
        self._draw_preview()

    def _draw_preview(self) -> None:
        """Show facts, losses and samples of the run under the cursor, as far as they are read."""
        row = self._table.selected
        self.set_class(row is None, "-empty")
        if row is None:
            return
        name, now = row.summary.name, time.time()
        is_read = self._preview is not None and self._preview[0] == name
        preview = self._preview[1] if self._preview and is_read else RunPreview()
        if not self.has_class(WIDE_CLASS):
            lines = [Content(brief_facts(row, preview, now)), brief_sample(preview, _note(row))]
            self._put("#brief", Content("\n").join(lines))
            self.query_one("#short", Panel).set_title(name)
            return
        children = list_children(self._rows, name)
        self.query_one("#about", Panel).set_title(name)
        self._put("#facts", preview_content(list_preview_facts(row, preview, children, now)))
        if not is_read:
            return
        samples = preview.history.samples
        self.query_one(SampleList).show(samples)
        words = "the same prompt, as it learned · Tab to read on" if samples else "no samples yet"
        self.query_one("#says", Panel).set_hint(words)
        if self._chart is not None:
            from tui.runs.curves import run_chart  # imports numpy, as the chart does

            self._chart.plot.show(run_chart(preview.history))

    def _put(self, selector: str, content: Content) -> None:
        """Update a text if it has changed."""
        before = self._contents.get(selector)
        if before is None or not before.is_same(content):
            self._contents[selector] = content
            self.query_one(selector, Static).update(content)

    @on(RowList.Opened)
    def _open(self) -> None:
        if run := self._run:
            self.post_message(OpenTrain(run.name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the run under the cursor can do."""
        return self.explain_refusal(action) is None if self.is_mounted else True

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now; None if it is."""
        if action == "compare":
            return None if len(self._table.marked) > 1 else "Mark two to four runs with Space."
        if action not in RUN_ACTIONS:
            return None
        row = self._table.selected
        return explain_refusal(action, row.summary) if row else "There is no run in the list."

    @property
    def _run(self) -> Run | None:
        row = self._table.selected
        try:
            return find_run(self.services.home, row.summary.name) if row else None
        except MiniGPTError as error:
            self.show_error(error)
            return None

    def action_new(self) -> None:
        self.post_message(OpenNewRun())

    def action_chat(self) -> None:
        if run := self._run:
            self.post_message(OpenChat(run.name))

    def action_blank(self) -> None:
        if run := self._run:
            self.post_message(OpenBlank(run.name, text=self._prompt(run)))

    def action_step(self) -> None:
        if run := self._run:
            self.post_message(OpenStep(run.name, prompt=self._prompt(run)))

    def action_inside(self) -> None:
        if run := self._run:
            self.post_message(OpenInside(run.name, prompt=self._prompt(run)))

    def action_test(self) -> None:
        if run := self._run:
            self.post_message(OpenTest(run.name))

    def _prompt(self, run: Run) -> str:
        """The prompt of the samples of a run; empty until they are read."""
        name, preview = self._preview or ("", None)
        samples = preview.history.samples if preview and name == run.name else []
        return samples[-1].prompt if samples else ""

    @work(group="duplicate", exclusive=True, exit_on_error=False)
    async def action_duplicate(self) -> None:
        """Open the settings of a new run, filled in as those of this one were."""
        if not (run := self._run):
            return
        from tui.runs.setup import read_setup  # imports the planner: not at start-up

        try:
            settings = await asyncio.to_thread(read_setup, self.services.home, run)
        except MiniGPTError as error:
            self.show_error(error)
            return
        self.post_message(settings)

    def action_mark(self) -> None:
        """Mark the run for a comparison, or remove the mark."""
        if not self._table.toggle_mark():
            self.notify(f"At most {MAX_MARKED} runs can be compared.", markup=False)
        self._update_hint()
        self.refresh_bindings()

    def action_compare(self) -> None:
        self.post_message(OpenCompare(self._table.marked))

    def action_order(self) -> None:
        """Sort by the next of age, name and loss; the cursor stays on its run."""
        self._order = self._order.following
        self._keeps_order = False
        self._show()
        self._keeps_order = True
        self.notify(f"Sorted by {self._order}.", timeout=2.0, markup=False)

    @work
    async def action_stop(self) -> None:
        """Request a stop, after a question if the last save was long ago."""
        run = self._run
        if run is None:
            return
        history = (await asyncio.to_thread(read_preview, run)).history
        question = stop_question(run.name, history, time.time())
        if question and not await self.app.push_screen_wait(ConfirmDialog(question, "stop")):
            return
        try:
            send_request(run, control_file.STOP)
        except MiniGPTError as error:
            self.show_error(error)
            return
        self.notify(f"Saving and stopping {run.name}…", markup=False)
        self.explain_silence(run)

    def action_resume(self) -> None:
        """Resume the run and open it."""
        if run := self._run:
            from tui.runs.setup import resume_run  # slow to import

            try:
                resume_run(self.services.home, run)
            except MiniGPTError as error:
                self.show_error(error)
            else:
                self.post_message(OpenTrain(run.name))

    def action_copy_path(self) -> None:
        if run := self._run:
            self.post_message(CopyRequested(str(run.folder), "path"))

    @work(group="export", exclusive=True, exit_on_error=False)
    async def action_export(self) -> None:
        """Ask as what and where to the run is exported."""
        if not (run := self._run):
            return
        from tui.runs.export_choices import read_export_options  # not at start-up
        from tui.screens.export_dialog import ExportDialog

        try:
            options = await asyncio.to_thread(read_export_options, run)
        except MiniGPTError as error:
            self.show_error(error)
            return
        self.app.push_screen(ExportDialog(options))

    @work
    async def action_delete(self) -> None:
        """Delete the run after a confirmation."""
        row, run = self._table.selected, self._run
        if row is None or run is None:
            return
        children = list_children(self._rows, run.name)
        question = await asyncio.to_thread(deletion_question, row, run, children)
        if await self.app.push_screen_wait(ConfirmDialog(question, "delete")):
            try:
                users = await asyncio.to_thread(delete_run, self.services.home, run)
                if users:
                    text = f"Its text from standard input stays for {', '.join(users)}."
                    self.notify(text, markup=False)
            except MiniGPTError as error:
                self.show_error(error)
            self.refresh_runs()

    @work
    async def action_rename(self) -> None:
        run, home = self._run, self.services.home
        if run is None:
            return

        def check(name: str) -> None:
            if name.strip() != run.name:
                check_free(home, name.strip())

        question = f"New name for {run.name}:"
        name = await self.app.push_screen_wait(LineDialog(question, run.name, check))
        if name is None or name.strip() == run.name:
            return
        try:
            rename_run(self.services.home, run, name.strip())
        except MiniGPTError as error:
            self.show_error(error)
        self.refresh_runs()

    @work
    async def action_note(self) -> None:
        """Edit the note and the tags in one line."""
        row, run = self._table.selected, self._run
        if row is None or run is None:
            return
        note = RunNote(row.summary.note, row.summary.tags)
        question = f"Note on {run.name}; words with # are tags:"
        line = await self.app.push_screen_wait(LineDialog(question, format_note(note), parse_note))
        if line is None:
            return
        try:
            write_note(run, parse_note(line))
        except MiniGPTError as error:
            self.show_error(error)
        self.refresh_runs()

    def action_filter(self) -> None:
        """Show the filter and focus it."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_changed(self) -> None:
        self._show()

    def on_input_submitted(self) -> None:
        """Return to the filtered list."""
        self._table.focus()

    def action_back(self) -> None:
        """Clear the filter."""
        field = self.query_one("#filter", Input)
        field.value, field.display = "", False
        self._table.focus()


def _matches(row: LibraryRow, text: str) -> bool:
    """Whether a run's name or one of its tags contains a text in small letters."""
    summary = row.summary
    return any(text in word.casefold() for word in (summary.name, *summary.tags))


def _note(row: LibraryRow) -> str:
    return format_note(RunNote(row.summary.note, row.summary.tags))
