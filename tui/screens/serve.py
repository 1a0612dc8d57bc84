"""Serve: a run's model for other programs on this machine, and their requests as they come."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from core.errors import MiniGPTError
from core.run.directory import Run
from core.serve.launch import PORT_IN_USE, ServeArguments
from core.system.files import make_private_folder, open_for_writing
from tui.chat.run_task import task_of_run
from tui.common.messages import CopyRequested
from tui.common.sanitize import clean
from tui.common.serve_process import EventSource, ServeProcess
from tui.runs.serve_state import ServeState
from tui.screens.base import BaseScreen
from tui.widgets.panel import Panel
from tui.widgets.request_list import RequestList

LOG_NAME = "serve.log"
STARTING_TEXT = "Loading the model …"
ESC_TEXT = "The server runs as long as this screen is open: Esc stops it."
NOT_LISTENING = "The server is not listening yet."

StartServer = Callable[[ServeArguments], EventSource]


class ServeScreen(BaseScreen):
    """A server for one run, which ends with the screen.

    Args:
        name: of the run.
        start: makes the server.
    """

    HEADING = "Serve"
    HELP = (
        "Other programs on this machine use the model through OpenAI's interface: give them the "
        "address as base URL and any API key. Requests take turns. The server stops with this "
        "screen; `minigpt-tui serve` runs one without the application, also for other machines."
    )
    CSS_PATH = "../styles/serve.tcss"
    AUTO_FOCUS = "RequestList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy address", tooltip="Copy the address"),
        Binding("e", "copy_example", "Copy example", tooltip="Copy a command that sends a request"),
        Binding("escape", "back", "Stop", tooltip="Stop the server and go back"),
    ]

    def __init__(self, name: str, start: StartServer | None = None) -> None:
        super().__init__()
        self._run_name, self._start_server = name, start or self._start_process
        self._state = ServeState(name, is_chat=False)

    def body(self) -> ComposeResult:
        """What the server is, and the requests."""
        with Panel(title="Server", id="server"):
            yield Static(id="facts", markup=False)
        with Panel(title="Requests", hint="the newest first", id="requests"):
            yield RequestList()

    def on_mount(self) -> None:
        """Start the server."""
        home = self.services.home
        with suppress(MiniGPTError):  # the server reports it
            self._state.is_chat = task_of_run(Run(home.runs / self._run_name)).is_chat
        self._show()
        self._serve(
            ServeArguments(
                root=str(home.root.absolute()),
                cache=str(home.cache.absolute()),
                runs=(self._run_name,),
            )
        )

    def _start_process(self, arguments: ServeArguments) -> EventSource:
        """A real server, whose standard error goes to a log."""
        cache = arguments.home.cache
        try:
            make_private_folder(cache)
            log = open_for_writing(cache / LOG_NAME, os.O_TRUNC)
        except OSError:  # a full disk, for instance: serve without a log
            log = os.open(os.devnull, os.O_WRONLY)
        return ServeProcess(arguments, os.fdopen(log, "wb"))

    @work(exclusive=True, group="serve", exit_on_error=False)
    async def _serve(self, arguments: ServeArguments) -> None:
        """Follow a server until the screen is closed; on another port if that is in use."""
        try:
            await self._follow(arguments)
        except MiniGPTError as error:
            if error.title != PORT_IN_USE or not arguments.port:
                self._fail(error)
                return
            try:
                await self._follow(replace(arguments, port=0))
            except MiniGPTError as second:
                self._fail(second)

    async def _follow(self, arguments: ServeArguments) -> None:
        server = self._start_server(arguments)
        try:
            async for event in server.events():
                self._state.add(event)
                self._show()
        finally:
            await server.close()

    def _fail(self, error: MiniGPTError) -> None:
        self._state.error = error
        self._show()

    def _show(self) -> None:
        state = self._state
        self.set_header(self._run_name, state=state.words)
        self.query_one("#facts", Static).update(self._facts())
        self.query_one(RequestList).show(state.rows)
        self.refresh_bindings()

    def _facts(self) -> Content:
        state = self._state
        if state.error is not None:
            lines = [Content.styled(clean(state.error.message), "$error")]
            if state.error.hint:
                lines.append(Content.styled(clean(state.error.hint), "$muted"))
            return Content("\n").join(lines)
        if state.listening is None:
            return Content.styled(f"{STARTING_TEXT}\n{ESC_TEXT}", "$muted")
        lines = [
            Content.assemble((f"{label:<9}", "$muted"), (clean(value), "bold $ink"))
            for label, value in state.facts()
        ]
        return Content("\n").join([*lines, Content.styled(ESC_TEXT, "$muted")])

    def action_copy(self) -> None:
        """Copy the address."""
        assert self._state.listening
        self.post_message(CopyRequested(self._state.listening.address, "address"))

    def action_copy_example(self) -> None:
        """Copy a command that sends a request."""
        self.post_message(CopyRequested(self._state.example(), "command"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is an address once the server listens."""
        if action in ("copy", "copy_example"):
            return self._state.listening is not None and self._state.error is None
        return True

    def explain_refusal(self, action: str) -> str | None:
        """Why there is nothing to copy."""
        return NOT_LISTENING if action.startswith("copy") else None
