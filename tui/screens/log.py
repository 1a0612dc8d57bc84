"""The Log screen: a trainer's log at full width."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Mount
from textual.widgets import Log

from core.errors import DamagedError
from core.run.directory import Run
from tui.common.messages import CopyRequested, OpenChat, OpenInside, OpenStep
from tui.common.sanitize import one_line
from tui.runs.trainer_log import read_log_lines
from tui.screens.base import BaseScreen
from tui.screens.dialogs import LineDialog
from tui.widgets.panel import Panel

EMPTY_LOG_TEXT = "The trainer's log is empty."
POLL_SECONDS, REMOTE_POLL_SECONDS = 2.0, 6.0
MARGIN_LINES = 3  # above a line that was found


class _Matches(Highlighter):
    """Marks a text that was searched, in any case."""

    def __init__(self) -> None:
        self.sought = ""

    def highlight(self, text: Text) -> None:
        if self.sought:
            text.highlight_words([self.sought], "bold reverse", case_sensitive=False)


class LogScreen(BaseScreen):
    """The standard output and errors of a run's trainer; new lines are added as they come."""

    HEADING = "Log"
    HELP = (
        "The trainer's standard output and errors: warnings, and the traceback of a crash. New "
        "lines are shown as they come; at the end the view follows them."
    )
    AUTO_FOCUS = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "Find", key_display="/", tooltip="Find a text; again: the next"),
        Binding("y", "copy", "Copy", tooltip="Copy the log"),
        Binding("home", "home", "Begin", key_display="Home", tooltip="Go to the beginning"),
        Binding("end", "end", "End", key_display="End", tooltip="Go to the end"),
        Binding("t", "chat", "Chat", tooltip="Chat with the newest weights"),
        Binding("x", "step", "Step", tooltip="Choose token by token with the newest weights"),
        Binding("i", "inside", "Inside", tooltip="Look inside the newest weights"),
    ]

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._lines: list[str] | None = None
        self._sought, self._found = "", -1
        self._matches = _Matches()

    def body(self) -> ComposeResult:
        """The lines."""
        with Panel(title="Output of the trainer", hint="follows new lines"):
            log = Log(highlight=True)
            log.highlighter = self._matches
            yield log

    def on_mount(self, event: Mount) -> None:  # type: ignore[override]
        """Read the log now, then every few seconds."""
        event.prevent_default()  # the base would take the run's name out of the first row again
        self._show(self._read())
        seconds = self.services.terminal.interval(POLL_SECONDS, REMOTE_POLL_SECONDS)
        self.set_interval(seconds, self._poll)

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _poll(self) -> None:
        self._show(await asyncio.to_thread(self._read))

    def _read(self) -> list[str] | DamagedError:
        try:
            return read_log_lines(self._run.log)
        except DamagedError as error:
            return error

    def _show(self, lines: list[str] | DamagedError) -> None:
        """Show the lines if they are others; an error once."""
        if isinstance(lines, DamagedError):
            if self._lines is None:
                self.show_error(lines)
            lines = self._lines or []
        old = self._lines
        if lines == old:
            return
        self._lines = lines
        log = self.query_one(Log)
        if old and lines[: len(old)] == old:
            log.write_lines(lines[len(old) :])  # follows at the end
        else:
            log.clear()
            log.write_lines(lines or [EMPTY_LOG_TEXT])
        count = f"{len(lines):,} line{'s' * (len(lines) != 1)}"
        self.set_header(self._run.name, state=count)
        self.refresh_bindings()

    def action_find(self) -> None:
        """Find a text; the first line below the last match is shown."""

        def find(text: str | None) -> None:
            if text:
                self._find(text)

        self.app.push_screen(LineDialog("Find which text in the log?", self._sought), find)

    def _find(self, text: str) -> None:
        log, lines = self.query_one(Log), self._lines or []
        matches = [n for n, line in enumerate(lines) if text.casefold() in line.casefold()]
        if not matches:
            self.notify(f"No line contains “{one_line(text)}”.", markup=False)
            return
        last = self._found if text == self._sought else -1
        self._sought, self._found = text, next((n for n in matches if n > last), matches[0])
        self._matches.sought = text
        log.notify_style_update()  # its lines are cached
        log.scroll_to(y=max(0, self._found - MARGIN_LINES), animate=False)
        number = matches.index(self._found) + 1
        state = f"line {self._found + 1:,} · match {number:,} of {len(matches):,} · / next"
        self.set_header(self._run.name, state=state)

    def action_copy(self) -> None:
        """Copy all lines."""
        self.post_message(CopyRequested("\n".join(self._lines or []), "log"))

    def action_home(self) -> None:
        """Scroll to the beginning."""
        self.query_one(Log).scroll_home(animate=False)

    def action_end(self) -> None:
        """Scroll to the end."""
        self.query_one(Log).scroll_end(animate=False)

    def action_chat(self) -> None:
        """Chat with the run."""
        self.post_message(OpenChat(self._run.name))

    def action_step(self) -> None:
        """Open Step."""
        self.post_message(OpenStep(self._run.name))

    def action_inside(self) -> None:
        """Open Inside."""
        self.post_message(OpenInside(self._run.name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Weights are needed to open other views, lines to find or copy some."""
        match action:
            case "chat" | "step" | "inside":
                return self._run.weights.is_file()
            case "find" | "copy":
                return bool(self._lines)
        return True

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now."""
        if action in ("chat", "step", "inside"):
            return f"{self._run.name} has no weights yet; the first save writes them."
        return EMPTY_LOG_TEXT
