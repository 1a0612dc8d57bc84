"""A process that stands in for a trainer that was suspended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from core.run.directory import Run
from core.run.event_log import EventLog
from core.system.machine import this_host


@contextmanager
def suspended_trainer(run: Run) -> Iterator[int]:
    """Start a suspended process that the run's events name as its trainer; its process id."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        log, host = EventLog(run.events), this_host()
        log.emit("started", 0, host=host.name, boot=host.boot, pid=process.pid)
        log.close()
        process.send_signal(signal.SIGSTOP)
        yield process.pid
    finally:
        process.kill()
        process.wait()
