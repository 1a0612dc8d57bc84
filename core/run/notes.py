"""The user's note on a run and its tags (notes.json)."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass

from core.errors import DamagedError, InputError, StorageError
from core.run.directory import Run
from core.system.files import read_json, storage_hint, write_json

FORMAT_VERSION = 1
MAX_NOTE_CHARACTERS = 2000
MAX_TAGS = 20
MAX_NOTES_BYTES = 1 << 16
TAG = re.compile(r"\w[\w.-]{0,31}")
TAG_RULE = "A tag has 1 to 32 letters, digits, '_', '.' or '-'."


@dataclass(frozen=True)
class RunNote:
    """A note on a run.

    Attributes:
        text: one line or several; empty without a note.
        tags: distinct words, in the order in which they were given.
    """

    text: str = ""
    tags: tuple[str, ...] = ()


def read_note(run: Run) -> RunNote:
    """The note on a run; an empty one if there is none.

    Raises:
        DamagedError: the file is too large, a link, or does not hold a note.
    """
    try:
        mode = run.notes.lstat().st_mode
    except FileNotFoundError:
        return RunNote()
    if not stat.S_ISREG(mode):
        raise DamagedError(f"{run.notes} is not a plain file.")
    value = read_json(run.notes, MAX_NOTES_BYTES)
    text, tags = value.get("note"), value.get("tags")
    if not isinstance(text, str) or not isinstance(tags, list):
        raise DamagedError(f"{run.notes} does not hold a note.")
    if not all(isinstance(tag, str) and TAG.fullmatch(tag) for tag in tags):
        raise DamagedError(f"{run.notes} has tags that are none. {TAG_RULE}")
    return RunNote(text[:MAX_NOTE_CHARACTERS], tuple(dict.fromkeys(tags))[:MAX_TAGS])


def write_note(run: Run, note: RunNote) -> None:
    """Replace the note on a run.

    Raises:
        InputError: it is too long, or a tag is invalid.
        StorageError: it cannot be written.
    """
    check_note(note)
    value = {"format": FORMAT_VERSION, "note": note.text, "tags": list(note.tags)}
    try:
        write_json(run.notes, value)
    except OSError as error:
        raise StorageError(
            f"{run.notes} cannot be written: {error.strerror}.",
            storage_hint(error, "Free some disk space."),
        ) from error


def check_note(note: RunNote) -> None:
    """Raise InputError if a note cannot be stored."""
    if len(note.text) > MAX_NOTE_CHARACTERS:
        raise InputError(
            f"The note has {len(note.text):,} characters.",
            f"At most {MAX_NOTE_CHARACTERS:,} are kept.",
        )
    for tag in note.tags:
        if not TAG.fullmatch(tag):
            raise InputError(f"Invalid tag: {tag!r}.", TAG_RULE)
    if len(note.tags) > MAX_TAGS:
        raise InputError(f"{len(note.tags)} tags are too many.", f"At most {MAX_TAGS} are kept.")


def parse_note(line: str) -> RunNote:
    """The note in a line, in which words that begin with `#` are tags.

    Raises:
        InputError: as for `check_note`.
    """
    words = line.split()
    tags = [word.removeprefix("#") for word in words if word.startswith("#")]
    text = " ".join(word for word in words if not word.startswith("#"))
    note = RunNote(text, tuple(dict.fromkeys(tags)))
    check_note(note)
    return note


def format_note(note: RunNote) -> str:
    """The line that `parse_note` reads."""
    return " ".join([*note.text.split(), *(f"#{tag}" for tag in note.tags)])
