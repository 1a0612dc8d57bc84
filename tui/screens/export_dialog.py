"""The Export dialog: choose what a run is written as, watch it, and read where it went."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import ClassVar, Protocol

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from core.errors import Cancelled, MiniGPTError
from core.export.plan import ExportPlan
from core.export.process import export_in_process
from core.export.report import ExportReport
from core.progress import CancelCheck, ProgressCallback
from tui.common.messages import CopyRequested
from tui.common.sanitize import clean, one_line
from tui.runs.export_choices import ExportChoices, ExportOptions
from tui.runs.export_progress import ExportProgress
from tui.runs.export_text import describe_proof, describe_result, dialog_text
from tui.widgets.export_form import ExportChanged, ExportForm, FormatList
from tui.widgets.line_input import LineInput

CHOOSING, RUNNING, STOPPING, DONE = "choosing", "running", "stopping", "done"
ACTION_STATES = {
    "export": (CHOOSING,),
    "rows": (CHOOSING,),
    "close": (DONE,),
    "copy_path": (DONE,),
}  # in which state, if not in all
STOPPED_TEXT = "Cancelled. Nothing was kept of it."
REFRESH_SECONDS = 1.0


class ExportStarter(Protocol):
    """Carries out an export, as `core.export.process.export_in_process`; called in a thread."""

    def __call__(
        self, plan: ExportPlan, progress: ProgressCallback, cancelled: CancelCheck
    ) -> ExportReport: ...


class DialogKey(Static):
    """A key of a dialog with what it does; a click does it too.

    Args:
        key, words: as shown.
        action: of the dialog.
    """

    def __init__(self, key: str, words: str, action: str) -> None:
        super().__init__(Content.assemble((key, "bold $ink"), f"  {words}"))
        self.action = action

    async def on_click(self, event: Click) -> None:
        """Run the action."""
        event.stop()
        await self.screen.run_action(self.action)


class ExportDialog(ModalScreen[None]):
    """Export a run.

    Args:
        options: what it can be exported to.
        start: carries it out.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close", tooltip="Close; cancels an export that is running"),
        Binding("enter", "export", "Export", tooltip="Export"),
        Binding("enter", "close", "Close", tooltip="Close"),
        Binding("y", "copy_path", "Copy path", tooltip="Copy the path"),
        Binding("ctrl+q", "app.quit", "Quit", show=False, tooltip="Stop the export and quit"),
        Binding("up", "rows", "Settings", show=False, tooltip="Back to the settings"),
    ]
    CSS = """
    ExportDialog {
        .dialog { width: 78; max-width: 94%; max-height: 100%; overflow-y: auto; }
        #destination { height: 1; }
        #destination Static { width: 13; color: $muted; }
        #destination Input { width: 1fr; }
        FormatList { margin-top: 1; }
        #choices, #state, #state Static { height: auto; }
        .keys { height: 1; }
        .keys DialogKey { width: auto; margin-right: 4; }
        #problem, #state { margin-top: 1; }
        &.-short .dialog { padding: 0 2; }
        &.-short #problem { margin-top: 0; max-height: 4; }
    }
    """

    def __init__(self, options: ExportOptions, start: ExportStarter = export_in_process) -> None:
        super().__init__()
        self._choices = ExportChoices(options)
        self._start = start
        self._state = CHOOSING
        self._is_typing = False  # the path, when the export was started
        self._cancelled = threading.Event()
        self._progress = ExportProgress(time.monotonic())
        self._report: ExportReport | None = None

    def compose(self) -> ComposeResult:
        """The choices, and in their place the state of the export."""
        with Vertical(classes="dialog"):
            name = self._choices.options.run.name
            yield Static(f"Export {one_line(name)}", classes="accent", markup=False)
            with Vertical(id="choices"):
                yield ExportForm(self._choices)
                with Horizontal(id="destination"):
                    yield Static(id="to", markup=False)
                    yield LineInput(self._choices.path, compact=True, id="path")
                yield FormatList(self._choices)
            yield Static(id="state")
            yield Static(id="problem", markup=False)
            with Horizontal(classes="keys"):
                yield DialogKey("Enter", "export", "export")
                yield DialogKey("↑↓ ←→", "choose", "rows")
                yield DialogKey("Enter", "close", "close")
                yield DialogKey("y", "copy the path", "copy_path")
                yield DialogKey("Esc", "cancel", "cancel")

    def on_mount(self) -> None:
        """Show the choices."""
        self.set_interval(REFRESH_SECONDS, self._show_progress)
        self._enter(CHOOSING, self._choices.refusal)

    def on_unmount(self) -> None:
        """Stop what still runs."""
        self._cancelled.set()

    def on_descendant_focus(self) -> None:
        """Mark the path while it is typed."""
        is_here = self.query_one("#path").has_focus
        style = "bold $ink" if is_here else "$muted"
        label = Content.assemble(("› " if is_here else "  ", "bold $primary"), ("To", style))
        self.query_one("#to", Static).update(label)

    def _enter(self, state: str, problem: str = "") -> None:
        """Show another state, with an error or a note."""
        self._state = state
        self.query_one("#choices").display = state == CHOOSING
        self.query_one("#state").display = state != CHOOSING
        for key in self.query(DialogKey):
            key.display = self._shows_key(key.action)
        self._show_problem(problem)
        if state == CHOOSING:
            self.query_one("#path" if self._is_typing else ExportForm).focus()
        else:
            self.set_focus(None)
        self.refresh_bindings()

    def _shows_key(self, action: str) -> bool:
        """Whether an action's key is shown in the present state."""
        if action == "cancel" and self._state == DONE:
            return False
        return self.check_action(action, ())

    def _show_problem(self, text: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(clean(text))
        problem.display = bool(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """What the present state allows."""
        return self._state in ACTION_STATES.get(action, (self._state,))

    # Choosing

    @on(ExportChanged)
    def _follow_choice(self) -> None:
        field = self.query_one("#path", LineInput)
        field.value = self._choices.path
        field.cursor_position = len(field.value)
        self.query_one(ExportForm).refresh()
        formats = self.query_one(FormatList)
        formats.display = True
        formats.refresh(layout=True)
        self._show_problem(self._choices.refusal)

    @on(Input.Changed)
    def _take_path(self, event: Input.Changed) -> None:
        self._choices.path = event.value

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_export()

    @on(ExportForm.Left)
    def _leave_form(self) -> None:
        self.query_one("#path").focus()

    def action_rows(self) -> None:
        """From the path back to the other choices."""
        self.query_one(ExportForm).focus()

    # Exporting

    def action_export(self) -> None:
        """Carry out the export."""
        if self._state != CHOOSING:
            return
        self._is_typing = self.query_one("#path").has_focus
        self._cancelled.clear()
        self._progress = ExportProgress(time.monotonic())
        self._enter(RUNNING)
        self._show_progress()
        self._export()

    @work(exclusive=True, exit_on_error=False)
    async def _export(self) -> None:
        try:
            plan = await asyncio.to_thread(self._choices.plan)
        except MiniGPTError as error:
            self._enter(CHOOSING, str(error))
            return
        try:
            report = await asyncio.to_thread(
                self._start, plan, self._receiver(), self._cancelled.is_set
            )
        except Cancelled:
            self._enter(CHOOSING, STOPPED_TEXT)
        except MiniGPTError as error:
            self._enter(CHOOSING, f"{error.title}: {dialog_text(error)}")
            self.query_one(FormatList).display = False  # the error may be long
        else:
            self._report = report
            self._enter(DONE)
            self.query_one("#state", Static).update(_result(report))

    def _receiver(self) -> ProgressCallback:
        """Receives progress in a thread."""
        loop = asyncio.get_running_loop()

        def receive(done: int, total: int, phase: str) -> None:
            with suppress(RuntimeError):  # the app has ended
                loop.call_soon_threadsafe(self._use_progress, done, total, phase)

        return receive

    def _use_progress(self, done: int, total: int, phase: str) -> None:
        progress = self._progress
        progress.done, progress.total, progress.phase = done, max(1, total), phase
        self._show_progress()

    def _show_progress(self) -> None:
        if not self.is_mounted or self._state not in (RUNNING, STOPPING):
            return
        content = self._progress.content(
            time.monotonic(),
            self.query_one(".dialog").content_size.width,
            stops=self._state == STOPPING,
            is_ascii=self.app.has_class("-ascii"),
        )
        self.query_one("#state", Static).update(content)

    def action_cancel(self) -> None:
        """Stop the export; close the dialog if none runs."""
        if self._state == RUNNING:
            self._cancelled.set()
            self._enter(STOPPING)
            self._show_progress()
        elif self._state != STOPPING:
            self.dismiss(None)

    # Done

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(None)

    def action_copy_path(self) -> None:
        """Copy the path of the export."""
        if self._report is not None:
            self.post_message(CopyRequested(str(self._report.path), "path"))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show an unexpected exception; the dialog stays open."""
        if event.state is WorkerState.ERROR:
            what = f"{type(event.worker.error).__name__}: {event.worker.error}"
            self._enter(CHOOSING, f"Bug in this dialog: {what}\nPlease report it.")


def _result(report: ExportReport) -> Content:
    """What was written, where it is, and what its comparison found."""
    proof = describe_proof(report)
    is_proven = report.verification is not None
    sign = ("✓ ", "bold $success") if is_proven else ("! ", "bold $warning")
    return Content.assemble(
        ("✓ ", "bold $success"),
        (one_line(describe_result(report)), "$ink"),
        "\n  ",
        (one_line(str(report.path)), "bold $ink"),
        "\n\n",
        sign,
        (one_line(proof[0].upper() + proof[1:]), "$muted"),
    )
