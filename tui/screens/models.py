"""The Models screen: the list of runs, and what can be done with each."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.widgets import Input, Static

from core.errors import MiniGPTError
from core.run import control_file
from core.run.directory import Run
from core.run.status import LIVE_STATUSES, RESUMABLE_STATUSES
from core.run.store import check_free, delete_run, find_run, rename_run, send_request
from tui.common.format import size
from tui.common.messages import CopyRequested, OpenChat, OpenNewRun, OpenTrain
from tui.common.sanitize import one_line
from tui.runs.library import Library, LibraryRow
from tui.screens.base import BaseScreen
from tui.screens.dialogs import ConfirmDialog, LineDialog
from tui.widgets.line_input import LineInput
from tui.widgets.run_table import RunTable, run_detail

REFRESH_SECONDS = 1.0
FIRST_ROWS = 50
REMOTE_REFRESH_SECONDS = 3.0
NO_RUNS_TEXT = (
    "There are no runs yet.\n\nPress n to choose a text and train a first model; "
    "with the bundled text `lang` this takes seconds."
)


class ModelsScreen(BaseScreen):
    """All runs, updated in place."""

    HEADING = "Models"
    HELP = "All runs with status and losses. Enter opens a run, t talks to it, n creates one."
    AUTO_FOCUS = "RunTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", tooltip="Choose a text and train a new model"),
        Binding("t", "chat", "Chat", tooltip="Chat with the model"),
        Binding("r", "resume", "Resume", tooltip="Resume a stopped, failed or crashed run"),
        Binding("s", "stop", "Stop", tooltip="Save and stop training"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Filter by name"),
        Binding("m", "rename", "Rename", show=False, tooltip="Rename the run"),
        Binding("d", "delete", "Delete", show=False, tooltip="Delete the run permanently"),
        Binding("y", "copy_path", "Copy path", show=False, tooltip="Copy the run's path"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[LibraryRow] = []
        self._keeps_order = False  # so that no run moves under the cursor
        self._library: Library | None = None

    def body(self) -> ComposeResult:
        yield LineInput(placeholder="name", compact=True, id="filter")
        yield RunTable(self.services.terminal.charset)
        yield Static(NO_RUNS_TEXT, id="empty", markup=False)
        yield Static(id="detail", markup=False)

    def on_mount(self) -> None:
        self._library = Library(self.services.home)
        self.query_one("#filter").display = False
        self._timer = self.set_interval(
            self.services.terminal.interval(REFRESH_SECONDS, REMOTE_REFRESH_SECONDS),
            self.refresh_runs,
        )
        self.refresh_runs()

    def on_screen_suspend(self) -> None:
        """Pause refreshing while another screen is on top."""
        self._timer.pause()

    def on_screen_resume(self) -> None:
        """Refresh, with the runs that changed last on top."""
        self._keeps_order = False
        self._timer.resume()
        self.refresh_runs()

    @work(exclusive=True, group="refresh", exit_on_error=False)
    async def refresh_runs(self) -> None:
        """Read changed runs in a thread and update the table."""
        if self._library is not None:
            if not self._rows:  # of many runs, those that fit on a screen are shown first
                self._rows = await asyncio.to_thread(self._library.rows, FIRST_ROWS)
                self._show()
            rows = await asyncio.to_thread(self._library.rows)
            if self._keeps_order:
                rows = _in_order_of(self._rows, rows)
            self._keeps_order = True
            if rows != self._rows:
                self._rows = rows
                self._show()

    def _show(self) -> None:
        value = self.query_one("#filter", Input).value
        shown = [row for row in self._rows if value.casefold() in row.summary.name.casefold()]
        table = self.query_one(RunTable)
        table.show(shown)
        table.display = bool(shown)
        empty = self.query_one("#empty", Static)
        empty.display = not shown
        empty.update(f"No run is called like “{one_line(value)}”." if self._rows else NO_RUNS_TEXT)
        alive = sum(row.summary.status in LIVE_STATUSES for row in self._rows)
        count = f"{len(self._rows)} runs" if len(self._rows) != 1 else "1 run"
        self.set_header(state=f"{count}, {alive} training" if alive else count)
        self._show_detail()

    def _show_detail(self) -> None:
        row = self.query_one(RunTable).selected
        folder = self.services.home.runs / row.summary.name if row else None
        self.query_one("#detail", Static).update(run_detail(row, folder) if row else Content(""))
        self.refresh_bindings()

    def on_data_table_row_highlighted(self) -> None:
        """Show the facts of the run under the cursor."""
        self._show_detail()

    def on_data_table_row_selected(self) -> None:
        self.action_open()

    def on_resize(self, event: Resize) -> None:
        """Show the columns that fit."""
        self.query_one(RunTable).fit(event.size.width)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the run under the cursor can do."""
        row = self.query_one(RunTable).selected if self.is_mounted else None
        status = row.summary.status if row else ""
        possible = {
            "open": bool(row),
            "chat": bool(row),
            "rename": bool(row) and status not in LIVE_STATUSES,
            "delete": bool(row) and status not in LIVE_STATUSES,
            "copy_path": bool(row),
            "resume": status in RESUMABLE_STATUSES,
            "stop": status in LIVE_STATUSES,
        }
        return possible.get(action, True)

    @property
    def _run(self) -> Run | None:
        row = self.query_one(RunTable).selected
        try:
            return find_run(self.services.home, row.summary.name) if row else None
        except MiniGPTError as error:
            self.show_error(error)
            return None

    def action_new(self) -> None:
        self.post_message(OpenNewRun())

    def action_open(self) -> None:
        if run := self._run:
            self.post_message(OpenTrain(run.name))

    def action_chat(self) -> None:
        if run := self._run:
            self.post_message(OpenChat(run.name))

    def action_stop(self) -> None:
        """Request a stop; the list shows when training has stopped."""
        if run := self._run:
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

    @work
    async def action_delete(self) -> None:
        """Delete the run after a confirmation."""
        row, run = self.query_one(RunTable).selected, self._run
        if row is None or run is None:
            return
        contents = f"{size(row.summary.size)} of weights and its chats"
        steps = f"{row.summary.step:,} steps of training"
        question = f"Delete {run.name} permanently?\n\n{contents}, {steps}:\n{run.folder}"
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

    def action_filter(self) -> None:
        """Show the filter and focus it."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_changed(self) -> None:
        self._show()

    def on_input_submitted(self) -> None:
        """Return to the filtered list."""
        self.query_one(RunTable).focus()

    def action_back(self) -> None:
        """Clear the filter."""
        field = self.query_one("#filter", Input)
        field.value, field.display = "", False
        self.query_one(RunTable).focus()


def _in_order_of(shown: list[LibraryRow], rows: list[LibraryRow]) -> list[LibraryRow]:
    """Sort the rows as they are shown already; new ones come first."""
    places = {row.summary.name: place for place, row in enumerate(shown)}
    return sorted(rows, key=lambda row: places.get(row.summary.name, -1))
