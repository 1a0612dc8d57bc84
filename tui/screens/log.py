"""The Log screen: a trainer's log at full width."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Log

from core.errors import DamagedError
from core.run.directory import Run
from tui.runs.trainer_log import read_log_lines
from tui.screens.base import BaseScreen

EMPTY_LOG_TEXT = "The trainer's log is empty."


class LogScreen(BaseScreen):
    """The standard output and errors of a run's trainer."""

    HEADING = "Log"
    HELP = "The trainer's standard output and errors: warnings, and the traceback of a crash."
    AUTO_FOCUS = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "read", "Reload", tooltip="Reload the log"),
        Binding("home,g", "home", "Begin", tooltip="Go to the beginning"),
        Binding("end,G", "end", "End", tooltip="Go to the end"),
    ]

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def body(self) -> ComposeResult:
        yield Log(highlight=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_read()

    def action_read(self) -> None:
        """Reload the log and go to its end."""
        log = self.query_one(Log)
        log.clear()
        try:
            lines = read_log_lines(self._run.log)
        except DamagedError as error:
            self.show_error(error)
            lines = []
        log.write_lines(lines or [EMPTY_LOG_TEXT])
        self.set_header(self._run.name, state=f"{len(lines)} lines")

    def action_home(self) -> None:
        self.query_one(Log).scroll_home(animate=False)

    def action_end(self) -> None:
        self.query_one(Log).scroll_end(animate=False)
