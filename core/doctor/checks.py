"""Check this machine: installed versions, folders, locks, disk, and the devices.

Everything is tried out rather than looked up, and nothing is left behind.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import psutil

from core.doctor import devices
from core.doctor.devices import format_gib
from core.doctor.finding import Finding
from core.doctor.logout import check_logout
from core.paths import APP, HOME_VARIABLE, Home
from core.system import locks
from core.system.machine import free_disk

LIBRARIES = ("tokenizers", "numpy", "safetensors", "textual")
LOW_DISK_BYTES = 1 << 30
MEMORY_FILE_SYSTEMS = {"tmpfs", "ramfs"}
PROBE_PREFIX = ".doctor-"
OTHER_FOLDER_HINT = f"Set {HOME_VARIABLE}, or --home, to a folder"
LOCK_PROBE_TIMEOUT_S = 20.0
FREE_STATUS, HELD_STATUS = 0, 10
LOCK_PROBE = f"""
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit({HELD_STATUS})
"""


def run_checks(home: Home, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Run all checks, fast ones first; the last ones import torch."""
    yield from check_versions()
    home_finding = check_folder("home", home.root, home.runs)
    yield home_finding
    yield check_locks(home, is_writable=not home_finding.fatal)
    yield check_disk(home)
    yield check_folder("cache", home.cache, home.cache)
    yield check_logout(environ)
    yield devices.check_cpu()
    yield devices.check_memory()
    yield from devices.check_gpus()


def check_versions() -> Iterator[Finding]:
    """Check the program, Python and the libraries except torch, which `devices` checks."""
    yield Finding(name=APP, value=_find_version(APP) or "not installed, run from a folder")
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield Finding(name="python", value=f"{platform.python_version()}, {system}")
    required = _required_libraries()
    for name in LIBRARIES:
        version = _find_version(name)
        is_missing = version is None and name in required
        yield Finding(
            name=name,
            value=version or "not installed",
            problem=f"{APP} requires it." if is_missing else "",
            advice=f"pip install {name}" if is_missing else "",
            fatal=is_missing,
        )


def _find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required_libraries() -> set[str]:
    """Return the names of the required dependencies, without those of extras."""
    try:
        lines = metadata.requires(APP) or []
    except metadata.PackageNotFoundError:
        return set()
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line}


def check_folder(name: str, root: Path, deepest: Path) -> Finding:
    """Check that files can be written below `root`.

    Args:
        deepest: the subfolder that will be written to, which may not exist yet.
    """
    folder, kind = nearest_existing(deepest), file_system_type(nearest_existing(root))
    state = "" if root.is_dir() else ", not created yet"
    value = f"{root}{state}{f', on {kind}' if kind else ''}"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=PROBE_PREFIX) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        problem = f"{folder} cannot be written to: {error.strerror}."
        advice = f"{OTHER_FOLDER_HINT} that is writable."
        return Finding(name=name, value=value, problem=problem, advice=advice, fatal=True)
    folders = dict.fromkeys(path for path in (root, deepest) if path.is_dir())
    if shared := [path for path in folders if _is_writable_by_others(path)]:
        return Finding(
            name=name,
            value=value,
            problem=f"Other users can write to {shared[0]}, and so change models and texts.",
            advice=shlex.join(["chmod", "go-w", *map(str, shared)]),
        )
    if kind in MEMORY_FILE_SYSTEMS:
        problem = "It is in memory: its files are lost at a restart."
        return Finding(
            name=name, value=value, problem=problem, advice=f"{OTHER_FOLDER_HINT} on a disk."
        )
    return Finding(name=name, value=value)


def _is_writable_by_others(folder: Path) -> bool:
    return bool(folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def check_locks(home: Home, *, is_writable: bool) -> Finding:
    """Check that another process sees a lock in the home as held, and as free after its release.

    Args:
        is_writable: whether files can be created in the home; locks need one.
    """
    if not is_writable:
        return Finding(name="locks", value="not checked")
    try:
        with tempfile.TemporaryDirectory(
            dir=nearest_existing(home.runs), prefix=PROBE_PREFIX
        ) as folder:
            problem = _try_lock(Path(folder) / "lock")
    except OSError as error:
        problem = f"A lock cannot be acquired: {error.strerror}."
    if not problem:
        return Finding(name="locks", value="work (checked with a second process)")
    return Finding(
        name="locks",
        value="do not work in the home",
        problem=f"{problem} Two trainers could write to one run.",
        advice=f"{OTHER_FOLDER_HINT} on a local disk, or on a network drive mounted with locks.",
        fatal=True,
    )


def _try_lock(path: Path) -> str:
    """Return what is wrong with locks at a path; empty if they work."""
    lock = locks.acquire(path)
    if lock is None:
        return "A free lock cannot be acquired."
    with lock:
        state = _probe_lock(path)
    if state != "held":
        return f"A second process sees a held lock as {state}."
    state = _probe_lock(path)
    return "" if state == "free" else f"A second process sees a released lock as {state}."


def _probe_lock(path: Path) -> str:
    """Return the state of a lock as a second process sees it: "held", "free" or unknown."""
    # Without site packages and the user's settings Python starts in hundredths of a second.
    command = [sys.executable, "-I", "-S", "-c", LOCK_PROBE, str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=LOCK_PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"unknown (no answer in {LOCK_PROBE_TIMEOUT_S:.0f} seconds)"
    unknown = f"unknown (exit code {done.returncode})"
    return {FREE_STATUS: "free", HELD_STATUS: "held"}.get(done.returncode, unknown)


def check_disk(home: Home) -> Finding:
    """Check the free space for checkpoints and snapshots."""
    try:
        free = free_disk(nearest_existing(home.root))
    except OSError as error:
        return Finding(name="disk", value=f"unknown: {error.strerror}")
    is_low = free < LOW_DISK_BYTES
    return Finding(
        name="disk",
        value=f"{format_gib(free)} free for the home",
        problem=f"Less than {format_gib(LOW_DISK_BYTES)} is free for checkpoints."
        if is_low
        else "",
        advice=f"Free some space, delete old runs (`{APP} rm`), or move the home."
        if is_low
        else "",
        numbers={"free": free},
    )


def nearest_existing(path: Path) -> Path:
    """Return the path itself, or its nearest parent that exists."""
    # Unlike Path.exists this counts what may not be accessed as absent.
    while not os.path.exists(path):  # noqa: PTH110
        path = path.parent
    return path


def file_system_type(path: Path) -> str:
    """Return the type of the file system of a path (ext4, nfs4, tmpfs); empty if unknown."""
    real = path.resolve()
    mounts = psutil.disk_partitions(all=True)
    containing = [mount for mount in mounts if real.is_relative_to(mount.mountpoint)]
    deepest = max(containing, key=lambda mount: len(mount.mountpoint), default=None)
    return deepest.fstype if deepest else ""
