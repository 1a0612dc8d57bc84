"""`minigpt-tui logs`, `rename`, `note` and `rm`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from core.errors import InputError, MiniGPTError, StateError, StorageError
from core.paths import Home
from core.run import store
from core.run.directory import Run
from core.run.notes import RunNote, format_note, read_note, write_note
from core.run.status import LIVE_STATUSES, status_of
from core.run.summary import folder_size, summarize_run
from core.system import locks
from core.system.line_files import LineTail
from tui.cli.console import print_message, print_result
from tui.cli.options import complete_run
from tui.common.format import format_size
from tui.common.sanitize import one_line

POLL_SECONDS = 0.25
CHUNK_BYTES = 1 << 16
MAX_LOG_BYTES = 1 << 20  # printed from the end of a log


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option("-f", "--follow", is_flag=True, help="keep printing until the trainer has ended")
@click.pass_obj
def logs(home: Home, run: str, follow: bool) -> None:
    """Print the standard output and errors of RUN's trainer: warnings and tracebacks."""
    target = store.find_run(home, run)
    if not target.log.exists():
        print_message(f"{target.name} has no log: only a trainer in the background writes one.")
    tail = LineTail(target.log, _first_byte(target.log))
    while follow and _is_in_use(target):
        _print_new_lines(tail)
        wait_for_lines()
    _print_new_lines(tail)
    if rest := tail.take_unfinished_line():
        _print_log(rest[-CHUNK_BYTES:])
    if tail.offset == 0 and target.log.exists():
        print_message(f"The log of {target.name} is empty: its trainer has printed nothing.")


def _first_byte(log: Path) -> int:
    """Where to start printing: a log of a broken trainer, or a damaged one, may have any size."""
    try:
        start = max(0, log.stat().st_size - MAX_LOG_BYTES)
    except FileNotFoundError:
        return 0
    if start:
        print_message(f"The first {format_size(start)} of {log} are omitted.")
    return start


def wait_for_lines() -> None:
    """Wait before looking for new lines again."""
    time.sleep(POLL_SECONDS)


def _print_new_lines(tail: LineTail) -> None:
    while lines := _read_lines(tail):
        _print_log(b"\n".join(lines))


def _read_lines(tail: LineTail) -> list[bytes]:
    try:
        return tail.read(CHUNK_BYTES)
    except OSError as error:
        raise InputError(f"{tail.path} cannot be read: {error.strerror}.") from error


def _print_log(data: bytes) -> None:
    print_result(data.decode(errors="replace").removesuffix("\r"))


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("new")
@click.pass_obj
def rename(home: Home, run: str, new: str) -> None:
    """Rename RUN to NEW."""
    target = store.find_run(home, run)
    if target.name == new:
        raise InputError(f"The run is already named {new}.", "Choose another name.")
    with _storage_errors(home, f"{target.name} cannot be renamed"):
        store.rename_run(home, target, new)
    print_message(f"Renamed {run} to {new}.")


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("text", required=False)
@click.option("--tag", "tags", multiple=True, help="replace the tags; may be repeated")
@click.pass_obj
def note(home: Home, run: str, text: str | None, tags: tuple[str, ...]) -> None:
    """Print the note on RUN and its tags, or replace them by TEXT and --tag.

    What is not given stays; an empty TEXT removes the note, and `--tag ""` the tags.
    """
    target = store.find_run(home, run)
    before = read_note(target)
    if text is None and not tags:
        print_result(one_line(format_note(before)))
        return
    words = tuple(dict.fromkeys(tag.removeprefix("#") for tag in tags if tag))
    after = RunNote(before.text if text is None else text, words if tags else before.tags)
    write_note(target, after)
    print_message(f"{target.name}: {one_line(format_note(after)) or 'no note'}")


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--yes", is_flag=True, help="do not ask for confirmation")
@click.pass_obj
def rm(home: Home, names: tuple[str, ...], yes: bool) -> None:
    """Delete runs permanently, with weights, checkpoints, chats, and text from standard input."""
    runs = [store.find_run(home, name) for name in dict.fromkeys(names)]
    for run in runs:
        if _is_in_use(run):
            raise store.in_use_error(run)
    for run in runs:
        print_message(_describe_contents(run))
    if not yes and not _confirm(len(runs)):
        print_message("Nothing was deleted.")
        return
    for run in runs:
        with _storage_errors(home, f"{run.name} cannot be deleted"):
            users = store.delete_run(home, run)
        print_message(f"Deleted {run.name}.")
        if users:
            print_message(f"Its text from standard input stays for {', '.join(users)}.")


def _confirm(count: int) -> bool:
    if not sys.stdin.isatty():
        raise StateError("Nothing was deleted: there is no terminal to confirm on.", "Add --yes.")
    question = "Delete it permanently?" if count == 1 else f"Delete these {count} permanently?"
    return click.confirm(question, err=True)


def _describe_contents(run: Run) -> str:
    """One line on what is lost with a run."""
    snapshots, parts = len(run.snapshot_steps()), [format_size(folder_size(run.folder))]
    # A damaged run can be deleted too: what cannot be read is left out.
    with suppress(MiniGPTError, OSError):
        summary = summarize_run(run)
        parts += [summary.status, f"step {summary.step}"]
        parts += [f"text {summary.corpus}" if summary.corpus else ""]
        parts += ["damaged run.json" if summary.problem else ""]
    parts += [f"{snapshots} snapshot{'s' * (snapshots > 1)}" if snapshots else ""]
    return f"{run.name}: {', '.join(part for part in parts if part)}"


def _is_in_use(run: Run) -> bool:
    """Whether a trainer is alive, on this machine or, as far as is known, on another one."""
    return locks.is_held(run.lock) or status_of(run) in LIVE_STATUSES


@contextmanager
def _storage_errors(home: Home, what: str) -> Iterator[None]:
    """Translate OSError into StorageError."""
    try:
        yield
    except OSError as error:
        where = error.filename or home.runs
        raise StorageError(
            f"{what}: {where}: {error.strerror}.", "`minigpt-tui doctor` checks the folder."
        ) from error
