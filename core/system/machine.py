"""Facts of this machine that need no torch: processors, memory and disk that may be used.

Which machine this is, and which of its boots: what tells a crashed run from a distant one.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUP_ROOT = Path("/sys/fs/cgroup")
VMSTAT = Path("/proc/vmstat")
PROC_SELF_CGROUP = Path("/proc/self/cgroup")  # where below it this process is

# By version of cgroups: the folder of a controller, its files for limit, use and statistics.
MEMORY_CONTROLLERS = (
    ("", "memory.max", "memory.current", "memory.stat"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"),
)


def usable_threads(cgroup: Path = CGROUP_ROOT) -> int:
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
    """Processors the cgroups grant; None where they set no limit."""
    granted = [_numbers(folder / "cpu.max") for folder in _groups(cgroup, "")]
    granted += [
        _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us")
        for folder in _groups(cgroup, "cpu")
    ]
    limits = [pair for pair in granted if len(pair) == 2 and min(pair) > 0]
    return min((max(1.0, quota / period) for quota, period in limits), default=None)


def free_memory(cgroup: Path = CGROUP_ROOT) -> int:
    """Bytes that can still be taken: the system's, or what a cgroup leaves if that is less.

    Cached files count as free: the kernel gives their memory back when it is needed.
    """
    free = int(psutil.virtual_memory().available)
    for controller, limit, used, stat in MEMORY_CONTROLLERS:
        for folder in _groups(cgroup, controller):
            most, taken = _numbers(folder / limit), _numbers(folder / used)
            if most and taken:
                free = min(free, int(most[0] - taken[0]) + _cached(folder / stat))
    return max(0, free)


def memory_limit(cgroup: Path = CGROUP_ROOT) -> int | None:
    """Bytes the cgroups allow this process and those beside it; None where they set no limit."""
    limits = [
        int(most)
        for controller, limit, _, _ in MEMORY_CONTROLLERS
        for folder in _groups(cgroup, controller)
        for most in _numbers(folder / limit)
        if most < psutil.virtual_memory().total
    ]
    return min(limits, default=None)


def count_oom_kills(cgroup: Path = CGROUP_ROOT, vmstat: Path = VMSTAT) -> int:
    """How many processes the kernel has killed for lack of memory: here, or on this machine."""
    for folder in _groups(cgroup, ""):
        if (folder / "memory.events").exists():
            return _counted(folder / "memory.events")
    return _counted(vmstat)


def _counted(file: Path) -> int:
    """The number behind `oom_kill` in a file of the kernel; 0 if it has none."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return 0
    return next((int(line[1]) for line in lines if line[0] == "oom_kill"), 0)


def _groups(cgroup: Path, controller: str) -> Iterator[Path]:
    """The folders of the cgroups this process is in, the innermost first.

    Args:
        cgroup: where they are mounted.
        controller: of version 1; "" is version 2, which has one tree for all.
    """
    top = cgroup / controller
    folder = top / _own_group(controller)
    while folder != top:
        yield folder
        folder = folder.parent
    yield top


def _own_group(controller: str) -> str:
    """The path of this process's cgroup, as /proc says it; a container mostly sees itself on top.

    Source: cgroups(7), lines of hierarchy:controllers:path.
    """
    try:
        lines = PROC_SELF_CGROUP.read_text().splitlines()
    except OSError:
        return ""
    parts = [line.split(":", 2) for line in lines]
    # A path with .. is outside of what this process can see.
    return next(
        (
            path.strip("/")
            for _, controllers, path in (part for part in parts if len(part) == 3)
            if controller in controllers.split(",") and ".." not in path
        ),
        "",
    )


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


BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Host:
    """A machine's name and its present boot."""

    name: str
    boot: str

    def is_same_machine(self, name: str | None, boot: str | None) -> bool:
        """Whether a process recorded with this name and boot was on this machine.

        Containers of one machine differ in name and share the boot; after a restart it is the
        other way round.
        """
        return name == self.name or boot == self.boot


@functools.cache
def this_host() -> Host:
    """The machine this process is on."""
    try:
        boot = BOOT_ID.read_text().strip()
    except OSError:
        import psutil

        boot = str(int(psutil.boot_time()))
    return Host(socket.gethostname(), boot)
