"""What chat and step without a screen have in common: a loop over lines, and settings by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.config.configs import SamplingConfig
from core.config.schema import parse_value, setting_specs
from core.errors import MiniGPTError, NotFoundError, SettingsError
from tui.cli.console import print_message, print_result


def handle_lines(
    read_line: Callable[[str], str], prompt: str, quit: str, handle: Callable[[str], None]
) -> None:
    """Handle lines until the user quits; an error is reported and ends only its line.

    Args:
        read_line: prompts for a line; raises EOFError at the end of the input.
        quit: the line that quits.
    """
    while True:
        try:
            line = read_line(prompt)
        except EOFError:
            return
        if line.strip() == quit:
            return
        try:
            handle(line)
        except MiniGPTError as error:
            print_message(f"{error.title}: {error}")


def change_setting(config: SamplingConfig, line: str, hint: str) -> tuple[str, SamplingConfig]:
    """Return the name of the setting that a line "NAME VALUE" changes, and the changed settings.

    Args:
        hint: what else can be entered, for a line that names no setting.

    Raises:
        NotFoundError: no such setting.
        SettingsError: no value, or an invalid one.
    """
    word, _, value = line.strip().partition(" ")
    name, specs = word.replace("-", "_"), setting_specs(SamplingConfig)
    if name not in specs:
        raise NotFoundError("command or setting", word, specs, hint)
    if not value.strip():
        raise SettingsError({name: f"needs a value; it is {getattr(config, name)} now"})
    config = replace(config, **{name: parse_value(SamplingConfig, name, value.strip())})
    print_result(f"{specs[name].label} is {value.strip()}.")
    return name, config
