"""This machine without torch: its CPUs, memory and disk available to the process, its identity.

Limits of control groups (cgroups v1 and v2) count, so containers and batch jobs are covered.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
PROC_SELF_CGROUP = Path("/proc/self/cgroup")  # the cgroups of this process below the root
VMSTAT = Path("/proc/vmstat")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# For cgroups v2 and v1: folder of the controller; files with its limit, usage and statistics.
MEMORY_CONTROLLERS = (
    ("", "memory.max", "memory.current", "memory.stat"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"),
)


def usable_threads(cgroup: Path = CGROUP_ROOT) -> int:
    """CPUs this process may use: its affinity and the cgroup's quota, at least 1."""
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    import psutil  # slow to import, not needed at start-up

    quota = _cpu_quota(cgroup)
    logical, physical = psutil.cpu_count(), psutil.cpu_count(logical=False)
    # A second thread on the same core does not speed up matrix products.
    if logical and physical and physical < logical:
        affinity = max(1, affinity * physical // logical)
    return max(1, min(affinity, int(quota) if quota else affinity))


def _cpu_quota(cgroup: Path) -> float | None:
    """CPUs granted by the cgroups; None without a limit."""
    pairs = [_read_numbers(folder / "cpu.max") for folder in _cgroups(cgroup, "")]
    pairs += [
        _read_numbers(folder / "cpu.cfs_quota_us") + _read_numbers(folder / "cpu.cfs_period_us")
        for folder in _cgroups(cgroup, "cpu")
    ]
    limits = [pair for pair in pairs if len(pair) == 2 and min(pair) > 0]
    return min((max(1.0, quota / period) for quota, period in limits), default=None)


def free_memory(cgroup: Path = CGROUP_ROOT) -> int:
    """Bytes available to this process: the system's, or the rest of a cgroup if that is less.

    Cached files count as free: the kernel drops them when memory is needed.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    for controller, limit, usage, statistics in MEMORY_CONTROLLERS:
        for folder in _cgroups(cgroup, controller):
            limits, used = _read_numbers(folder / limit), _read_numbers(folder / usage)
            if limits and used:
                cached = _read_counter(folder / statistics, "inactive_file")
                free = min(free, int(limits[0] - used[0]) + cached)
    return max(0, free)


def memory_limit(cgroup: Path = CGROUP_ROOT) -> int | None:
    """Bytes the cgroups allow to all their processes together; None without a limit."""
    import psutil

    limits = [
        int(number)
        for controller, limit, _, _ in MEMORY_CONTROLLERS
        for folder in _cgroups(cgroup, controller)
        for number in _read_numbers(folder / limit)
        if number < psutil.virtual_memory().total
    ]
    return min(limits, default=None)


def count_oom_kills(cgroup: Path = CGROUP_ROOT, vmstat: Path = VMSTAT) -> int:
    """Processes the kernel has killed for lack of memory: in the cgroup, else on the machine."""
    for folder in _cgroups(cgroup, ""):
        if (folder / "memory.events").exists():
            return _read_counter(folder / "memory.events", "oom_kill")
    return _read_counter(vmstat, "oom_kill")


def free_disk(folder: Path) -> int:
    """Free bytes of the disk on which `folder` is, or will be created."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _cgroups(cgroup: Path, controller: str) -> Iterator[Path]:
    """The folders of the cgroups this process is in, innermost first.

    Args:
        cgroup: where they are mounted.
        controller: name in cgroups v1; "" is v2, which has one tree for all.
    """
    root = cgroup / controller
    folder = root / _own_cgroup(controller)
    while folder != root:
        yield folder
        folder = folder.parent
    yield root


def _own_cgroup(controller: str) -> str:
    """The path of this process's cgroup below the root; "" is the root itself.

    Source: cgroups(7), lines of hierarchy:controllers:path.
    """
    try:
        lines = PROC_SELF_CGROUP.read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        _, controllers, path = fields
        # A path with .. is outside of what this process can see.
        if controller in controllers.split(",") and ".." not in path:
            return path.strip("/")
    return ""


def _read_counter(file: Path, name: str) -> int:
    """The number after `name` in a kernel file of such lines; 0 if it has none."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return 0
    return next((int(line[1]) for line in lines if line[0] == name), 0)


def _read_numbers(file: Path) -> list[float]:
    """The numbers in a one-line kernel file; empty if it is missing or contains "max"."""
    try:
        words = file.read_text().split()
    except OSError:
        return []
    are_numbers = all(word.removeprefix("-").isdigit() for word in words)
    return [float(word) for word in words] if are_numbers else []


@dataclass(frozen=True)
class Host:
    """A machine's name and current boot: they tell a crashed run from one on another machine."""

    name: str
    boot: str

    def is_same_machine(self, name: str | None, boot: str | None) -> bool:
        """Whether a process recorded with this name and boot ran on this machine.

        Containers on one machine differ in name and share the boot; a restarted machine keeps its
        name.
        """
        return name == self.name or boot == self.boot


@functools.cache
def this_host() -> Host:
    """The machine of this process."""
    try:
        boot = BOOT_ID.read_text().strip()
    except OSError:
        import psutil

        boot = str(int(psutil.boot_time()))
    return Host(socket.gethostname(), boot)
