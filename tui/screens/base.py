"""The base of all screens: header, footer, error messages, and going back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingsMap, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from core.errors import MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.status import SILENCE_SECONDS, silence_reason
from tui.common.keymap import active_keymap, remap_chain, scope_of, with_ids
from tui.common.messages import ErrorRaised, OpenModels
from tui.common.terminal import Terminal
from tui.common.user_config import UserConfig
from tui.widgets.header import Header
from tui.widgets.key_line import LAST_KEYS, KeyLine

if TYPE_CHECKING:
    from tui.common.client import ModelClient

ROOT_HEADING = "Models"


class AppServices(Protocol):
    """The part of the app that screens use.

    Attributes:
        home: the home directory of the program.
        terminal: what this terminal can display.
        client: of the model server.
        user_config: what the configuration file says.
    """

    home: Home
    terminal: Terminal
    client: ModelClient
    user_config: UserConfig


class BaseScreen(Screen[None]):
    """A screen of the app. Subclasses yield their content from `body`.

    Escape leaves an input first; in command mode single letters are commands and Escape goes back.
    """

    TRAIL: ClassVar[tuple[str, ...]] = ()  # parts of the path above the heading
    HEADING: ClassVar[str] = ""
    FIRST_KEYS: ClassVar[tuple[str, ...]] = ()  # of the footer
    PANEL_KEYS: ClassVar[tuple[str, ...]] = ()  # of the footer, after the screen's own
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Go back", id="screen.back"),
        Binding(
            *("question_mark", "app.keys", "Help"),
            key_display="?",
            tooltip="All keys of this screen",
            id="screen.keys",
        ),
    ]

    def __init_subclass__(cls, **options: Any) -> None:
        """Give the bindings of a screen ids in its scope."""
        if "BINDINGS" in vars(cls):
            cls.BINDINGS = with_ids(scope_of(cls), cls.BINDINGS)
        super().__init_subclass__(**options)

    @property
    def services(self) -> AppServices:
        """The app, typed as screens use it."""
        return cast("AppServices", self.app)

    @property
    def _binding_chain(self) -> list[tuple[DOMNode, BindingsMap]]:
        """With the user's keys, if any."""
        return remap_chain(self) if active_keymap(self.app) else super()._binding_chain

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys for the footer, in order; Back and Help are the last.

        While one types, `?` is text and F1 opens the help.
        """
        bindings = super().active_bindings
        is_typing = self.focused and self.focused.check_consume_key("question_mark", "?")
        if is_typing and "f1" in bindings:
            bindings.pop("question_mark", None)
            node, binding, enabled, tooltip = bindings["f1"]
            binding = replace(binding, show=True, description="Help")
            bindings["f1"] = ActiveBinding(node, binding, enabled, tooltip)
        first = {key: bindings.pop(key) for key in self.FIRST_KEYS if key in bindings}
        last = {key: bindings.pop(key) for key in (*self.PANEL_KEYS, *LAST_KEYS) if key in bindings}
        return {**first, **bindings, **last}

    async def _dispatch_message(self, message: Message) -> None:
        """Handle a message; a screen that is closed while it opens has no widgets to handle it."""
        try:
            await super()._dispatch_message(message)
        except NoMatches:
            if not self._pruning:
                raise

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        yield Header()
        yield from self.body()
        yield KeyLine()

    def body(self) -> ComposeResult:
        """The content of the screen."""
        yield from ()

    def on_mount(self) -> None:
        """Show the path without a subject."""
        self.set_header()

    def set_header(self, *subjects: str, state: Content | str = "") -> None:
        """Show the first row.

        Args:
            subjects: the parts of the path between Models and this screen, such as the run.
            state: a few words for the right end.
        """
        path = (*self.TRAIL, *subjects, self.HEADING)
        if self.HEADING != ROOT_HEADING:
            path = (ROOT_HEADING, *path)
        self.query_one(Header).show(path, state)

    def show_error(self, error: MiniGPTError) -> None:
        """Have the app show an error."""
        self.post_message(ErrorRaised(error))

    @work(exit_on_error=False)
    async def explain_silence(self, run: Run) -> None:
        """A second after a request to a run: name a suspended trainer, which does not answer."""
        await asyncio.sleep(SILENCE_SECONDS)
        try:
            reason = await asyncio.to_thread(silence_reason, run)
        except MiniGPTError:  # shown by the screen itself
            return
        if reason is not None:
            self.app.notify(reason, severity="warning", markup=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show an unexpected exception of a worker like any other error."""
        if event.state is WorkerState.ERROR:
            what = f"{type(event.worker.error).__name__}: {event.worker.error}"
            self.show_error(MiniGPTError(f"Bug in {self.HEADING}: {what}", "Please report it."))

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now, in one line; None if it is, or if that is not known.

        Args:
            action: as in a binding, such as `rate(0.5)`.
        """
        return None

    def action_back(self) -> None:
        """Return to the previous screen, or to the list of runs."""
        if len(self.app.screen_stack) > 2:
            self.app.pop_screen()
        else:
            self.post_message(OpenModels())
