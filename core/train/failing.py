"""How a training fails: what a person can do something about is said, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.run import events
from core.errors import MiniGPTError, StorageError
from core.train.roles import Emit
from core.run.directory import Run
from core.train.shortage import lacks_memory


@contextmanager
def telling_failures(
    emit: Emit, run: Run, state: Callable[[], tuple[int, int | None]]
) -> Iterator[None]:
    """Errors that a person can do something about are said; a bug of ours is not hidden.

    Args:
        state: updates done, and the step of the last checkpoint.
    """
    try:
        yield
    except OSError as error:
        what = f"{error.filename or run.folder}: {error.strerror}."
        hint = "Make room, or mend the disk, and resume the run."
        _say_failed(emit, StorageError(what, hint), *state())
    except (MiniGPTError, MemoryError, RuntimeError) as error:
        if not isinstance(error, MiniGPTError) and not lacks_memory(error):
            raise
        _say_failed(emit, error, *state())


def _say_failed(emit: Emit, error: BaseException, step: int, saved: int | None) -> None:
    if isinstance(error, MiniGPTError):
        title, message, hint, code = error.title, error.message, error.hint, error.exit_code
    else:
        title = "The device has not enough memory"
        message, code = str(error).partition("\n")[0] or "No more memory could be had.", 1
        hint = (
            "Resume it once others use less of it, or train with a smaller batch "
            "(--set batch_size=N), more accumulation (--set accumulation=N), a shorter context "
            "(--set context=N) or a smaller preset."
        )
    said = {"title": title, "message": message, "hint": hint, "code": code}
    emit(events.FAILED, step, **said, saved_step=saved)
