"""Commands shown in pages of the documentation, as lists of arguments that can be checked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.config.schema import parse_value, setting_specs
from tui.cli.group import cli

ROOT = Path(__file__).parents[2]
PROGRAM = "minigpt-tui"


def blocks(page: str, language: str) -> list[str]:
    """The contents of a page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def commands_of(page: str) -> list[list[str]]:
    """The arguments of each call of the program in a page's shell blocks."""
    lines = "".join(blocks(page, "sh")).splitlines()
    return [
        words[1:]
        for line in lines
        for words in _simple_commands(line)
        if words and Path(words[0]).name == PROGRAM
    ]


def _simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command in a line, split at && and |."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("&|;"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def check_command(arguments: list[str]) -> None:
    """Parse a command line without running it, and check the settings it gives.

    Raises:
        click.ClickException: an option or argument does not exist.
        SettingsError: a setting does not exist or has an impossible value.
    """
    if not arguments:
        return
    name, *rest = arguments
    group = click.Context(cli, info_name=PROGRAM)
    command = cli.get_command(group, name)
    assert command is not None, f"there is no command {name}"
    context = command.make_context(name, rest, parent=group)
    for pair in context.params.get("pairs", ()):
        key, _, value = pair.partition("=")
        owner = TrainConfig if key in setting_specs(TrainConfig) else ModelConfig
        parse_value(owner, key, value)
    for command_name, config in (("train", TrainConfig), ("generate", SamplingConfig)):
        if name == command_name:
            given = {key: context.params.get(key) for key in setting_specs(config)}
            config(**{key: value for key, value in given.items() if value is not None})
