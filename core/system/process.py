"""Processes that end with the one that started them, however that one ends. Knows no torch.

Freed memory kept for the next step.

Every step frees its gradients and takes them again. glibc gives such blocks back to the system in
between and the system hands them out anew page by page, which costs about a fifth of a step on a
processor (figures in docs/benchmarks.md).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PARENT_PID_VARIABLE = (
    "MINIGPT_PARENT"  # process number, in the environment of a child that is to end with it
)
PR_SET_PDEATHSIG = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
PARENT_POLL_INTERVAL_S = 0.5


def end_with_parent(parent: int) -> None:
    """Has the system kill this process once `parent` is gone, also by a kill that nobody hears.

    Args:
        parent: whoever started it; where that is gone already, this process ends now.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), name="orphan", daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_INTERVAL_S)
    os._exit(1)


M_TRIM_THRESHOLD = -1  # the names and numbers of glibc's malloc.h
M_MMAP_THRESHOLD = -3
MALLOC_THRESHOLD_BYTES = 2**30


def keep_freed_memory() -> bool:
    """Has this process keep up to 1 GiB of what it frees; whether its C library can.

    For processes that train; nothing happens where the C library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(
        mallopt(what, MALLOC_THRESHOLD_BYTES) == 1 for what in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD)
    )
