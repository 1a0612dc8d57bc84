"""The user's configuration: theme, keys, sampling defaults, and how the program draws and notifies.

Wrong entries are left out and named. Nothing here raises for what a file contains, so that a typing
error never keeps the program from starting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config.configs import AUTO, SamplingConfig
from core.config.schema import (
    SettingSpec,
    find_value_problems,
    parse_value,
    setting,
    setting_specs,
)
from core.errors import DamagedError, InputError, NotFoundError, SettingsError, did_you_mean
from core.paths import find_config_file
from tui.common.config_file import ConfigSyntaxError, Key, find_line, flatten, parse, read_text

UNICODE, ASCII = "unicode", "ascii"
KEYMAP, SAMPLING, NOTIFY = "keymap", "sampling", "notify"
OPTIONAL_KEYS = (("refresh",), ("home",))  # `auto` unsets these
NOT_IN_FILE = "stop"  # a sampling setting that only requests have
MAX_PROBLEM_CHARACTERS = 200
MAX_SHOWN_PROBLEMS = 8


@dataclass(frozen=True, kw_only=True)
class GeneralConfig:
    """The entries above all tables."""

    theme: str = setting(AUTO, "Theme", "the colours; auto follows the terminal's background")
    charset: str = setting(
        AUTO,
        "Characters",
        "what to draw with; auto asks the terminal",
        choices=(AUTO, UNICODE, ASCII),
    )
    refresh: float | None = setting(
        None,
        "Refresh",
        "seconds between updates of lists and charts, the others in proportion; auto is 1, or 3 "
        "over SSH",
        minimum=0.1,
        maximum=60.0,
    )
    home: str | None = setting(None, "Home", "folder for runs, corpora and caches")


@dataclass(frozen=True, kw_only=True)
class NotifyConfig:
    """How the program reports that a training has ended or needs someone."""

    bell: bool = setting(True, "Bell", "ring the terminal's bell")
    desktop: bool = setting(True, "Desktop", "send a desktop notification (OSC 9 or 777)")
    title: bool = setting(True, "Title", "show the progress in the title of the terminal's window")


@dataclass(frozen=True, kw_only=True)
class ConfigProblem:
    """A wrong entry, which is ignored.

    Attributes:
        line: in the file; None if unknown.
        text: which entry, and what is wrong with it.
    """

    line: int | None
    text: str

    def __str__(self) -> str:
        text = self.text
        if len(text) > MAX_PROBLEM_CHARACTERS:
            text = f"{text[:MAX_PROBLEM_CHARACTERS]}…"
        return f"line {self.line}: {text}" if self.line else text


@dataclass(frozen=True, kw_only=True)
class UserConfig:
    """What the configuration file says, with defaults for all it leaves out.

    Attributes:
        path: of the file, which need not exist.
        text: its content; empty if it does not exist or cannot be read.
        keymap: keys by the id of a binding, several separated by commas.
        entries: the valid ones, by their whole keys.
        problems: the wrong ones.
    """

    path: Path = field(default_factory=find_config_file)
    text: str = ""
    general: GeneralConfig = field(default_factory=GeneralConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    notify: NotifyConfig = field(default_factory=NotifyConfig)
    keymap: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[Key, Any] = field(default_factory=dict)
    problems: tuple[ConfigProblem, ...] = ()


def locate_problem(text: str, key: Key, problem: str) -> ConfigProblem:
    """A problem of an entry with its line."""
    return ConfigProblem(line=find_line(text, key), text=f"{format_key(key)} {problem}")


def find_theme_problems(config: UserConfig, themes: Collection[str]) -> list[ConfigProblem]:
    """The entry `theme`, if it names none of these themes."""
    theme = config.general.theme
    if theme == AUTO or theme in themes:
        return []
    problem = f"is {theme!r}, an unknown theme. {did_you_mean(theme, themes)}".strip()
    return [locate_problem(config.text, ("theme",), problem)]


def describe_problems(path: Path, problems: Sequence[ConfigProblem]) -> str:
    """The wrong entries of a file, a line each, as many as fit into a notification."""
    shown = [f"{path}:", *map(str, problems[:MAX_SHOWN_PROBLEMS])]
    if len(problems) > MAX_SHOWN_PROBLEMS:
        shown.append(f"… and {len(problems) - MAX_SHOWN_PROBLEMS} more")
    return "\n".join([*shown, "Ignored; `minigpt-tui config` shows what applies."])


SECTIONS: dict[str, type[Any]] = {
    "": GeneralConfig,
    SAMPLING: SamplingConfig,
    NOTIFY: NotifyConfig,
}


def format_key(key: Key) -> str:
    """A key as it is written and shown."""
    return ".".join(key)


def list_keys() -> dict[Key, SettingSpec]:
    """Every key but those of the keymap, in order."""
    return {
        (*filter(None, (section,)), name): spec
        for section, kind in SECTIONS.items()
        for name, spec in setting_specs(kind).items()
        if name != NOT_IN_FILE
    }


def load_user_config(path: Path) -> UserConfig:
    """Read the configuration file; wrong entries are among its `problems`."""
    try:
        text = read_text(path)
        if text is None:
            return UserConfig(path=path)
        values = parse(text)
    except ConfigSyntaxError as error:
        reason = f"{error.reason}; nothing of the file is used"
        return UserConfig(path=path, problems=(ConfigProblem(line=error.line, text=reason),))
    except DamagedError as error:
        return UserConfig(path=path, problems=(ConfigProblem(line=None, text=error.message),))
    return _from_values(path, text, values)


def _from_values(path: Path, text: str, values: Mapping[str, Any]) -> UserConfig:
    wrong: dict[Key, str] = {}
    entries: dict[Key, Any] = {}
    known = list_keys()
    for name, value in values.items():
        if (name == KEYMAP or name in SECTIONS) and not isinstance(value, dict):
            wrong[(name,)] = f"must be a table: [{name}]"
            continue
        for key, item in flatten({name: value}).items():
            suggest = len(wrong) < MAX_SHOWN_PROBLEMS
            if problem := _find_problem(key, item, known, suggest=suggest):
                wrong[key] = problem
            else:
                entries[key] = item
    return UserConfig(
        path=path,
        text=text,
        general=GeneralConfig(**_section(entries, "")),
        sampling=SamplingConfig(**_section(entries, SAMPLING)),
        notify=NotifyConfig(**_section(entries, NOTIFY)),
        keymap={format_key(k[1:]): join_keys(v) for k, v in entries.items() if k[0] == KEYMAP},
        entries=entries,
        problems=tuple(locate_problem(text, *each) for each in wrong.items()),
    )


def _section(entries: Mapping[Key, Any], section: str) -> dict[str, Any]:
    length = 2 if section else 1
    return {
        key[-1]: None if value == AUTO and key in OPTIONAL_KEYS else value
        for key, value in entries.items()
        if len(key) == length and (not section or key[0] == section)
    }


def join_keys(value: str | list[str]) -> str:
    """Keys as Textual writes them: separated by commas."""
    if isinstance(value, str):
        return value
    return ",".join("comma" if key == "," else key for key in value)


def _find_problem(
    key: Key, value: Any, known: Mapping[Key, SettingSpec], *, suggest: bool = True
) -> str:
    """What is wrong with an entry; empty if nothing is.

    Args:
        suggest: look for a similar key, which takes a while.
    """
    if key[0] == KEYMAP:
        is_text = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if len(key) < 2 or not (is_text or isinstance(value, str)) or not join_keys(value).strip():
            return 'must be a key such as "f5", or several: "f5,ctrl+r"'
        return ""
    if key not in known:
        suggestion = did_you_mean(format_key(key), map(format_key, known)) if suggest else ""
        return f"is an unknown setting. {suggestion}".strip()
    if value == AUTO and key in OPTIONAL_KEYS:
        return ""
    kind = SECTIONS[key[0] if len(key) > 1 else ""]
    if problem := find_value_problems(kind, {key[-1]: value}).get(key[-1]):
        return problem
    if key == ("home",) and not (value.startswith(("/", "~"))):
        return f"must be an absolute path, is {value!r}"
    if key == ("home",) and "\0" in value:
        return "must be a path, which has no null character"
    return ""


def parse_entry(key: Key, text: str) -> Any:
    """The value for a key, as typed on a command line.

    Raises:
        NotFoundError: no such key.
        SettingsError: an invalid value.
    """
    known = list_keys()
    value: Any = text
    if key in known and not (text == AUTO and key in OPTIONAL_KEYS):
        kind = SECTIONS[key[0] if len(key) > 1 else ""]
        try:
            value = parse_value(kind, key[-1], text)
        except SettingsError as error:
            raise SettingsError({format_key(key): error.problems[key[-1]]}) from None
    elif key[0] != KEYMAP and key not in known:
        hint = "`minigpt-tui config` lists them."
        raise NotFoundError("setting", format_key(key), map(format_key, known), hint)
    if problem := _find_problem(key, value, known):
        raise SettingsError({format_key(key): problem})
    return value


def split_key(text: str) -> Key:
    """A key as typed, such as sampling.top_k.

    Raises:
        InputError: a part of it is empty.
    """
    key = tuple(text.split("."))
    if not all(key):
        raise InputError(f"Invalid key: {text!r}.", "`minigpt-tui config` lists the keys.")
    return key
