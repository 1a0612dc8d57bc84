"""The checks of `doctor`: findings, exit codes, and that nothing is left behind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import types
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest

from core.doctor import checks
from core.doctor.finding import Finding
from core.paths import Home, find_home
from core.system import locks
from tests.support.runs import make_run
from tui.__main__ import run
from tui.cli.doctor import check_terminal

Capture = pytest.CaptureFixture[str]
NAMES = ("terminal", "python", "home", "locks", "disk", "cache", "logout", "cpu", "memory", "torch")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_home(tmp_path / "home")


def run_doctor(capsys: Capture, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    """Return the exit code and the findings by name."""
    capsys.readouterr()
    code = run([*arguments, "doctor", "--json"])
    output = capsys.readouterr()
    assert output.err == ""
    lines = [json.loads(line) for line in output.out.splitlines()]
    for line in lines:
        assert bool(line["problem"]) == bool(line["advice"])
    return code, {line["name"]: line for line in lines}


def test_all_checks_run_and_leave_no_files(home: Home, capsys: Capture) -> None:
    code, findings = run_doctor(capsys)
    assert code == 0
    assert set(NAMES) <= set(findings)
    assert not home.root.exists()
    make_run(home, "mine")
    before = sorted(home.root.rglob("*"))
    assert run_doctor(capsys)[0] == 0
    assert sorted(home.root.rglob("*")) == before


def test_problems_are_printed_with_advice_and_a_summary(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "free_disk", lambda _: 5)
    assert run(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "Less than 1 GiB is free" in output
    assert "minigpt-tui rm" in output
    assert output.endswith("training is possible.\n")


@pytest.mark.parametrize("folder", ["file", "/proc/minigpt", "/sys/minigpt"])
def test_an_unwritable_home_is_fatal(folder: str, capsys: Capture, tmp_path: Path) -> None:
    """Otherwise the first run would fail on a machine that passed the checks."""
    if folder == "file":
        (tmp_path / "file").touch()
        folder = str(tmp_path / "file" / "below")
    elif not Path(folder).parent.exists():
        pytest.skip("no such file system here")
    code, findings = run_doctor(capsys, "--home", folder)
    assert code == 1
    assert findings["home"]["fatal"]
    assert "MINIGPT_HOME" in str(findings["home"]["advice"])
    assert findings["locks"]["value"] == "not checked"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_of_runs_is_fatal(home: Home, capsys: Capture) -> None:
    home.runs.mkdir(parents=True)
    home.runs.chmod(0o500)
    assert run_doctor(capsys)[0] == 1


def test_a_full_disk_is_fatal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files can still be created there, but not written."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checks.os, "fsync", full)
    code, findings = run_doctor(capsys)
    assert code == 1
    assert "No space left" in str(findings["home"]["problem"])


def test_locks_invisible_to_other_processes_are_fatal(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network drive that grants every lock: two trainers would write to one run."""
    monkeypatch.setattr(locks.fcntl, "flock", lambda *_: None)
    code, findings = run_doctor(capsys)
    assert code == 1
    assert "held lock as free" in str(findings["locks"]["problem"])


def test_unsupported_locks_are_fatal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    code, findings = run_doctor(capsys)
    assert code == 1
    assert "No locks available" in str(findings["locks"]["problem"])


def test_locks_that_are_never_released_are_fatal(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run of a crashed trainer could never be resumed."""
    held = types.SimpleNamespace(returncode=checks.HELD_STATUS)
    monkeypatch.setattr(checks.subprocess, "run", lambda *_, **__: held)
    assert "released lock as held" in checks.check_locks(home, is_writable=True).problem


def test_a_lock_probe_without_an_answer_is_fatal(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 20)

    monkeypatch.setattr(checks.subprocess, "run", wait)
    assert "no answer" in checks.check_locks(home, is_writable=True).problem


def uninstall_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise checks.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(checks.metadata, "version", version)


def test_a_missing_required_library_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dependencies of extras may be missing."""
    uninstall_libraries(monkeypatch)
    requirements = ["tokenizers>=0.20", "numpy>=2; extra == 'dev'"]
    monkeypatch.setattr(checks.metadata, "requires", lambda _: requirements)
    findings = {finding.name: finding for finding in checks.check_versions()}
    assert findings["tokenizers"].fatal
    assert not findings["numpy"].problem


def test_required_libraries_are_those_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        required = "\n".join(metadata.requires("minigpt-tui") or [])
    except metadata.PackageNotFoundError:
        required = ""
    uninstall_libraries(monkeypatch)
    fatal = {finding.name for finding in checks.check_versions() if finding.fatal}
    assert fatal == {name for name in checks.LIBRARIES if name in required}


def test_a_home_on_a_memory_file_system_is_a_problem(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = namedtuple("mount", "mountpoint fstype")
    mounts = [mount("/", "ext4"), mount(str(home.root.parent), "tmpfs")]
    monkeypatch.setattr(checks.psutil, "disk_partitions", lambda **_: mounts)
    finding = checks.check_folder("home", home.root, home.runs)
    assert "restart" in finding.problem
    assert not finding.fatal


def check(size: tuple[int, int] | None, **environ: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_terminal(environ, size)}


@pytest.mark.parametrize(
    ("environ", "size", "value", "problem"),
    [
        ({"TERM": "xterm-256color"}, (80, 24), "xterm-256color, 80x24", False),
        ({"TERM": "xterm"}, (79, 24), "xterm, 79x24", True),
        ({"TERM": "xterm"}, (0, 0), "xterm", False),
        ({"TERM": "dumb"}, (80, 24), "dumb, 80x24", True),
        ({}, (80, 24), "unknown, 80x24", True),
        ({"TERM": "screen", "TMUX": "x"}, (80, 24), "screen, 80x24, in tmux", False),
        ({"SSH_TTY": "x"}, None, "none (output is redirected), in ssh", False),
    ],
)
def test_type_size_and_layers_of_the_terminal_are_reported(
    environ: dict[str, str], size: tuple[int, int] | None, value: str, problem: bool
) -> None:
    finding = check(size, **environ)["terminal"]
    assert finding.value == value
    assert bool(finding.problem) == problem


@pytest.mark.parametrize(
    ("environ", "value", "problem"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "16 million", False),
        ({"TERM": "xterm-256color"}, "256", False),
        ({"TERM": "xterm", "COLORTERM": "24bit", "NO_COLOR": "1"}, "none (NO_COLOR is set)", False),
        ({"TERM": "vt100"}, "few", False),
        ({"TERM": "screen", "TMUX": "x"}, "few", True),
    ],
)
def test_colours_of_the_terminal_are_reported(
    environ: dict[str, str], value: str, problem: bool
) -> None:
    finding = check((80, 24), **environ)["colours"]
    assert finding.value == value
    assert bool(finding.problem) == problem


@pytest.mark.parametrize(
    ("environ", "value"),
    [
        ({"TERM": "linux"}, "bell only"),
        ({"TERM": "xterm"}, "bell, window title, desktop notifications (OSC 9)"),
        ({"TERM": "foot"}, "bell, window title, desktop notifications (OSC 777)"),
        (
            {"TERM": "tmux", "TMUX": "x"},
            "bell, window title, desktop notifications (OSC 9, in tmux with allow-passthrough on)",
        ),
    ],
)
def test_how_the_terminal_is_notified_is_reported(environ: dict[str, str], value: str) -> None:
    assert check((80, 24), **environ)["notices"].value == value
    assert "notices" not in check(None, **environ)


def test_an_encoding_other_than_utf_8_is_a_problem() -> None:
    code = (
        "from tui.cli.doctor import check_terminal\n"
        "print([f.problem for f in check_terminal({}, None)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        text=True,
    )
    assert "cannot be shown" in done.stdout


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_home_that_others_can_write_to_is_a_problem(
    home: Home, capsys: Capture, mode: int
) -> None:
    home.runs.mkdir(parents=True)
    home.root.chmod(mode)
    code, findings = run_doctor(capsys)
    assert code == 0
    assert findings["home"]["problem"] == (
        f"Other users can write to {home.root}, and so change models and texts."
    )
    assert findings["home"]["advice"] == f"chmod go-w {home.root}"
    home.root.chmod(0o700)
    home.runs.chmod(mode)
    assert str(home.runs) in str(run_doctor(capsys)[1]["home"]["problem"])
