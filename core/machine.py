"""Facts of this machine that need no torch: processors, memory and disk that may be used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")


def usable_threads(cgroup: Path = CGROUP) -> int:
    """Processors this process may use: its affinity and the cgroup's quota, at least 1."""
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = _cpu_quota(cgroup)
    logical, physical = psutil.cpu_count(), psutil.cpu_count(logical=False)
    # A second thread on the same core does not speed matrix products up.
    if logical and physical and physical < logical:
        affinity = max(1, affinity * physical // logical)
    return max(1, min(affinity, int(quota) if quota else affinity))


def _cpu_quota(cgroup: Path) -> float | None:
    """Processors the cgroup grants (version 2, then 1); None where it sets no limit."""
    limits = _numbers(cgroup / "cpu.max")
    if not limits:
        limits = _numbers(cgroup / "cpu/cpu.cfs_quota_us") + _numbers(
            cgroup / "cpu/cpu.cfs_period_us"
        )
    if len(limits) == 2 and limits[0] > 0 and limits[1] > 0:
        return max(1.0, limits[0] / limits[1])
    return None


def free_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that can still be taken: the system's, or what the cgroup leaves if that is less.

    Cached files count as free: the kernel gives their memory back when it is needed.
    """
    free = int(psutil.virtual_memory().available)
    for limit, used, stat in (
        ("memory.max", "memory.current", "memory.stat"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
        ),
    ):
        most, taken = _numbers(cgroup / limit), _numbers(cgroup / used)
        if most and taken:
            return max(0, min(free, int(most[0] - taken[0]) + _cached(cgroup / stat)))
    return free


def _cached(stat: Path) -> int:
    """Bytes of files that the cgroup could give back at once."""
    try:
        lines = [line.split() for line in stat.read_text().splitlines()]
    except OSError:
        return 0
    return next((int(line[1]) for line in lines if line[0] == "inactive_file"), 0)


def free_disk(folder: Path) -> int:
    """Bytes free for us where `folder` is, or will be once it has been made."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _numbers(file: Path) -> list[float]:
    """The numbers in a small file of the kernel; none if it is absent or says "max"."""
    try:
        words = file.read_text().split()
    except OSError:
        return []
    return [float(word) for word in words] if all(_is_number(w) for w in words) else []


def _is_number(word: str) -> bool:
    return word.removeprefix("-").isdigit()
