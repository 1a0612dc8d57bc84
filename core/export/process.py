"""An export in a process of its own, for a program that must not load torch: its screens.

The process `python -m core.export.process` reads one line of JSON, the plan. It writes lines of
JSON to its standard output: progress, then a report or an error. It stops when its standard input
ends, which is how it is cancelled, and what happens when the program that started it ends by
whatever cause. It then removes what it has written so far.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.errors import Cancelled, MiniGPTError, ResourceError, find_resource_error
from core.export.plan import ExportPlan
from core.export.report import ExportReport
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.run.directory import Run
from core.run.launch import environment
from core.system.files import JsonObject
from core.system.line_files import write_all
from core.system.process import BACKGROUND_NICENESS, end_process, lower_priority

MODULE = "core.export.process"
POLL_INTERVAL_S = 0.1
MAX_LINE_BYTES = 1 << 20
MAX_ERROR_BYTES = 600  # of what the process wrote last


class ProcessError(MiniGPTError):
    """The process of an export ended without a reply."""

    title = "The export has ended"


class ReportedError(MiniGPTError):
    """An error of the process, as it reports it."""

    def __init__(self, values: JsonObject) -> None:
        super().__init__(str(values.get("message")), str(values.get("hint") or ""))
        self.title = str(values.get("title") or MiniGPTError.title)


def export_in_process(
    plan: ExportPlan,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> ExportReport:
    """Carry out an export in a process of its own; after any error, nothing is left of it.

    Args:
        progress: called by the calling thread, as is `cancelled`.

    Raises:
        ReportedError: an error of `core.export.export.export_run`.
        ProcessError: the process ended without a reply.
        ResourceError: the system allows no more processes.
        Cancelled: `cancelled` returned true.
    """
    with tempfile.TemporaryFile() as errors:
        process = _start(errors)
        assert process.stdin is not None
        assert process.stdout is not None
        with process:  # closes its input, then waits for it
            with suppress(BrokenPipeError):  # it has ended, as is noticed below
                process.stdin.write(json.dumps(_plan_to_json(plan)).encode() + b"\n")
                process.stdin.flush()
            for message in _messages(process, cancelled):
                if "progress" in message:
                    progress(*message["progress"])
                elif "report" in message:
                    return ExportReport.from_json(message["report"])
                elif "error" in message:
                    raise ReportedError(message["error"])
                else:
                    raise Cancelled
        if cancelled():
            raise Cancelled
        code = process.returncode
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - MAX_ERROR_BYTES))
        tail = errors.read().decode(errors="replace").strip()
        raise ProcessError(f"It ended {how}.\n{tail}".strip(), "Nothing was kept of it. Try again.")


def _start(errors: BinaryIO) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=os.sep,  # a folder of the user's named `core` must not be imported
            env=environment(),
            start_new_session=True,  # signals from the terminal's keys are for the app
        )
    except OSError as error:
        raise find_resource_error(error) or ResourceError(
            f"The export could not be started: {error.strerror}.", "End other programs."
        ) from error


def _messages(process: subprocess.Popen[bytes], cancelled: CancelCheck) -> Iterator[JsonObject]:
    """The lines of the process until its output ends; a cancellation closes its input."""
    assert process.stdin is not None
    assert process.stdout is not None
    descriptor, pending = process.stdout.fileno(), b""
    with selectors.DefaultSelector() as output:
        output.register(descriptor, selectors.EVENT_READ)
        while True:
            if cancelled() and not process.stdin.closed:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            if not output.select(POLL_INTERVAL_S):
                continue
            data = os.read(descriptor, MAX_LINE_BYTES)
            if not data or len(pending) > MAX_LINE_BYTES:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                yield json.loads(line)


def _plan_to_json(plan: ExportPlan) -> JsonObject:
    return {
        "folder": str(plan.run.folder.absolute()),
        "weights": plan.weights,
        "target": plan.target,
        "dtype": plan.dtype,
        "path": str(plan.path),
        "force": plan.force,
    }


def _plan_from_json(values: JsonObject) -> ExportPlan:
    return ExportPlan(
        run=Run(Path(values["folder"])),
        weights=values["weights"],
        target=values["target"],
        dtype=values["dtype"],
        path=Path(values["path"]),
        force=values["force"],
    )


def main() -> None:
    """Carry out the export that standard input names."""
    output = os.dup(1)
    os.dup2(2, 1)  # no library writes between the messages
    lower_priority(BACKGROUND_NICENESS)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    plan = _plan_from_json(json.loads(sys.stdin.buffer.readline(MAX_LINE_BYTES)))
    stopped = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stopped,), daemon=True).start()

    def send(message: JsonObject) -> None:
        with suppress(BrokenPipeError):  # the app has ended
            write_all(output, json.dumps(message).encode() + b"\n")

    def report_progress(done: int, total: int, phase: str) -> None:
        send({"progress": [done, total, phase]})

    try:
        from core.export.export import export_run

        send({"report": export_run(plan, report_progress, stopped.is_set).to_json()})
    except (KeyboardInterrupt, Cancelled):
        send({"cancelled": True})
    except MiniGPTError as error:
        send({"error": _error_to_json(error)})
    except Exception as error:  # noqa: BLE001 - reported in words
        traceback.print_exc()
        bug = MiniGPTError(
            f"Bug in the export: {type(error).__name__}: {error}", "Please report it."
        )
        send({"error": _error_to_json(find_resource_error(error) or bug)})


def _wait_for_end(stopped: threading.Event) -> None:
    """Interrupt the main thread once standard input ends."""
    while os.read(0, MAX_LINE_BYTES):
        pass
    stopped.set()
    os.kill(os.getpid(), signal.SIGINT)


def _error_to_json(error: MiniGPTError) -> JsonObject:
    return {"title": error.title, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its input may end now
    end_process(None)
