"""The list of runs: what there is, what it does, and where one goes from here."""

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
from core.run import control_file, status, store
from core.run.directory import Run
from tui.common.format import size
from tui.common.messages import CopyRequested, OpenNewRun, OpenTalk, OpenTrain
from tui.runs.library import Library, LibraryRow
from tui.screens.base import BaseScreen
from tui.screens.dialogs import ConfirmDialog, LineDialog
from tui.widgets.run_table import RunTable, detail

LOOK_SECONDS = 1.0
CALM_SECONDS = 3.0
EMPTY = (
    "There are no runs yet.\n\nPress n to choose a text and train a first model on it; "
    "with the bundled text `lang` that takes seconds."
)


class ModelsScreen(BaseScreen):
    """Every run, updated in place."""

    HEADING = "Models"
    HELP = "Every run with its status and losses. Enter watches one, t talks to it, n makes one."
    AUTO_FOCUS = "RunTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", tooltip="Choose a text and train a new model"),
        Binding("t", "talk", "Talk", tooltip="Talk to the model"),
        Binding("r", "resume", "Resume", tooltip="Go on where it stopped, failed or crashed"),
        Binding("s", "stop", "Stop", tooltip="Save and stop its training"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only names like this"),
        Binding("m", "rename", "Rename", show=False, tooltip="Give it another name"),
        Binding("d", "delete", "Delete", show=False, tooltip="Remove it and all that is in it"),
        Binding("y", "copy_path", "Copy path", show=False, tooltip="Copy where it is kept"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[LibraryRow] = []
        self._library: Library | None = None

    def body(self) -> ComposeResult:
        """The filter, the table, the facts of the run under the cursor."""
        yield Input(placeholder="name", compact=True, id="filter")
        yield RunTable(self.services.terminal.charset)
        yield Static(EMPTY, id="empty", markup=False)
        yield Static(id="detail", markup=False)

    def on_mount(self) -> None:
        """Looks at once, and again and again."""
        self._library = Library(self.services.home)
        self.query_one("#filter").display = False
        self._timer = self.set_interval(
            CALM_SECONDS if self.services.terminal.remote else LOOK_SECONDS, self.look_again
        )
        self.look_again()

    def on_screen_suspend(self) -> None:
        """Stops looking while another screen is shown."""
        self._timer.pause()

    def on_screen_resume(self) -> None:
        """Looks again."""
        self._timer.resume()
        self.look_again()

    @work(exclusive=True, group="look", exit_on_error=False)
    async def look_again(self) -> None:
        """Reads what has changed, in a thread, and shows that alone."""
        if self._library is not None:
            rows = await asyncio.to_thread(self._library.rows)
            if rows != self._rows:
                self._rows = rows
                self._show()

    def _show(self) -> None:
        wanted = self.query_one("#filter", Input).value.casefold()
        shown = [row for row in self._rows if wanted in row.summary.name.casefold()]
        table = self.query_one(RunTable)
        table.show(shown)
        table.display = bool(self._rows)
        self.query_one("#empty").display = not self._rows
        alive = sum(row.summary.status in status.ALIVE for row in self._rows)
        told = f"{len(self._rows)} runs" if len(self._rows) != 1 else "1 run"
        self.set_title(f"{told}, {alive} training" if alive else told)
        self._tell()

    def _tell(self) -> None:
        row = self.query_one(RunTable).chosen
        folder = self.services.home.runs / row.summary.name if row else None
        self.query_one("#detail", Static).update(detail(row, folder) if row else Content(""))
        self.refresh_bindings()

    def on_data_table_row_highlighted(self) -> None:
        """The facts follow the cursor."""
        self._tell()

    def on_data_table_row_selected(self) -> None:
        """Enter on a row watches it."""
        self.action_open()

    def on_resize(self, event: Resize) -> None:
        """Other columns fit now."""
        self.query_one(RunTable).fit(event.size.width)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what the run under the cursor can do."""
        row = self.query_one(RunTable).chosen if self.is_mounted else None
        word = row.summary.status if row else ""
        fit = {
            "open": bool(row),
            "talk": bool(row),
            "rename": bool(row) and word not in status.ALIVE,
            "delete": bool(row) and word not in status.ALIVE,
            "copy_path": bool(row),
            "resume": word in status.RESUMABLE,
            "stop": word in status.ALIVE,
        }
        return fit.get(action, True)

    @property
    def _run(self) -> Run | None:
        row = self.query_one(RunTable).chosen
        try:
            return store.find_run(self.services.home, row.summary.name) if row else None
        except MiniGPTError as error:
            self.show_error(error)
            return None

    def action_new(self) -> None:
        """To the texts."""
        self.post_message(OpenNewRun())

    def action_open(self) -> None:
        """To the run."""
        if run := self._run:
            self.post_message(OpenTrain(run.name))

    def action_talk(self) -> None:
        """To the model."""
        if run := self._run:
            self.post_message(OpenTalk(run.name))

    def action_stop(self) -> None:
        """Asks the trainer; the list says when it has stopped."""
        if run := self._run:
            try:
                store.send_request(run, control_file.STOP)
            except MiniGPTError as error:
                self.show_error(error)
                return
            self.notify(f"{run.name} saves and stops.", markup=False)

    def action_resume(self) -> None:
        """Starts a trainer and watches it."""
        if run := self._run:
            from tui.runs.setup import resume  # much to import, and not for the first frame

            try:
                resume(self.services.home, run)
            except MiniGPTError as error:
                self.show_error(error)
            else:
                self.post_message(OpenTrain(run.name))

    def action_copy_path(self) -> None:
        """The run's folder."""
        if run := self._run:
            self.post_message(CopyRequested(str(run.folder), "path"))

    @work
    async def action_delete(self) -> None:
        """Removes the run, after a question that names what goes."""
        row, run = self.query_one(RunTable).chosen, self._run
        if row is None or run is None:
            return
        facts = f"{size(row.summary.size)}, {row.summary.step} steps of training"
        question = f"Remove {run.name} for good?\n\n{facts}, all that was said to it:\n{run.folder}"
        if await self.app.push_screen_wait(ConfirmDialog(question, "remove it")):
            try:
                await asyncio.to_thread(store.delete_run, self.services.home, run)
            except MiniGPTError as error:
                self.show_error(error)
            self.look_again()

    @work
    async def action_rename(self) -> None:
        """Gives the run another name."""
        run = self._run
        if run is None:
            return
        name = await self.app.push_screen_wait(
            LineDialog(f"Another name for {run.name}:", run.name)
        )
        if name is None or name == run.name:
            return
        try:
            store.rename_run(self.services.home, run, name.strip())
        except MiniGPTError as error:
            self.show_error(error)
        self.look_again()

    def action_filter(self) -> None:
        """Typing narrows the list."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_changed(self) -> None:
        """The list follows the typing."""
        self._show()

    def on_input_submitted(self) -> None:
        """Back to the list, narrowed."""
        self.query_one(RunTable).focus()

    def action_back(self) -> None:
        """Shows all again."""
        field = self.query_one("#filter", Input)
        field.value, field.display = "", False
        self.query_one(RunTable).focus()
