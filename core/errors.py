"""What can go wrong for a person, said in words a person can act on.

Every mistake a user can make ends in one of these; a broken invariant of our own is an `assert`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MiniGPTError(Exception):
    """A failure to show to a person: a title, what happened and where, and what to do.

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
    """Input that cannot be used: a file, a name, a prompt or a setting."""

    title = "That cannot be used"
    exit_code = 2


class SettingsError(InputError):
    """One or more settings out of their limits; all of them are reported together.

    Args:
        problems: what is wrong, by the name of the setting.
    """

    title = "Settings out of their limits"

    def __init__(self, problems: dict[str, str], hint: str = "") -> None:
        super().__init__("\n".join(f"{name}: {text}" for name, text in problems.items()), hint)
        self.problems = problems


class NotFoundError(InputError):
    """A name that is not there; the nearest ones that are stand in the hint.

    Args:
        what: the kind of thing, for instance "run".
        name: the name that was asked for.
        known: the names there are.
    """

    title = "Not found"

    def __init__(self, what: str, name: str, known: Iterable[str], hint: str = "") -> None:
        near = nearest(name, known)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        super().__init__(f"There is no {what} named {name!r}.", (meant + hint).strip())


class ClosedError(InputError):
    """A session that is gone: the sampler was started anew, or others took its place."""

    title = "That is not open any more"


class DamagedError(InputError):
    """A file of ours that cannot be read any more; names the file and what is left to use."""

    title = "A file is damaged"

    def __init__(
        self,
        message: str,
        hint: str = "Put it back from a copy; everything beside it is as it was.",
    ) -> None:
        super().__init__(message, hint)


class StorageError(MiniGPTError):
    """Something could not be written, for instance to a full disk; what was there is untouched."""

    title = "It could not be saved"


class RunFailedError(MiniGPTError):
    """Training ended without a usable result; the last good checkpoint is untouched."""

    title = "The run failed"


class Cancelled(Exception):  # noqa: N818
    """Work that was asked to stop; nothing went wrong."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like `name`, best first; capitals do not matter."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), list(by_fold), n=count, cutoff=0.5)
    return [by_fold[fold] for fold in found]
