"""`minigpt-tui config`: show, read, change and edit the configuration file."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from core.config.configs import AUTO
from core.errors import InputError, NotFoundError, StorageError
from core.paths import HOME_VARIABLE, Home
from tui.cli.console import print_json, print_message, print_result, print_table
from tui.cli.options import user_config
from tui.common.config_file import (
    EDIT_HINT,
    NEW_FILE,
    ConfigSyntaxError,
    Key,
    find_line,
    parse,
    read_text,
    remove_value,
    set_value,
    write_text,
)
from tui.common.terminal import NO_COLOUR_THEME
from tui.common.user_config import (
    ASCII,
    KEYMAP,
    NOTIFY,
    SAMPLING,
    SECTIONS,
    ConfigProblem,
    UserConfig,
    describe_problems,
    format_key,
    join_keys,
    list_keys,
    load_user_config,
    parse_entry,
    split_key,
)

DEFAULT_EDITORS = ("editor", "nano", "vi")


HOME_SOURCES = {ParameterSource.COMMANDLINE: "--home", ParameterSource.ENVIRONMENT: HOME_VARIABLE}


class Row(NamedTuple):
    """A setting with what applies and where that comes from.

    Attributes:
        source: an option, an environment variable, the file with the line, or "default".
    """

    key: str
    value: Any
    source: str


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per setting.")
@click.pass_context
def config(ctx: click.Context, /, as_json: bool) -> None:
    """Show the settings that apply and where each comes from.

    They are kept in config.toml, in TOML; wrong entries are named and ignored. An option on the
    command line takes precedence over an environment variable, and that over the file.

    \b
    theme = "minigpt-day"      a theme, or auto
    charset = "auto"           auto, unicode or ascii
    refresh = 1.0              seconds between updates of lists and charts
    home = "~/models"          folder for runs, corpora and caches
    [keymap]                   keys by the ids in docs/keys.md
    train.pause = "f5"
    [sampling]                 defaults of generate, Chat and Step
    temperature = 0.8          likewise top_k, top_p, min_p, repetition_penalty,
                               max_tokens and seed; greedy without
    [notify]                   when a training ends or needs someone
    bell = true                likewise desktop and title
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = list(_list_rows(user_config(), ctx.obj))
    if as_json:
        for row in rows:
            print_json(row._asdict())
    else:
        table = [(row.key, _shown(row.value), row.source) for row in rows]
        print_table(("SETTING", "VALUE", "FROM"), table)
    _report(user_config())


@config.command("get")
@click.argument("key")
@click.pass_obj
def get_setting(home: Home, key: str) -> None:
    """Print the value of KEY that applies, such as sampling.temperature."""
    rows = {row.key: row for row in _list_rows(user_config(), home)}
    if key not in rows:
        raise NotFoundError("setting", key, rows, "`minigpt-tui config` lists them.")
    print_result(_shown(rows[key].value))


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.pass_obj
def set_setting(home: Home, key: str, value: str) -> None:
    """Set KEY to VALUE in the file; the rest of it, comments included, stays as it is."""
    entry_key = _entry_key(key)
    parsed = parse_entry(entry_key, value)
    path, text = _read_file()
    problems = _find_problems(load_user_config(path))
    if parsed is None:
        write_text(path, remove_value(text, entry_key))
    else:
        write_text(path, set_value(text or NEW_FILE, entry_key, parsed))
    known = set(map(_fault, problems))
    wrong = [each for each in _find_problems(load_user_config(path)) if _fault(each) not in known]
    if wrong:
        if text:
            write_text(path, text)
        else:
            path.unlink()
        raise InputError(f"{wrong[0].text}.", f"{path} is as before.")
    _report(load_user_config(path))
    _warn_if_overridden(home, key)


@config.command()
@click.argument("key")
def unset(key: str) -> None:
    """Remove KEY from the file, so that its default applies."""
    entry_key = _entry_key(key)
    path, text = _read_file()
    changed = remove_value(text, entry_key)
    if changed == text:
        raise InputError(f"{path} has no entry {key}.", "`minigpt-tui config` lists the settings.")
    write_text(path, changed)


@config.command()
def edit() -> int:
    """Open the file in $VISUAL or $EDITOR, and check it afterwards."""
    path = user_config().path
    if not sys.stdin.isatty():
        raise InputError("There is no terminal to edit on.", f"The file is {path}.")
    if not path.exists():
        write_text(path, NEW_FILE)
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    code = _run_editor([command] if command else [[name] for name in DEFAULT_EDITORS], str(path))
    _report(load_user_config(path))
    return code


@config.command()
def path() -> None:
    """Print the path of the file, which need not exist."""
    print_result(str(user_config().path))


def _list_rows(config: UserConfig, home: Home) -> Iterator[Row]:
    """All settings, and the keys that the file changes."""
    for key in list_keys():
        section = SECTIONS[key[0] if len(key) > 1 else ""]
        values = {SAMPLING: config.sampling, NOTIFY: config.notify}.get(key[0], config.general)
        assert isinstance(values, section)
        value, source = getattr(values, key[-1]), _file_source(config, key)
        yield _override(Row(format_key(key), AUTO if value is None else value, source), home)
    for key, value in config.entries.items():
        if key[0] == KEYMAP:
            yield Row(format_key(key), join_keys(value), _file_source(config, key))


def _file_source(config: UserConfig, key: Key) -> str:
    if key not in config.entries:
        return "default"
    return f"{config.path}:{find_line(config.text, key)}"


def _override(row: Row, home: Home) -> Row:
    """The row with what an option or a variable sets instead."""
    root = click.get_current_context().find_root()
    if row.key == "home":
        given = root.get_parameter_source("home")
        source = HOME_SOURCES.get(given, row.source) if given else row.source
        return Row("home", str(home.root), source)
    if row.key == "charset" and root.params.get("ascii_only"):
        return Row("charset", ASCII, "--ascii")
    if row.key == "theme" and (theme := os.environ.get("TEXTUAL_THEME")):
        return Row("theme", theme, "TEXTUAL_THEME")
    if row.key == "theme" and "NO_COLOR" in os.environ:
        return Row("theme", NO_COLOUR_THEME, "NO_COLOR")
    return row


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _entry_key(text: str) -> Key:
    """The key, in the form in which the file has it if it does: also "train.pause" in quotes."""
    same = (key for key in user_config().entries if format_key(key) == text)
    return next(same, None) or split_key(text)


def _read_file() -> tuple[Path, str]:
    """The file and its text; empty if it does not exist.

    Raises:
        InputError: it is not TOML, so that no entry can be changed.
    """
    path = user_config().path
    try:
        text = read_text(path) or ""
        parse(text)
    except ConfigSyntaxError as error:
        line = f", line {error.line}" if error.line else ""
        hint = f"Nothing was changed. {EDIT_HINT}"
        raise InputError(f"{path}{line}: {error.reason}.", hint) from None
    return path, text


def _find_problems(config: UserConfig) -> list[ConfigProblem]:
    """The wrong entries, also those that only the application can find."""
    from tui.launch import find_app_problems

    return [*config.problems, *find_app_problems(config)]


def _fault(problem: ConfigProblem) -> str:
    """What is wrong without the suggestion, which only the first of many problems have."""
    return problem.text.partition(" Did you mean ")[0]


def _report(config: UserConfig) -> None:
    """Name the wrong entries on stderr."""
    if problems := _find_problems(config):
        print_message(describe_problems(config.path, problems))


def _warn_if_overridden(home: Home, key: str) -> None:
    """Say so if an option or a variable has precedence over the new entry."""
    config = load_user_config(user_config().path)
    for row in _list_rows(config, home):
        if row.key == key and row.source not in ("default", _file_source(config, split_key(key))):
            print_message(f"{row.source} takes precedence: {key} is {_shown(row.value)} here.")


def _run_editor(commands: list[list[str]], path: str) -> int:
    """Run the first editor that exists; its exit code."""
    for command in commands:
        try:
            return subprocess.run([*command, path], check=False).returncode
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{command[0]} cannot be run: {error.strerror}.") from error
    names = " or ".join(command[0] for command in commands)
    raise InputError(f"There is no editor {names}.", "Set EDITOR to the name of yours.")
