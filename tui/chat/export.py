"""A conversation as a document: Markdown for readers, JSON for programs. Pure but for writing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError, StorageError
from core.run.events import replace_non_finite
from core.system.files import JsonObject, write_atomic
from tui.chat.record import Turn
from tui.chat.reply import turn_facts
from tui.common.sanitize import clean

MARKDOWN_SUFFIXES, JSON_SUFFIX = (".md", ".markdown"), ".json"
HOW_TO_NAME = "End the path with .md for Markdown or .json for JSON."
RunTurns = Sequence[tuple[str, Turn]]  # the run that replied, and the turn


def to_markdown(turns: RunTurns) -> str:
    """Each turn as the prompt in bold, the reply as text, and what made it in small print."""
    return "\n".join(_markdown_turn(run, turn) for run, turn in turns)


def _markdown_turn(run: str, turn: Turn) -> str:
    prompt = clean(turn.prompt).strip()
    lines = [f"> {escape_markdown(line)}" for line in prompt.split("\n")] if prompt else ["> "]
    facts = escape_markdown(clean(turn_facts(turn, run)))
    when = f", {_time(turn.time)}" if turn.time else ""
    reply = "  \n".join(escape_markdown(line) for line in clean(turn.text).strip().split("\n"))
    return "\n".join([*lines, "", reply, "", f"<sub>{facts}{when}</sub>", ""])


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is: what a model writes is no markup."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)
    return re.sub(r"^(\s*)([-+=]|\d+[.)])", r"\1\\\2", escaped)


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return "unknown time"


def to_json(turns: RunTurns) -> str:
    """An object with a list of turns, with all that is recorded of each."""
    values: JsonObject = {
        "format": "minigpt-tui chat",
        "version": 1,
        "turns": [
            {"run": run, **vars(turn), "settings": dict(turn.settings)} for run, turn in turns
        ],
    }
    return json.dumps(replace_non_finite(values), indent=2) + "\n"


def expand_path(text: str) -> Path:
    """The path that was typed, with the home folder in place of `~`.

    Raises:
        InputError: the user in it is unknown.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"{text}: there is no such home folder.", "Write the whole path in place of ~."
        ) from error


def write_conversation(path: Path, turns: RunTurns) -> None:
    """Write a new file, as Markdown or JSON by the end of its name.

    Raises:
        InputError: another name, one that the system refuses, or a file that exists.
        StorageError: it could not be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (*MARKDOWN_SUFFIXES, JSON_SUFFIX):
        raise InputError(f"Unknown format: {path.name or '(empty)'}.", HOW_TO_NAME)
    if os.path.lexists(path):  # which, unlike `Path.exists`, raises nothing
        raise InputError(f"{path} exists already.", "Choose another name.")
    text = to_json(turns) if suffix == JSON_SUFFIX else to_markdown(turns)
    try:
        write_atomic(path, text.encode(errors="backslashreplace"))
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}."
        raise StorageError(message, "Choose another name or folder.") from error
    except ValueError as error:  # a null character, or half of a surrogate pair
        message = f"{path} cannot be the name of a file: it has a character that none may have."
        raise InputError(message, "Choose another name.") from error


def find_turns(turns: Iterable[Turn], text: str) -> list[int]:
    """The indices of the turns whose prompt or reply contains a text, whatever its case."""
    wanted = text.casefold()
    return [
        index
        for index, turn in enumerate(turns)
        if wanted in f"{turn.prompt}\n{turn.text}".casefold()
    ]
