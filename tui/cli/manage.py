"""`minigpt-tui logs`, `rename` and `rm`: what is done to a run that nobody needs to be training."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from core.errors import InputError, MiniGPTError, NotFoundError, StorageError
from core.paths import Home
from core.run import status, store
from core.run.directory import Run
from core.run.status import status_of
from core.run.summary import folder_size, summarize_run
from core.system import locks
from core.system.line_files import LineTail
from tui.cli.console import print_message, print_result
from tui.cli.options import complete_run
from tui.common.format import size

LOOK_SECONDS = 0.25
PIECE = 1 << 16


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option("-f", "--follow", is_flag=True, help="go on until the trainer is gone")
@click.pass_obj
def logs(home: Home, run: str, follow: bool) -> None:
    """Print what RUN's trainer wrote beside its events: warnings, and why it broke."""
    found = find_any(home, run)
    if not found.log.exists():
        print_message(f"There is no log of {found.name}: a trainer in the background keeps one.")
    tail = LineTail(found.log)
    while follow and is_alive(found):
        _put_new(tail)
        pause()
    _put_new(tail)
    if rest := tail.take_unfinished_line():
        _put(rest)


def pause() -> None:
    """Waits until it is time to look again."""
    time.sleep(LOOK_SECONDS)


def _put_new(tail: LineTail) -> None:
    while lines := _read(tail):
        _put(b"\n".join(lines))


def _read(tail: LineTail) -> list[bytes]:
    try:
        return tail.read(PIECE)
    except OSError as error:
        raise InputError(f"{tail.path} cannot be read: {error.strerror}.") from error


def _put(data: bytes) -> None:
    print_result(data.decode(errors="replace").removesuffix("\r"))


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("new")
@click.pass_obj
def rename(home: Home, run: str, new: str) -> None:
    """Give RUN the name NEW."""
    found = find_any(home, run)
    if found.name == new:
        raise InputError(f"The run is named {new} already.", "Give it another name.")
    with _writing(home, f"{found.name} cannot be renamed"):
        renamed = store.rename_run(home, found, new)
    print_message(f"{found.name} is named {renamed.name} now.")


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--yes", is_flag=True, help="do not ask")
@click.pass_obj
def rm(home: Home, names: tuple[str, ...], yes: bool) -> None:
    """Remove runs, with their weights, checkpoints and all; there is no way back."""
    found = [find_any(home, name) for name in dict.fromkeys(names)]
    for run in found:
        if is_alive(run):
            raise runs_in_use(run)
    for run in found:
        print_message(_what_goes(run))
    if not yes and not _agreed(len(found)):
        print_message("Nothing was removed.")
        return
    for run in found:
        with _writing(home, f"{run.name} cannot be removed"):
            store.delete_run(home, run)
        print_message(f"Removed {run.name}.")


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise InputError("Nothing was removed: there is no terminal to ask on.", "Give --yes.")
    return click.confirm("Remove it?" if count == 1 else f"Remove these {count}?", err=True)


def _what_goes(run: Run) -> str:
    """A run in one line, for somebody who is about to lose it."""
    steps, parts = len(run.snapshot_steps()), [size(folder_size(run.folder))]
    # A run is removed also because it is damaged: what cannot be read is left out.
    with suppress(MiniGPTError, OSError):
        row = summarize_run(run)
        parts += [row.status, f"step {row.step}", f"text {row.corpus}" if row.corpus else ""]
        parts += ["damaged run.json" if row.problem else ""]
    parts += [f"{steps} snapshot{'s' * (steps > 1)}" if steps else ""]
    return f"{run.name}: {', '.join(part for part in parts if part)}"


def find_any(home: Home, name: str) -> Run:
    """The run of this name, also one that lost its run.json: it can be told by its other files.

    Raises:
        InputError: there is none of this name.
    """
    try:
        return store.find_run(home, name)
    except NotFoundError:
        run = Run(home.runs / name)
        traces = (run.events, run.checkpoints, run.weights)
        if run.folder.is_symlink() or not any(path.exists() for path in traces):
            raise
        return run


def is_alive(run: Run) -> bool:
    """Whether a trainer is at it, here or, as far as can be told, on another machine."""
    return locks.is_held(run.lock) or status_of(run) in status.ALIVE


def runs_in_use(run: Run) -> InputError:
    """What to say of a run that cannot be changed now."""
    return InputError(
        f"The run {run.name} is being trained.", f"Stop it first: minigpt-tui stop {run.name}"
    )


@contextmanager
def _writing(home: Home, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or home.runs
        raise StorageError(
            f"{what}: {where}: {error.strerror}.", "`minigpt-tui doctor` looks at the folder."
        ) from error
