"""A look at this machine: what is installed, the folders, whether locks really work, the devices.

Everything is tried rather than believed, and nothing is left behind.
"""

from __future__ import annotations

import os
import platform
import re
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
LOCK_PROBE_TIMEOUT_S = 20.0  # seconds in which another process looks at a lock
PROBE_PREFIX = ".doctor-"
FREE_STATUS, HELD_STATUS = 0, 10
LOCK_PROBE = f"""
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit({HELD_STATUS})
"""
OTHER_FOLDER_HINT = f"Set {HOME_VARIABLE}, or --home, to a folder of yours"


def run_checks(home: Home, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Everything, the quick things first; the last ones load torch."""
    yield from check_versions()
    writable = check_folder("home", home.root, home.runs)
    yield writable
    yield check_locks(home, bool(writable.problem and writable.fatal))
    yield check_disk(home)
    yield check_folder("cache", home.cache, home.cache)
    yield check_logout(environ)
    yield devices.check_cpu()
    yield devices.check_memory()
    yield from devices.check_gpus()


def check_versions() -> Iterator[Finding]:
    """The program, Python and the libraries; torch tells of itself, among the devices."""
    yield Finding(name=APP, value=_version(APP) or "not installed, run from a folder")
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield Finding(name="python", value=f"{platform.python_version()}, {system}")
    needed = _needed()
    for name in LIBRARIES:
        version = _version(name)
        missing = version is None and name in needed
        yield Finding(
            name=name,
            value=version or "not installed",
            problem=f"{APP} needs it." if missing else "",
            advice=f"pip install {name}" if missing else "",
            fatal=missing,
        )


def check_folder(name: str, root: Path, deepest: Path) -> Finding:
    """Whether files can be made below `root`.

    Args:
        deepest: the folder of it where they will be, if it is there already.
    """
    place, kind = nearest_existing(deepest), file_system_type(nearest_existing(root))
    made = "" if root.is_dir() else ", not made yet"
    value = f"{root}{made}{f', on {kind}' if kind else ''}"
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=PROBE_PREFIX) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        problem = f"Nothing can be written in {place}: {error.strerror}."
        advice = f"{OTHER_FOLDER_HINT} that can be written."
        return Finding(name=name, value=value, problem=problem, advice=advice, fatal=True)
    if kind in MEMORY_FILE_SYSTEMS:
        problem, advice = (
            "It is in memory, and gone after a restart.",
            f"{OTHER_FOLDER_HINT} on a disk.",
        )
        return Finding(name=name, value=value, problem=problem, advice=advice)
    return Finding(name=name, value=value)


def check_locks(home: Home, unwritable: bool) -> Finding:
    """Whether a lock in the home is seen by another process, and free once it is let go.

    Args:
        unwritable: nothing can be tried, as no file can be made.
    """
    if unwritable:
        return Finding(name="locks", value="not tried")
    try:
        with tempfile.TemporaryDirectory(
            dir=nearest_existing(home.runs), prefix=PROBE_PREFIX
        ) as place:
            problem = _try_lock(Path(place) / "lock")
    except OSError as error:
        problem = f"A lock cannot be taken: {error.strerror}."
    if not problem:
        return Finding(name="locks", value="work: another process sees them held and let go")
    return Finding(
        name="locks",
        value="do not work in the home",
        problem=f"{problem} Two trainers could write to one run.",
        advice=f"{OTHER_FOLDER_HINT} on a local disk, or on a network drive mounted with locks.",
        fatal=True,
    )


def _try_lock(path: Path) -> str:
    """What is wrong with a lock of ours; empty if nothing is."""
    held = locks.acquire(path)
    if held is None:
        return "A lock that nobody holds cannot be taken."
    with held:
        seen = _look(path)
    if seen != "held":
        return f"Another process finds a held lock {seen}."
    seen = _look(path)
    return "" if seen == "free" else f"Another process finds a lock that was let go {seen}."


def _look(path: Path) -> str:
    """What a process of its own finds: "held", "free" or, in words, neither."""
    # Without site packages and the user's settings it starts in hundredths of a second.
    command = [sys.executable, "-I", "-S", "-c", LOCK_PROBE, str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=LOCK_PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"mute, after {LOCK_PROBE_TIMEOUT_S:.0f} seconds"
    return {FREE_STATUS: "free", HELD_STATUS: "held"}.get(done.returncode, "out of its reach")


def check_disk(home: Home) -> Finding:
    """Room for checkpoints and snapshots."""
    try:
        free = free_disk(nearest_existing(home.root))
    except OSError as error:
        return Finding(name="disk", value=f"unknown: {error.strerror}")
    little = free < LOW_DISK_BYTES
    return Finding(
        name="disk",
        value=f"{format_gib(free)} free for the home",
        problem="There is little room for checkpoints." if little else "",
        advice=f"Make room, `{APP} rm` old runs, or move the home." if little else "",
        numbers={"free": free},
    )


def nearest_existing(path: Path) -> Path:
    """The path itself, or what is there of its parents."""
    # Unlike Path.exists this takes what may not be looked at for absent, and goes on upwards.
    while not os.path.exists(path):  # noqa: PTH110
        path = path.parent
    return path


def file_system_type(path: Path) -> str:
    """The kind of file system a path is on: ext4, nfs4, tmpfs; empty where it is not told."""
    real = path.resolve()
    mounts = psutil.disk_partitions(all=True)
    around = [mount for mount in mounts if real.is_relative_to(mount.mountpoint)]
    deepest = max(around, key=lambda mount: len(mount.mountpoint), default=None)
    return deepest.fstype if deepest else ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _needed() -> set[str]:
    """Names of the libraries without which the program is not installed."""
    try:
        lines = metadata.requires(APP) or []
    except metadata.PackageNotFoundError:
        return set()
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line}
