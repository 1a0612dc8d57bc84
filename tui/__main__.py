"""Entry point of `minigpt-tui` and `python -m tui`, which turns errors into messages."""

from __future__ import annotations

import io
import os
import sys

from core.errors import MiniGPTError, StorageError, find_resource_error
from core.system.process import keep_files_private

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line; exits with 0, 1 (failed), 2 (unusable input) or 130 (interrupted)."""
    try:
        code = _main()
    except KeyboardInterrupt:  # while modules are imported, or an error is reported
        sys.stderr.write("Interrupted.\n")
        code = EXIT_INTERRUPTED
    sys.exit(code)


def _main() -> int:
    keep_files_private()
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        # Characters that the terminal cannot encode become question marks, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return run(sys.argv[1:])


def _open_missing_streams() -> None:
    """Open closed standard streams, or a file opened later would get their descriptor."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
            assert descriptor == number
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, "w" if number else "r", closefd=False))


def run(arguments: list[str]) -> int:
    """Run a command line; the exit code."""
    import click  # Here, so that Ctrl+C during the import is reported in words.

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
        return _report(error)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        click.echo(clean(text.getvalue()), err=True, nl=False)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return 0
    except (OSError, MemoryError, ImportError, RuntimeError) as error:
        return _report(_system_error(error))
    return code if isinstance(code, int) else 0


def _system_error(error: Exception) -> MiniGPTError:
    """The message for an error of the system; a bug is raised again."""
    from tui.cli.console import discard_output

    if shortage := find_resource_error(error):
        return shortage
    if not isinstance(error, OSError):
        raise error
    # Errors with files are handled where they occur, so this is an error of the output.
    if error.filename is None:
        discard_output()
    return StorageError(f"{error.filename or 'The output'}: {error.strerror}.")


def _report(error: MiniGPTError) -> int:
    import click

    from tui.common.sanitize import clean

    click.echo(clean(f"{error.title}: {error}"), err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
