"""Errors shown to the user: what failed, where, and what to do.

Every mistake a user can make raises one of these; a violated invariant of the program is an
`assert`.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

SIMILARITY_CUTOFF = 0.5


class MiniGPTError(Exception):
    """An error with a title, a message and a hint.

    Args:
        message: what is wrong and where (a file, a line, a name), one or two sentences.
        hint: what to do about it; may be empty.
    """

    title = "Something went wrong"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(MiniGPTError):
    """An unusable file, name, prompt or setting."""

    title = "Invalid input"
    exit_code = 2


class SettingsError(InputError):
    """One or more invalid settings, all reported together.

    Args:
        problems: what is wrong, by the name of the setting.
    """

    title = "Invalid settings"

    def __init__(self, problems: dict[str, str], hint: str = "") -> None:
        super().__init__("\n".join(f"{name}: {text}" for name, text in problems.items()), hint)
        self.problems = problems


class NotFoundError(InputError):
    """An unknown name; the hint offers similar ones.

    Args:
        what: the kind of thing, for instance "run".
        name: the unknown name.
        known: the existing names.
    """

    title = "Not found"

    def __init__(self, what: str, name: str, known: Iterable[str], hint: str = "") -> None:
        hints = (did_you_mean(name, known), hint)
        super().__init__(f"There is no {what} named {name!r}.", " ".join(filter(None, hints)))


class StateError(InputError):
    """A valid request that the present state of a run, a text or a session does not allow."""

    title = "Not possible now"


class ClosedError(InputError):
    """A session of the model server that was evicted, or lost when the server restarted."""

    title = "Session closed"


class DamagedError(InputError):
    """A file of the program that cannot be read; the message names it."""

    title = "Damaged file"

    def __init__(
        self,
        message: str,
        hint: str = "Restore it from a backup; the files beside it are unchanged.",
    ) -> None:
        super().__init__(message, hint)


class StorageError(MiniGPTError):
    """A file that could not be written, for instance to a full disk; the old one is unchanged."""

    title = "Could not save"


class RunFailedError(MiniGPTError):
    """Training ended without a usable result; the last checkpoint is unchanged."""

    title = "Training failed"


class ResourceError(MiniGPTError):
    """Memory, threads or processes that the system refuses."""

    title = "Out of resources"


def find_resource_error(error: BaseException) -> ResourceError | None:
    """The error that says which resource the system refused; None for any other error.

    Without memory, shared libraries fail to load with an ImportError.
    """
    text = str(error).casefold()
    number = error.errno if isinstance(error, OSError) else None
    # An output that would block raises EAGAIN too, with the characters written so far.
    is_refused = number == errno.EAGAIN and not hasattr(error, "characters_written")
    if "start new thread" in text or is_refused:
        return ResourceError(
            "The system allows no more threads or processes.",
            "End some, or raise the limit (ulimit -u, or that of the container).",
        )
    is_unmapped = "failed to map segment" in text or "cannot allocate memory" in text
    if isinstance(error, MemoryError) or is_unmapped or number == errno.ENOMEM:
        return ResourceError(
            f"There is not enough memory. {str(error).partition(chr(10))[0]}".strip(),
            "Close other programs, or raise the limit (ulimit -v, or that of the container).",
        )
    return None


class Cancelled(Exception):  # noqa: N818 - a requested stop, not an error
    """Work was cancelled on request."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` known names similar to `name`, most similar first; case is ignored."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(
        name.casefold(), list(by_fold), n=count, cutoff=SIMILARITY_CUTOFF
    )
    return [by_fold[fold] for fold in matches]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question "Did you mean a or b?" with similar names; empty if there are none."""
    similar = nearest(name, known)
    return f"Did you mean {' or '.join(similar)}?" if similar else ""
