"""Whether training survives a logout, by the files of a Linux system."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.doctor import logout
from core.doctor.logout import check_logout, read_logind_settings

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal.scope\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file system of a machine with systemd, in a login session of the user ada."""
    monkeypatch.setattr(logout.getpass, "getuser", lambda: "ada")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    write(tmp_path / "proc/self/cgroup", SESSION)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def outlives(root: Path, **environ: str) -> bool:
    finding = check_logout(environ, root)
    assert bool(finding.problem) == bool(finding.advice) == (not finding.numbers["outlives"])
    assert not finding.fatal
    return bool(finding.numbers["outlives"])


@pytest.mark.parametrize(
    ("settings", "lives"),
    [
        ("", True),
        ("[Login]\nKillUserProcesses=no", True),
        ("[Login]\nKillUserProcesses=yes", False),
        ("[Login]\n KillUserProcesses = 1 ", False),
        ("[Login]\n#KillUserProcesses=yes", False),
        ("[Login]\n#KillUserProcesses=yes\nKillUserProcesses=no", True),
        ("[Login]\n#KillUserProcesses=no\nKillUserProcesses=yes", False),
        ("[Login]\nKillUserProcesses=yes\nKillExcludeUsers=root ada", True),
        ("[Login]\nKillUserProcesses=yes\n#KillExcludeUsers=root\nKillOnlyUsers=", False),
        ("[Login]\nKillUserProcesses=yes\nKillOnlyUsers=bob", True),
        ("[Login]\nKillUserProcesses=yes\nKillOnlyUsers=bob ada", False),
    ],
)
def test_logind_settings_decide_about_a_session(root: Path, settings: str, lives: bool) -> None:
    """KillUserProcesses with its lists of users, and defaults shown in comments."""
    write(root / "etc/systemd/logind.conf", settings)
    assert outlives(root) == lives


def test_later_drop_ins_win(root: Path) -> None:
    """logind.conf(5): drop-ins sorted by name; of equal names /etc wins over /usr."""
    write(root / "usr/lib/systemd/logind.conf", "KillUserProcesses=main")
    drops = {
        "usr/lib/systemd/logind.conf.d/10.conf": "KillUserProcesses=a\nOther=usr",
        "run/systemd/logind.conf.d/20.conf": "KillUserProcesses=b",
        "etc/systemd/logind.conf.d/10.conf": "KillUserProcesses=c",
    }
    assert read_logind_settings(root)["KillUserProcesses"] == "main"
    for name, text in drops.items():
        write(root / name, text)
    assert read_logind_settings(root) == {"KillUserProcesses": "b"}
    (root / "run/systemd/logind.conf.d/20.conf").unlink()
    assert read_logind_settings(root)["KillUserProcesses"] == "c"


def test_services_of_the_user_end_at_logout_without_lingering(root: Path) -> None:
    write(root / "proc/self/cgroup", MANAGER)
    assert not outlives(root)
    assert "enable-linger" in check_logout({}, root).advice
    write(root / "var/lib/systemd/linger/ada", "")
    assert outlives(root)


def test_a_user_without_a_name_does_not_linger(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def fail() -> str:
        raise KeyError("no user name")

    monkeypatch.setattr(logout.getpass, "getuser", fail)
    write(root / "proc/self/cgroup", MANAGER)
    write(root / "var/lib/systemd/linger/bob", "")
    assert not outlives(root)


def test_lingering_does_not_protect_a_login_session(root: Path) -> None:
    """Lingering keeps the user's services, not the processes of a session."""
    write(root / "etc/systemd/logind.conf", "KillUserProcesses=yes")
    write(root / "var/lib/systemd/linger/ada", "")
    assert not outlives(root)
    assert "systemd-run" in check_logout({}, root).advice


def test_training_ends_with_its_batch_job(root: Path) -> None:
    assert not outlives(root, SLURM_JOB_ID="123")
    assert "Slurm job 123" in check_logout({"SLURM_JOB_ID": "123"}, root).problem


@pytest.mark.parametrize("trace", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_a_container_is_detected(root: Path, trace: str) -> None:
    write(root / trace, "lxc\n")
    assert outlives(root)
    assert "container" in check_logout({}, root).value


def test_training_continues_without_systemd(tmp_path: Path) -> None:
    assert outlives(tmp_path)


def test_this_machine_can_be_checked() -> None:
    assert check_logout({}).value
