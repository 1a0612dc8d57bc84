"""Check whether a detached trainer survives a logout: systemd-logind, batch systems, containers.

Reads only files and environment variables.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from pathlib import Path

from core.doctor.finding import Finding

BATCH_JOB_VARIABLES = {"SLURM_JOB_ID": "Slurm", "PBS_JOBID": "PBS", "LSB_JOBID": "LSF"}
# Folders of logind's settings: the first file of a name wins, for drop-ins too.
CONFIGURATION_FOLDERS = (
    "etc/systemd",
    "run/systemd",
    "usr/local/lib/systemd",
    "usr/lib/systemd",
    "lib/systemd",
)
SCOPE_COMMAND = "systemd-run --user --scope minigpt-tui …"
LINGER_COMMAND = "loginctl enable-linger"
TRUE_WORDS = {"1", "yes", "y", "true", "t", "on"}


def check_logout(environ: Mapping[str, str], root: Path = Path("/")) -> Finding:
    """Check what may end a detached trainer.

    Args:
        environ: the environment variables of this process.
        root: of the file system.
    """
    for variable, system in BATCH_JOB_VARIABLES.items():
        if job := environ.get(variable):
            return _ends(
                f"The trainer ends with the {system} job {job}.",
                "Use `train --foreground` in the job, and request enough time.",
            )
    if container := _find_container(environ, root):
        return Finding(
            name="logout",
            value=f"training continues as long as this container ({container}) runs",
            numbers={"outlives": True, "container": container},
        )
    if not (root / "run/systemd/system").is_dir():
        return _continues("no systemd")
    return _check_systemd(root, _find_user())


def _check_systemd(root: Path, user: str) -> Finding:
    """Check the unit of this process: a user's service manager, a login session, or neither."""
    unit = _read(root / "proc/self/cgroup")
    if "/user@" in unit:
        if user and (root / "var/lib/systemd/linger" / user).exists():
            return _continues("lingering is enabled")
        return _ends(
            "This terminal is a service of the user, which systemd ends at the last logout.",
            f"Let the user's services continue: {LINGER_COMMAND}",
        )
    if "/session-" not in unit:
        return _continues("this is not a login session")
    settings = read_logind_settings(root)
    kills_processes = settings.get("KillUserProcesses", "no").lower() in TRUE_WORDS
    if not kills_processes or not _is_killed_user(settings, user):
        return _continues("logind keeps its processes")
    return _ends(
        "systemd-logind ends all processes of the session at logout (KillUserProcesses=yes).",
        f"Once: {LINGER_COMMAND}. Then start with: {SCOPE_COMMAND}",
    )


def _continues(reason: str) -> Finding:
    value = f"training continues after logout ({reason})"
    return Finding(name="logout", value=value, numbers={"outlives": True})


def _ends(problem: str, advice: str) -> Finding:
    return Finding(
        name="logout",
        value="training ends with this session",
        problem=problem,
        advice=advice,
        numbers={"outlives": False},
    )


def _is_killed_user(settings: Mapping[str, str], user: str) -> bool:
    """Whether KillUserProcesses applies to this user, by its two lists of users."""
    only = settings.get("KillOnlyUsers", "").split()
    return user not in settings.get("KillExcludeUsers", "root").split() and (
        not only or user in only
    )


def read_logind_settings(root: Path = Path("/")) -> dict[str, str]:
    """Read logind.conf and its drop-ins; the last value of a name wins.

    Comments in the main file show the defaults that the program was built with.

    Source: logind.conf(5).
    """
    folders = [root / folder for folder in CONFIGURATION_FOLDERS]
    mains = (_read(folder / "logind.conf") for folder in folders)
    main = next((text for text in mains if text), "")
    drop_ins: dict[str, Path] = {}
    for folder in reversed(folders):
        drop_ins |= {path.name: path for path in (folder / "logind.conf.d").glob("*.conf")}
    settings = _parse_settings(main, commented=True) | _parse_settings(main)
    for name in sorted(drop_ins):
        settings |= _parse_settings(_read(drop_ins[name]))
    return settings


def _parse_settings(text: str, *, commented: bool = False) -> dict[str, str]:
    mark = "#" if commented else ""
    lines = re.finditer(rf"^\s*{mark}\s*(\w+)\s*=[ \t]*(.*?)\s*$", text, flags=re.MULTILINE)
    return {line[1]: line[2] for line in lines}


def _find_container(environ: Mapping[str, str], root: Path) -> str:
    """Return the kind of container this process runs in; empty if none is detected."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "Kubernetes"
    if (root / ".dockerenv").exists():
        return "Docker"
    if (root / "run/.containerenv").exists():
        return "Podman"
    return environ.get("container") or _read(root / "run/systemd/container").strip()


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # Containers may run as a user without a name.
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
