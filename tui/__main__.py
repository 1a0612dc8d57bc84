"""Where `minigpt-tui` and `python -m tui` begin: the one place where errors become words."""

from __future__ import annotations

import io
import os
import sys

import click

from core.errors import MiniGPTError, StorageError

INTERRUPTED = 130


def main() -> None:
    """Runs the command line; leaves with 0, 1 (failed), 2 (bad input) or 130 (interrupted)."""
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot write a character shows a question mark, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def _open_missing_streams() -> None:
    """Gives a closed standard stream a place to go: else a file of ours would get its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            assert descriptor == number
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, "w" if number else "r", closefd=False))


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    if os.name == "nt":
        click.echo("minigpt-tui needs Linux or macOS; on Windows, use WSL 2.", err=True)
        return 2
    from tui.cli.console import discard_output
    from tui.cli.group import cli
    from tui.common.sanitize import clean

    try:
        code = cli.main(arguments, prog_name="minigpt-tui", standalone_mode=False)
        if sys.stdout is not None:  # as under `>&-`
            sys.stdout.flush()
    except MiniGPTError as error:
        return _show(error)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        click.echo(clean(said.getvalue()), err=True, nl=False)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return 0
    except OSError as error:
        # Whatever names a file or a run has its own words; this is left for the output itself.
        if error.filename is None:
            discard_output()
        return _show(StorageError(f"{error.filename or 'The output'}: {error.strerror}."))
    return code if isinstance(code, int) else 0


def _show(error: MiniGPTError) -> int:
    from tui.common.sanitize import clean

    click.echo(clean(f"{error.title}: {error}"), err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
