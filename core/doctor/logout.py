"""Whether a trainer started now outlives this login: what logind, a batch system, a container do.

Looks at files and variables only; asks no service, changes nothing.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from pathlib import Path

from core.doctor.finding import Finding

BATCH_JOB_VARIABLES = {"SLURM_JOB_ID": "Slurm", "PBS_JOBID": "PBS", "LSB_JOBID": "LSF"}
# Where logind's settings are: the first file found counts, and of drop-ins with the same name.
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
    """What ends a detached trainer besides itself.

    Args:
        environ: the variables of this process.
        root: of the file system.
    """
    job = next(
        (
            f"{BATCH_JOB_VARIABLES[name]} job {environ[name]}"
            for name in BATCH_JOB_VARIABLES
            if environ.get(name)
        ),
        "",
    )
    if job:
        return _ends_with(
            f"The trainer ends with the {job}.",
            "Use `train --foreground` in the job, and ask for enough time.",
        )
    if container := _container(environ, root):
        return Finding(
            name="logout",
            value=f"a trainer lives on as long as this container ({container})",
            numbers={"outlives": True, "container": container},
        )
    if not (root / "run/systemd/system").is_dir():
        return _lives("nothing here ends it")
    return _under_systemd(root, _user())


def _under_systemd(root: Path, user: str) -> Finding:
    """By the unit we are in: a user's service manager, a login session, or neither."""
    unit = _read(root / "proc/self/cgroup")
    if "/user@" in unit:
        if user and (root / "var/lib/systemd/linger" / user).exists():
            return _lives("lingering is on")
        return _ends_with(
            "At the last logout systemd ends this user's services, and this terminal is in one.",
            f"Let them live on: {LINGER_COMMAND}",
        )
    if "/session-" not in unit:
        return _lives("it is in no login session")
    settings = read_logind_settings(root)
    if settings.get("KillUserProcesses", "no").lower() not in TRUE_WORDS or not _kills(
        settings, user
    ):
        return _lives("logind lets it")
    return _ends_with(
        "At logout systemd-logind ends all of the session (KillUserProcesses=yes).",
        f"Once: {LINGER_COMMAND}. Then start with: {SCOPE_COMMAND}",
    )


def _lives(why: str) -> Finding:
    value = f"a trainer lives on after logout: {why}"
    return Finding(name="logout", value=value, numbers={"outlives": True})


def _ends_with(problem: str, advice: str) -> Finding:
    return Finding(
        name="logout",
        value="a trainer does not outlive this session",
        problem=problem,
        advice=advice,
        numbers={"outlives": False},
    )


def _kills(settings: Mapping[str, str], user: str) -> bool:
    """Whether the lists of users that go with KillUserProcesses name this one."""
    only = settings.get("KillOnlyUsers", "").split()
    return user not in settings.get("KillExcludeUsers", "root").split() and (
        not only or user in only
    )


def read_logind_settings(root: Path = Path("/")) -> dict[str, str]:
    """What logind.conf and its drop-ins set, the last one of a name winning.

    The main file shows, in comments, the defaults the program was built with.

    Source: logind.conf(5).
    """
    folders = [root / folder for folder in CONFIGURATION_FOLDERS]
    mains = (_read(folder / "logind.conf") for folder in folders)
    main = next((text for text in mains if text), "")
    drops: dict[str, Path] = {}
    for folder in reversed(folders):
        drops |= {path.name: path for path in (folder / "logind.conf.d").glob("*.conf")}
    found = _settings(main, commented=True) | _settings(main)
    for name in sorted(drops):
        found |= _settings(_read(drops[name]))
    return found


def _settings(text: str, *, commented: bool = False) -> dict[str, str]:
    mark = "#" if commented else ""
    lines = re.finditer(rf"^\s*{mark}\s*(\w+)\s*=[ \t]*(.*?)\s*$", text, flags=re.MULTILINE)
    return {line[1]: line[2] for line in lines}


def _container(environ: Mapping[str, str], root: Path) -> str:
    """The kind of container this is; empty if it is none that can be told."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "Kubernetes"
    if (root / ".dockerenv").exists():
        return "Docker"
    if (root / "run/.containerenv").exists():
        return "Podman"
    return environ.get("container") or _read(root / "run/systemd/container").strip()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user without a name, as containers have them; no list names it either.
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
