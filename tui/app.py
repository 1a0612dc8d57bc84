"""The application: opens screens, binds the app-wide keys, and shows errors."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen

from core.errors import MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.store import list_runs
from tui.common.ascii_signs import AsciiSigns
from tui.common.client import ModelClient, ServerClient
from tui.common.clipboard import copy_to_clipboard
from tui.common.config_file import NEW_FILE, read_text, set_value, write_text
from tui.common.driver import TerminalDriver
from tui.common.key_order import SequentialKeysApp
from tui.common.keymap import APP_SCOPE, active_keymap, remap_bindings, usable_keymap, with_ids
from tui.common.keys import KEY_SIGNS, binding_rows, key_name, key_nodes
from tui.common.messages import (
    CopyRequested,
    ErrorRaised,
    OpenBlank,
    OpenChat,
    OpenCompare,
    OpenInside,
    OpenModels,
    OpenNewRun,
    OpenServe,
    OpenSetup,
    OpenStep,
    OpenTest,
    OpenTrain,
)
from tui.common.notify import format_alert
from tui.common.sanitize import clean
from tui.common.style_cache import share_background_styles
from tui.common.terminal import DEFAULT_THEME, WIDE_COLUMNS, Terminal, understands_osc
from tui.common.theme import ThemedApp
from tui.common.user_config import UserConfig, describe_problems, find_theme_problems
from tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from tui.common.background import BackgroundQuery
    from tui.runs.watcher import RunWatcher

ERROR_SECONDS = 12.0
QUIT_PRESS_SECONDS = 3.0  # a second Ctrl+C within this time quits
# Imported after the first frame: half of all imports, numpy among them.
DEFERRED_MODULES = (
    *("tui.screens.models", "tui.screens.new_corpus", "tui.screens.new_setup"),
    *("tui.screens.train", "tui.screens.chat", "tui.screens.step"),
    *("tui.screens.inside", "tui.screens.accuracy", "tui.screens.compare", "tui.screens.help"),
    *("tui.screens.blank", "tui.screens.serve"),
)
NOT_POSSIBLE_SECONDS = 3.0
WATCH_SECONDS, REMOTE_WATCH_SECONDS = 2.0, 5.0  # between two looks at all runs
BASE_SCREENS = 2  # Textual's default screen and the list of runs


def import_screens() -> None:
    """Import all screens, whose bindings are then known."""
    for name in DEFERRED_MODULES:
        importlib.import_module(name)


class MiniGPTApp(SequentialKeysApp, ThemedApp):
    """Train a GPT on a text and talk to it.

    Args:
        home: the home directory of the program.
        terminal: what this terminal can display.
        client: of the model server; by default one with a server process of its own.
        first: the screen to open at once; going back leads to the list of runs.
        config: the user's; by default nothing is configured.

    Attributes:
        background_query: by which the terminal was asked for its background, or None.
    """

    background_query: BackgroundQuery | None = None
    TITLE = "minigpt-tui"
    # Loaded together: each style sheet added later makes Textual parse all of them again.
    CSS_PATH: ClassVar = ["styles/app.tcss", "styles/models.tcss", "styles/new_corpus.tcss"]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (WIDE_COLUMNS, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        APP_SCOPE,
        [
            Binding("ctrl+q", "quit", "Quit", show=False, tooltip="Quit (training continues)"),
            Binding(
                *("ctrl+c", "copy_or_quit", "Copy"), show=False, tooltip="Copy; press twice to quit"
            ),
            Binding(
                *("ctrl+p,f4", "command_palette", "Commands"), show=False, tooltip="Command palette"
            ),
            Binding("f1", "keys", "Keys", show=False, tooltip="All keys of this screen"),
            Binding(
                *("ctrl+z", "suspend_process", "Suspend"),
                show=False,
                tooltip="Suspend to the shell (fg returns)",
            ),
        ],
    )

    def __init__(
        self,
        home: Home,
        terminal: Terminal,
        client: ModelClient | None = None,
        first: OpenStep | OpenChat | None = None,
        config: UserConfig | None = None,
    ) -> None:
        share_background_styles()
        # Without colours Textual would compute greys, and if its own theme was imported before ours
        # was chosen, paint black on black.
        super().__init__(ansi_color=None if terminal.colour else True)
        self.home, self.terminal = home, terminal
        self.client: ModelClient = client or ServerClient(home, warn=self._warn)
        self.user_config = config or UserConfig()
        self._config_problems = list(self.user_config.problems)
        self.theme = self._choose_theme()
        self.animation_level = "none"
        self.set_class(terminal.is_ascii, "-ascii")
        self._sign_filters = [AsciiSigns()] if terminal.is_ascii else []
        self._first = first
        self._setup_drafts: dict[tuple[str | None, ...], dict[str, str]] = {}  # by text
        self._last_ctrl_c = 0.0
        self._watcher: RunWatcher | None = None
        self._is_watching = False
        self._started_at = time.time()

    def _choose_theme(self) -> str:
        """The terminal's theme; the default one if the configuration names none that exists."""
        theme = self.terminal.theme
        if theme != self.user_config.general.theme:
            return theme
        problems = find_theme_problems(self.user_config, self.available_themes)
        self._config_problems += problems
        return DEFAULT_THEME if problems else theme

    def get_driver_class(self) -> type[Driver]:
        """The driver that ends with its terminal."""
        return TerminalDriver

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and that for terminals with ASCII characters only."""
        return [*super().get_line_filters(), *self._sign_filters]

    def on_mount(self) -> None:
        """Open the list of runs, or New run if there are none yet."""
        if self.user_config.keymap:
            self.set_keymap(self.user_config.keymap)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        # Only one screen: a hidden list of runs would be composed before the first frame.
        self.on_open_models() if list_runs(self.home) else self.on_open_new_run()
        if self._first is not None:
            self.post_message(self._first)
        self.call_after_refresh(self._warm_up)

    def _warm_up(self) -> None:
        """Do after the first frame what would delay it or a later screen."""
        self._import_deferred_modules()
        self._check_config()
        self._start_server()
        self.watch_runs()
        period = self.terminal.interval(WATCH_SECONDS, REMOTE_WATCH_SECONDS)
        self.set_interval(period, self.watch_runs)

    @work(exit_on_error=False)
    async def _check_config(self) -> None:
        """Name all wrong entries of the configuration file in one notification.

        Those of the keymap are known only once all screens are imported.
        """
        if self.user_config.keymap:
            await asyncio.to_thread(import_screens)
            keymap, problems = usable_keymap(self.user_config)
            self.set_keymap(keymap)
            self._config_problems += problems
        if self._config_problems:
            text = describe_problems(self.user_config.path, self._config_problems)
            self.notify(
                clean(text),
                title="Configuration",
                severity="warning",
                timeout=ERROR_SECONDS,
                markup=False,
            )

    @work(thread=True, exit_on_error=False)
    def _import_deferred_modules(self) -> None:
        try:
            import_screens()
        finally:
            if not gc.isenabled():  # `tui.launch` disabled it
                gc.freeze()  # modules stay: exempt them, so that no collection delays a key
                gc.enable()

    @work(exit_on_error=False)
    async def _start_server(self) -> None:
        try:
            await self.client.start()
        except MiniGPTError as error:
            self.on_error_raised(ErrorRaised(error))

    @work(exit_on_error=False, group="watch runs")
    async def watch_runs(self) -> None:
        """Notify of trainings that have ended, and show the progress of one in the title."""
        if self._is_watching:
            return
        self._is_watching = True
        try:
            ended, title = await asyncio.to_thread(self._poll_runs)
        finally:
            self._is_watching = False
        notify = self.user_config.notify
        if (driver := self._driver) is None:
            return
        for line in ended:
            driver.write(format_alert(line, notify, os.environ))
        if isinstance(driver, TerminalDriver) and notify.title and understands_osc(os.environ):
            driver.set_title(title)

    def _poll_runs(self) -> tuple[list[str], str | None]:
        """Lines on trainings that have ended, and the title of the window, if any."""
        if self._watcher is None:
            from tui.runs.watcher import RunWatcher

            self._watcher = RunWatcher(self.home, self._started_at)
        return self._watcher.poll(), self._watcher.title

    async def on_unmount(self) -> None:
        """Stop the model server."""
        await self.client.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """List every action that has a key, those of the screen that have none, and the tour."""
        keymap = active_keymap(self)
        for node in key_nodes(screen):
            for row in binding_rows(remap_bindings(node, keymap)):
                run = partial(self.run_action, row.action, node)
                yield SystemCommand(row.description, f"key {row.key}", run)
        for description, action in getattr(screen, "COMMANDS_WITHOUT_KEY", ()):
            yield SystemCommand(description, "", partial(self.run_action, action, screen))
        yield SystemCommand(
            "Serve", "Let other programs on this machine use a model", self.action_serve
        )
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Tour", "A short tour of the program", self.action_tour)

    def get_key_display(self, binding: Binding) -> str:
        """Format a key for the footer, as on a keyboard; in words on ASCII terminals."""
        name = key_name(binding)
        return name if self.terminal.is_ascii else KEY_SIGNS.get(name, name)

    def _warn(self, text: str) -> None:
        self.notify(text, severity="warning", markup=False)

    def search_themes(self) -> None:
        """Show the themes in the command palette; the chosen one is remembered."""
        from textual.command import CommandPalette

        from tui.common.theme_choice import RememberedThemes

        palette = CommandPalette(providers=[RememberedThemes], placeholder="Search for themes…")
        self.push_screen(palette)

    def choose_theme(self, name: str) -> None:
        """Use a theme, now and in future."""
        self.theme = name
        self._remember_theme(name)
        for variable in ("TEXTUAL_THEME", "NO_COLOR"):
            if variable in os.environ:
                self._warn(f"The next start follows {variable}, which takes precedence.")

    @work(thread=True, exit_on_error=False)
    def _remember_theme(self, name: str) -> None:
        """Write the theme to the configuration file."""
        path = self.user_config.path
        try:
            text = read_text(path) or NEW_FILE
            write_text(path, set_value(text, ("theme",), name))
        except MiniGPTError as error:
            self.call_from_thread(self.on_error_raised, ErrorRaised(error))

    def action_keys(self) -> None:
        """Show all keys of this screen."""
        from tui.screens.help import HelpScreen  # one of DEFERRED_MODULES

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_tour(self) -> None:
        """Show the program in a few sentences."""
        from tui.screens.help import HelpScreen  # one of DEFERRED_MODULES

        self.push_screen(HelpScreen(self.screen, tour=True))

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Run the action of a key; if the screen has one that cannot act now, say so."""
        if await super()._check_bindings(key, priority):
            return True
        own = remap_bindings(self.screen, active_keymap(self))
        bindings = own.key_to_bindings.get(key, [])
        if bindings and not priority:
            what = bindings[0].tooltip or bindings[0].description
            text = self._explain_refusal(bindings[0].action) or f"Not possible now: {what}."
            self.notify(text, timeout=NOT_POSSIBLE_SECONDS, markup=False)
        return False

    def _explain_refusal(self, action: str) -> str | None:
        """Why an action of the screen is not possible now, if the screen can tell."""
        screen = self.screen
        return screen.explain_refusal(action) if isinstance(screen, BaseScreen) else None

    def action_copy_or_quit(self) -> None:
        """Copy the selection; without one, quit on the second press."""
        selection = self.screen.get_selected_text()
        if selection:
            self.on_copy_requested(CopyRequested(selection, "selection"))
            return
        now = time.monotonic()
        if now - self._last_ctrl_c < QUIT_PRESS_SECONDS:
            self.exit()
        self._last_ctrl_c = now
        self.notify("Press again to quit; training continues.", timeout=QUIT_PRESS_SECONDS)

    def on_open_models(self, _: OpenModels | None = None) -> None:
        """Close all other screens."""
        from tui.screens.models import ModelsScreen  # one of DEFERRED_MODULES

        while len(self.screen_stack) > BASE_SCREENS:
            self.pop_screen()
        if len(self.screen_stack) < BASE_SCREENS:
            self.push_screen(ModelsScreen())
        elif not isinstance(self.screen, ModelsScreen):
            self.switch_screen(ModelsScreen())

    def on_open_new_run(self, _: OpenNewRun | None = None) -> None:
        from tui.screens.new_corpus import NewCorpusScreen  # one of DEFERRED_MODULES

        self.push_screen(NewCorpusScreen())

    def on_open_setup(self, message: OpenSetup) -> None:
        from tui.screens.new_setup import NewSetupScreen  # one of DEFERRED_MODULES

        text = message.spec, message.encoding, message.reading
        draft = None if message.settings else self._setup_drafts.setdefault(text, {})
        self.push_screen(NewSetupScreen(*text, draft, message.settings))

    def on_open_train(self, message: OpenTrain) -> None:
        from tui.screens.train import TrainScreen  # one of DEFERRED_MODULES

        if message.started:
            self.on_open_models()
        self.push_screen(TrainScreen(message.name, started=message.started))

    def on_open_chat(self, message: OpenChat) -> None:
        if self._is_encoder(message.name):
            self.on_open_blank(OpenBlank(message.name, message.weights))
            return
        from tui.screens.chat import ChatScreen  # one of DEFERRED_MODULES

        self.push_screen(ChatScreen(message.name, message.weights))

    def on_open_step(self, message: OpenStep) -> None:
        if self._is_encoder(message.name):
            self.on_open_blank(OpenBlank(message.name, message.weights, message.prompt or ""))
            return
        from tui.screens.step import StepScreen  # one of DEFERRED_MODULES

        text, controls = (message.prompt, message.chosen), message.controls
        screen = StepScreen(message.name, message.weights, *text, controls, message.messages)
        self.push_screen(screen)

    def on_open_blank(self, message: OpenBlank) -> None:
        from tui.screens.blank import BlankScreen  # one of DEFERRED_MODULES

        self.push_screen(BlankScreen(message.name, message.weights, message.text))

    def _is_encoder(self, name: str) -> bool:
        """Whether a run fills in blanks instead of continuing texts."""
        from tui.runs.run_actions import is_encoder  # slow to import

        return is_encoder(Run(self.home.runs / name))

    def on_open_inside(self, message: OpenInside) -> None:
        from tui.screens.inside import InsideScreen  # one of DEFERRED_MODULES

        place = message.prompt, message.chosen, message.position
        screen = InsideScreen(message.name, message.weights, *place, message.messages)
        self.push_screen(screen)

    def on_open_test(self, message: OpenTest) -> None:
        from tui.screens.accuracy import AccuracyScreen  # one of DEFERRED_MODULES

        self.push_screen(AccuracyScreen(message.name, message.weights))

    def on_open_compare(self, message: OpenCompare) -> None:
        from tui.screens.compare import CompareScreen  # one of DEFERRED_MODULES

        self.push_screen(CompareScreen(message.names))

    def action_serve(self) -> None:
        """Choose a run and serve it."""
        from tui.screens.dialogs import RunDialog

        def serve(name: str | None) -> None:
            if name is not None:
                self.on_open_serve(OpenServe(name))

        dialog = RunDialog(self.home, "", "Serve which run to other programs?", "serve it")
        self.push_screen(dialog, serve)

    def on_open_serve(self, message: OpenServe) -> None:
        from tui.screens.serve import ServeScreen  # one of DEFERRED_MODULES

        self.push_screen(ServeScreen(message.name))

    def on_error_raised(self, message: ErrorRaised) -> None:
        """Show an error: what failed, where, and what to do."""
        title, text = clean(message.error.title), clean(str(message.error))
        self.notify(text, title=title, severity="error", timeout=ERROR_SECONDS, markup=False)

    def on_copy_requested(self, message: CopyRequested) -> None:
        """Copy a text and confirm it."""
        copy_to_clipboard(self, clean(message.text))
        self.notify(f"{message.what.capitalize()} copied.", markup=False)
