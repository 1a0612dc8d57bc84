"""The log of a trainer, the whole terminal wide."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Log

from core.errors import StorageError
from core.run.directory import Run
from tui.runs.trainer_log import read_log_lines
from tui.screens.base import BaseScreen

EMPTY = "The trainer has written nothing to its log."


class LogScreen(BaseScreen):
    """What a run's trainer wrote to its output and error streams.

    Args:
        run: whose log it is.
    """

    HEADING = "Log"
    HELP = "What the trainer wrote besides its events: warnings, and the traceback of a crash."
    AUTO_FOCUS = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "read", "Read again", tooltip="Read the log again, to its end"),
        Binding("home,g", "home", "Begin", tooltip="To the beginning"),
        Binding("end,G", "end", "End", tooltip="To the end"),
    ]

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def body(self) -> ComposeResult:
        """The lines."""
        yield Log(highlight=False)

    def on_mount(self) -> None:
        """Reads at once."""
        super().on_mount()
        self.action_read()

    def action_read(self) -> None:
        """Reads it again and goes to its end."""
        log = self.query_one(Log)
        log.clear()
        try:
            lines = read_log_lines(self._run.log)
        except OSError as error:
            self.show_error(StorageError(f"{self._run.log} cannot be read: {error.strerror}."))
            lines = []
        log.write_lines(lines or [EMPTY])
        self.set_title(f"{self._run.name}   {len(lines)} lines")

    def action_home(self) -> None:
        """To the beginning."""
        self.query_one(Log).scroll_home(animate=False)

    def action_end(self) -> None:
        """To the end."""
        self.query_one(Log).scroll_end(animate=False)
