"""Start the application on this terminal, or explain why it cannot be started."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import termios
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from core.config.configs import AUTO
from core.errors import InputError
from core.paths import Home
from tui.common.background import BackgroundQuery, is_light_environment
from tui.common.plain_mode import is_plain_mode
from tui.common.terminal import LIGHT_THEME, Terminal, detect_terminal, understands_osc
from tui.common.user_config import ConfigProblem, UserConfig, find_theme_problems

if TYPE_CHECKING:
    from tui.app import MiniGPTApp
    from tui.common.client import ModelClient
    from tui.common.messages import OpenChat, OpenStep

NO_TERMINAL_TEXT = """minigpt-tui trains a GPT on a text and has it continue what you write:

  minigpt-tui train lang
  minigpt-tui generate lang Python
  minigpt-tui chat lang

In a terminal, `minigpt-tui` alone opens the application. `minigpt-tui corpora` lists the bundled
texts, `--help` all commands."""


def can_open(environ: Mapping[str, str]) -> bool:
    """Whether standard input and output are a terminal for screens and plain mode is off."""
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return is_terminal and not is_plain_mode(environ) and environ.get("TERM", "dumb") != "dumb"


def find_app_problems(config: UserConfig) -> list[ConfigProblem]:
    """The wrong entries for themes and keys, which only the application knows."""
    problems: list[ConfigProblem] = []
    if config.general.theme != AUTO:
        from textual.theme import BUILTIN_THEMES

        from tui.common.theme import create_themes

        own = (theme.name for theme in create_themes())
        problems += find_theme_problems(config, [*own, *BUILTIN_THEMES])
    if config.keymap:
        from tui.app import import_screens
        from tui.common.keymap import usable_keymap

        import_screens()
        problems += usable_keymap(config)[1]
    return problems


def open_app(
    home: Home,
    *,
    ascii_only: bool,
    config: UserConfig | None = None,
    client: ModelClient | None = None,
    first: OpenStep | OpenChat | None = None,
) -> int:
    """Run the application until it exits and return its exit code.

    Args:
        config: the user's; by default nothing is configured.
        client: of the model server; by default one with a server process of its own.
        first: the screen to open at once.

    Raises:
        InputError: TEXTUAL_THEME names no theme.
    """
    # Collecting garbage among imported modules takes a tenth of the time to the first frame.
    gc.disable()
    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    config = config or UserConfig()
    terminal = detect_terminal(os.environ, encoding, ascii=ascii_only, general=config.general)
    with ExitStack() as stack:
        query = ask_background(terminal, config, os.environ)
        if query is not None:
            stack.callback(query.restore)
        app = _create_app(home, terminal, client, first, config, query)

        async def run_until_exit() -> None:
            from tui.common.driver import GRACE_SECONDS, end_process_within

            try:
                await app.run_async()
            finally:
                end_process_within(GRACE_SECONDS, app.return_code or 0)

        asyncio.run(run_until_exit())
    with suppress(OSError):  # the terminal is gone
        sys.stdout.write(describe_live_runs(home))
        sys.stdout.flush()
    return app.return_code or 0


def ask_background(
    terminal: Terminal, config: UserConfig, environ: Mapping[str, str]
) -> BackgroundQuery | None:
    """Ask the terminal for its background; None if the theme does not depend on it.

    The answer arrives while the application is being imported.
    """
    if not follows_background(terminal, config, environ) or not understands_osc(environ):
        return None
    try:
        return BackgroundQuery(sys.stdin.fileno(), sys.stdout.fileno())
    except (OSError, ValueError, termios.error):  # no terminal
        return None


def follows_background(terminal: Terminal, config: UserConfig, environ: Mapping[str, str]) -> bool:
    """Whether no theme was chosen."""
    is_chosen = environ.get("TEXTUAL_THEME") or config.general.theme != AUTO
    return terminal.colour and not is_chosen


def _create_app(
    home: Home,
    terminal: Terminal,
    client: ModelClient | None,
    first: OpenStep | OpenChat | None,
    config: UserConfig,
    query: BackgroundQuery | None,
) -> MiniGPTApp:
    from textual.app import InvalidThemeError

    from tui.app import MiniGPTApp

    if terminal.is_ascii:
        from tui.widgets.scrollbars import use_ascii_scrollbars

        use_ascii_scrollbars()
    if follows_background(terminal, config, os.environ):
        is_light = query.wait() if query else None
        if is_light is None:
            is_light = is_light_environment(os.environ)
        terminal = replace(terminal, theme=LIGHT_THEME) if is_light else terminal
    try:
        app = MiniGPTApp(home, terminal, client, first, config)
    except InvalidThemeError as error:
        hint = "Set TEXTUAL_THEME to minigpt-night, minigpt-day or a theme of Textual, or unset it."
        raise InputError(f"There is no theme {terminal.theme!r}.", hint) from error
    app.background_query = query
    return app


def describe_live_runs(home: Home) -> str:
    """A line on the runs that train on after the application, "" if there are none."""
    from core.run.store import list_runs
    from core.system import locks

    names = [run.name for run in list_runs(home) if locks.is_held(run.lock)]
    if not names:
        return ""
    if len(names) == 1:
        what, target = f"{names[0]} continues training", names[0]
    else:
        what, target = f"{len(names)} runs continue training ({', '.join(names)})", "RUN"
    return f"{what}: `minigpt-tui attach {target}` watches, `minigpt-tui stop {target}` stops.\n"
