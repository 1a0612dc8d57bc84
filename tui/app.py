"""The application: which screen is shown, global keys, and the one place where errors are said."""

from __future__ import annotations

import asyncio
import gc
import importlib
import signal
import time
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.errors import MiniGPTError
from core.paths import Home
from core.run.store import list_runs
from tui.common.client import ModelClient, ServerClient
from tui.common.clipboard import put_on_clipboard
from tui.common.key_order import OrderedKeys
from tui.common.keys import bindings_of, key_name, nodes_of
from tui.common.messages import (
    CopyRequested,
    GoHome,
    GoInside,
    GoNew,
    GoSetup,
    GoStep,
    GoTalk,
    GoTrain,
    Trouble,
)
from tui.common.sanitize import clean
from tui.common.terminal import ASCII, Terminal

LONG_NOTICE = 12.0
TWICE_SECONDS = 3.0
# Half of all there is to import, numpy among it: nobody waits for it before the first frame.
LATER = (
    *("tui.screens.models", "tui.screens.new_corpus", "tui.screens.new_setup"),
    *("tui.screens.train", "tui.screens.talk", "tui.screens.step"),
    *("tui.screens.inside", "tui.screens.help"),
)
FIRST_SCREENS = 2  # Textual's own and the list of runs
TOUR_HELP = "A short tour of the program"


class MiniGPTApp(OrderedKeys):
    """Train a GPT on a text and talk to it.

    Args:
        home: where everything is kept.
        look: what this terminal can show.
        sampler: the way to the model; a process of its own unless given.
        first: where to go at once; the way back leads to the list of runs.
    """

    TITLE = "minigpt-tui"
    CSS_PATH: ClassVar = [  # read at once: each that comes later has all of them read again
        "styles/app.tcss",
        "styles/models.tcss",
        "styles/new_corpus.tcss",
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Leave", show=False, tooltip="Leave; a training goes on"),
        Binding("ctrl+c", "copy_or_leave", "Copy", show=False, tooltip="Copy; twice: leave"),
        Binding("ctrl+p,f4", "command_palette", "Actions", show=False, tooltip="Actions by name"),
        Binding("f1", "keys", "Keys", show=False, tooltip="All keys of this screen"),
        Binding(
            "ctrl+z", "suspend_process", "Shell", show=False, tooltip="To the shell; fg returns"
        ),
    ]

    def __init__(
        self,
        home: Home,
        look: Terminal,
        sampler: ModelClient | None = None,
        first: GoStep | GoTalk | None = None,
    ) -> None:
        super().__init__()
        self._first = first
        self._typed: dict[tuple[str | None, ...], list[str]] = {}  # of texts being set up
        self.home, self.look = home, look
        self.sampler: ModelClient = sampler or ServerClient(home)
        self.theme = look.theme
        self.animation_level = "none"
        self.set_class(look.charset == ASCII, "-ascii")
        self._asked_to_leave = 0.0

    def on_mount(self) -> None:
        """Shows the list, or the way to a first run where there is none."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        # One screen only: a list that nobody sees would be made before the first frame.
        self.on_go_home() if list_runs(self.home) else self.on_go_new()
        if self._first is not None:
            self.post_message(self._first)
        self.call_after_refresh(self._get_ready)

    def _get_ready(self) -> None:
        """What can wait until the first frame stands, and would keep somebody waiting later."""
        self._import_later()
        self._start_sampler()

    @work(thread=True, exit_on_error=False)
    def _import_later(self) -> None:
        try:
            for name in LATER:
                importlib.import_module(name)
        finally:
            if not gc.isenabled():  # as `tui.launch` has it
                gc.freeze()  # what was imported stays: no collection while one types looks at it
                gc.enable()

    @work(exit_on_error=False)
    async def _start_sampler(self) -> None:
        try:
            await self.sampler.start()
        except MiniGPTError as error:
            self.on_trouble(Trouble(error))

    async def on_unmount(self) -> None:
        """Ends the sampler with the app."""
        await self.sampler.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action that has a key, by name."""
        for node in nodes_of(screen):
            for row in bindings_of(node._bindings):
                run = partial(self.run_action, row.action, node)
                yield SystemCommand(row.says, f"key {row.key}", run)
        yield SystemCommand("Tour", TOUR_HELP, self.action_tour)

    def get_key_display(self, binding: Binding) -> str:
        """A key as the footer shows it; without signs where a terminal has none."""
        plain = self.look.charset == ASCII
        return key_name(binding) if plain else super().get_key_display(binding)

    def action_keys(self) -> None:
        """All keys of this screen."""
        from tui.screens.help import HelpScreen  # see LATER

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_tour(self) -> None:
        """The program in a few sentences."""
        from tui.screens.help import HelpScreen  # see LATER

        self.push_screen(HelpScreen(self.screen, tour=True))

    def action_copy_or_leave(self) -> None:
        """Copies what is selected; else a second press leaves."""
        selected = self.screen.get_selected_text()
        if selected:
            self.on_copy_requested(CopyRequested(selected, "selection"))
            return
        now = time.monotonic()
        if now - self._asked_to_leave < TWICE_SECONDS:
            self.exit()
        self._asked_to_leave = now
        self.notify("Once more leaves. A training goes on without you.", timeout=TWICE_SECONDS)

    def on_go_home(self, _: GoHome | None = None) -> None:
        """To the list of runs."""
        from tui.screens.models import ModelsScreen  # see LATER

        while len(self.screen_stack) > FIRST_SCREENS:
            self.pop_screen()
        if len(self.screen_stack) < FIRST_SCREENS:
            self.push_screen(ModelsScreen())
        elif not isinstance(self.screen, ModelsScreen):
            self.switch_screen(ModelsScreen())

    def on_go_new(self, _: GoNew | None = None) -> None:
        """Choose a text."""
        from tui.screens.new_corpus import NewCorpusScreen  # see LATER

        self.push_screen(NewCorpusScreen())

    def on_go_setup(self, message: GoSetup) -> None:
        """Set up a run on it."""
        from tui.screens.new_setup import NewSetupScreen  # see LATER

        text = message.spec, message.encoding, message.reading
        self.push_screen(NewSetupScreen(*text, self._typed.setdefault(text, [])))

    def on_go_train(self, message: GoTrain) -> None:
        """Watch a run; the way back leads to the list."""
        from tui.screens.train import TrainScreen  # see LATER

        if message.started:
            self.on_go_home()
        self.push_screen(TrainScreen(message.name, started=message.started))

    def on_go_talk(self, message: GoTalk) -> None:
        """Talk to it."""
        from tui.screens.talk import TalkScreen  # see LATER

        self.push_screen(TalkScreen(message.name, message.which))

    def on_go_step(self, message: GoStep) -> None:
        """Choose token by token."""
        from tui.screens.step import StepScreen  # see LATER

        told = message.prompt, message.chosen, message.dials
        self.push_screen(StepScreen(message.name, message.which, *told))

    def on_go_inside(self, message: GoInside) -> None:
        """Look inside the model."""
        from tui.screens.inside import InsideScreen  # see LATER

        told = message.prompt, message.chosen, message.at
        self.push_screen(InsideScreen(message.name, message.which, *told))

    def on_trouble(self, message: Trouble) -> None:
        """Says what went wrong, where, and what to do."""
        title, said = clean(message.error.title), clean(str(message.error))
        self.notify(said, title=title, severity="error", timeout=LONG_NOTICE, markup=False)

    def on_copy_requested(self, message: CopyRequested) -> None:
        """Copies, and says so."""
        put_on_clipboard(self, clean(message.text))
        self.notify(f"The {message.what} was offered to the clipboard.", markup=False)
