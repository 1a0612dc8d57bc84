"""What all screens have in common: a title line, a footer that tells the truth, the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from core.errors import MiniGPTError
from core.paths import Home
from tui.common.messages import GoHome, Trouble
from tui.common.sanitize import one_line
from tui.common.terminal import Terminal
from tui.widgets.key_line import LAST_KEYS, KeyLine

if TYPE_CHECKING:
    from tui.common.client import ModelClient


class Shell(Protocol):
    """What a screen may know of the app.

    Attributes:
        home: where everything is kept.
        look: what this terminal can show.
        sampler: the way to the model.
    """

    home: Home
    look: Terminal
    sampler: ModelClient


class BaseScreen(Screen[None]):
    """A screen of the app. Subclasses yield their middle from `body`.

    Escape leaves what is being typed in; in command mode single letters act and Escape goes back.
    """

    HEADING: ClassVar[str] = ""
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Go back; nothing is lost"),
        Binding(
            "question_mark", "app.keys", "Keys", key_display="?", tooltip="All keys of this screen"
        ),
    ]

    @property
    def shell(self) -> Shell:
        """The app, as far as screens know it."""
        return cast("Shell", self.app)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """What the footer shows: the screen's own keys first, the way out last."""
        found = super().active_bindings
        for key in LAST_KEYS:
            if key in found:
                found[key] = found.pop(key)
        return found

    def compose(self) -> ComposeResult:
        """Title line, body, footer."""
        yield Static(id="title", markup=False)
        yield from self.body()
        yield KeyLine()

    def body(self) -> ComposeResult:
        """What the screen is for."""
        yield from ()

    def on_mount(self) -> None:
        """Shows the title."""
        self.set_title("")

    def set_title(self, right: str) -> None:
        """The title line: the screen's heading, and a few words of what it shows."""
        said = Content.assemble(
            (" minigpt-tui ", "dim"), (self.HEADING, "bold $primary"), "  ", one_line(right)
        )
        self.query_one("#title", Static).update(said)

    def trouble(self, error: MiniGPTError) -> None:
        """Has the app say what went wrong; the screen stays."""
        self.post_message(Trouble(error))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of our own is said like any trouble; the screen stays."""
        if event.state is WorkerState.ERROR:
            what = f"{type(event.worker.error).__name__}: {event.worker.error}"
            self.trouble(MiniGPTError(f"A fault in {self.HEADING}: {what}", "Please report it."))

    def action_back(self) -> None:
        """Back to where one came from, in the end to the list of runs."""
        if len(self.app.screen_stack) > 2:
            self.app.pop_screen()
        else:
            self.post_message(GoHome())
