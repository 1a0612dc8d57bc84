"""Freed memory kept for the next step.

Every step frees its gradients and takes them again. glibc gives such blocks back to the system in
between and the system hands them out anew page by page, which costs about a fifth of a step on a
processor (figures in docs/benchmarks.md).
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1  # the names and numbers of glibc's malloc.h
M_MMAP_THRESHOLD = -3
KEPT = 2**30


def keep_freed_memory() -> bool:
    """Has this process keep up to 1 GiB of what it frees; whether its C library can.

    For processes that train; nothing happens where the C library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(what, KEPT) == 1 for what in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))
