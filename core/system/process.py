"""Settings of the current process: private files, priority, end with its parent, freed memory."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from core.system.line_files import write_all

# In the environment of a child that has to end with its parent: the parent's process id.
PARENT_PID_VARIABLE = "MINIGPT_PARENT"
PARENT_POLL_INTERVAL_S = 0.5
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

STANDARD_ERROR = 2  # its descriptor

M_TRIM_THRESHOLD = -1  # glibc's <malloc.h>
M_MMAP_THRESHOLD = -3
MALLOC_THRESHOLD_BYTES = 2**30


PRIVATE_UMASK = 0o077
BACKGROUND_NICENESS = 10  # of the trainer and the model server, below the terminal
AUTOGROUP_FILE = Path("/proc/self/autogroup")  # see sched(7)


def keep_files_private() -> None:
    """Let all files that this process and its children create be accessible to their owner only.

    Whatever the umask of the shell: conversations, corpora and weights are private.
    """
    os.umask(PRIVATE_UMASK)


def lower_priority(nice: int) -> None:
    """Be this much nicer than now, to processes of other sessions too.

    Linux may group processes by session and share the CPU between groups first (autogroup), where
    the nice value of a process counts within its session only; the group has one of its own. It is
    set only by the leader of a session: otherwise the terminal's other programs would slow down.
    """
    value = os.nice(nice)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # another system, switched off, or read-only in a container
            AUTOGROUP_FILE.write_text(str(value))


def is_suspended(pid: int) -> bool:
    """Whether a process exists and was suspended by SIGSTOP or SIGTSTP."""
    import psutil  # slow to import, seldom needed

    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except (psutil.Error, ValueError, OverflowError):
        return False


def end_with_parent(parent: int) -> None:
    """Kill this process once its parent has ended, by whatever cause.

    Args:
        parent: process id; if that process has ended already, this one ends now.
    """
    if sys.platform == "linux":
        import ctypes  # slow to import, not needed at start-up

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_poll_parent, args=(parent,), name="parent", daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _poll_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_INTERVAL_S)
    os._exit(1)


def end_process(message: str | None) -> NoReturn:
    """End this process as `sys.exit` does, but without destroying the interpreter.

    That would take seconds at low priority on a busy machine, and abort the process if a daemon
    thread is in a library's long call, as when learning BPE was cancelled.
    """
    atexit._run_exitfuncs()
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    if message is not None:
        write_all(STANDARD_ERROR, f"{message}\n".encode(errors="backslashreplace"))
    os._exit(0 if message is None else 1)


def keep_freed_memory() -> bool:
    """Have malloc keep up to 1 GiB of freed memory; False if the C library is not glibc.

    For trainers: every step frees its gradients and allocates them again. By default glibc returns
    such blocks to the system, which hands them out page by page: about a fifth of a step on a CPU
    (docs/benchmarks.md).
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    thresholds = (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD)
    return all(mallopt(name, MALLOC_THRESHOLD_BYTES) == 1 for name in thresholds)
