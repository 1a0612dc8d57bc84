"""What doctor finds, says and leaves behind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from core.doctor import checks
from core.doctor.finding import Finding
from core.paths import Home, find_home
from core.system import locks
from tests.support.runs import make_run
from tui.__main__ import run
from tui.cli.doctor import check_terminal

Said = pytest.CaptureFixture[str]
NAMES = ("terminal", "python", "home", "locks", "disk", "cache", "logout", "cpu", "memory", "torch")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_home(tmp_path / "home")


def found(capsys: Said, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    """The exit code, and what was said of each thing."""
    capsys.readouterr()
    code = run([*arguments, "doctor", "--json"])
    said = capsys.readouterr()
    assert said.err == ""
    lines = [json.loads(line) for line in said.out.splitlines()]
    for line in lines:
        assert bool(line["problem"]) == bool(line["advice"])
    return code, {line["name"]: line for line in lines}


def test_it_looks_at_everything_and_leaves_nothing(home: Home, capsys: Said) -> None:
    code, things = found(capsys)
    assert code == 0
    assert set(NAMES) <= set(things)
    assert not home.root.exists()
    make_run(home, "mine")
    before = sorted(home.root.rglob("*"))
    assert found(capsys)[0] == 0
    assert sorted(home.root.rglob("*")) == before


def test_it_speaks_to_people(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "free_disk", lambda _: 5)
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "There is little room" in said
    assert "minigpt-tui rm" in said
    assert said.endswith("training works.\n")


@pytest.mark.parametrize("place", ["file", "/proc/minigpt", "/sys/minigpt"])
def test_a_home_that_cannot_be_written_is_fatal(place: str, capsys: Said, tmp_path: Path) -> None:
    """A run that is refused an hour after the machine was thought ready."""
    if place == "file":
        (tmp_path / "file").touch()
        place = str(tmp_path / "file" / "below")
    elif not Path(place).parent.exists():
        pytest.skip("no such file system here")
    code, things = found(capsys, "--home", place)
    assert code == 1
    assert things["home"]["fatal"]
    assert "MINIGPT_HOME" in str(things["home"]["advice"])
    assert things["locks"]["value"] == "not tried"


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_read_only_folder_of_runs_is_fatal(home: Home, capsys: Said) -> None:
    home.runs.mkdir(parents=True)
    home.runs.chmod(0o500)
    assert found(capsys)[0] == 1


def test_a_full_disk_is_fatal(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file can still be made there, and nothing be written to it."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checks.os, "fsync", full)
    code, things = found(capsys)
    assert code == 1
    assert "No space left" in str(things["home"]["problem"])


def test_locks_that_nobody_else_sees_are_fatal(
    capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network drive that says yes to every lock: two trainers write to one run."""
    monkeypatch.setattr(locks.fcntl, "flock", lambda *_: None)
    code, things = found(capsys)
    assert code == 1
    assert "held lock free" in str(things["locks"]["problem"])


def test_locks_that_are_refused_are_fatal(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    code, things = found(capsys)
    assert code == 1
    assert "No locks available" in str(things["locks"]["problem"])


def test_locks_that_stay_are_fatal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drive where a crashed trainer's run could never be resumed."""
    monkeypatch.setattr(checks, "_look", lambda _: "held")
    assert "let go held" in checks.check_locks(home, False).problem


def test_a_lock_that_does_not_answer_is_fatal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 20)

    monkeypatch.setattr(checks.subprocess, "run", wait)
    assert "mute" in checks.check_locks(home, False).problem


def test_a_library_that_is_missing_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    version = checks._version
    monkeypatch.setattr(checks, "_version", lambda n: None if n == "tokenizers" else version(n))
    monkeypatch.setattr(checks, "_needed", lambda: {"tokenizers"})
    things = {thing.name: thing for thing in checks.check_versions()}
    assert things["tokenizers"].fatal
    assert not things["numpy"].problem


def test_what_is_needed_is_read_from_the_installation() -> None:
    assert {"torch", "click"} <= checks._needed() or checks._version("minigpt-tui") is None
    assert "pytest" not in checks._needed()


def test_a_home_in_memory_is_a_problem(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = namedtuple("mount", "mountpoint fstype")
    mounts = [mount("/", "ext4"), mount(str(home.root.parent), "tmpfs")]
    monkeypatch.setattr(checks.psutil, "disk_partitions", lambda **_: mounts)
    thing = checks.check_folder("home", home.root, home.runs)
    assert "restart" in thing.problem
    assert not thing.fatal


def _terminal(size: tuple[int, int] | None, **environ: str) -> dict[str, Finding]:
    return {thing.name: thing for thing in check_terminal(environ, size)}


@pytest.mark.parametrize(
    ("environ", "size", "value", "problem"),
    [
        ({"TERM": "xterm-256color"}, (80, 24), "xterm-256color, 80x24", False),
        ({"TERM": "xterm"}, (79, 24), "xterm, 79x24", True),
        ({"TERM": "xterm"}, (0, 0), "xterm", False),
        ({"TERM": "dumb"}, (80, 24), "dumb, 80x24", True),
        ({}, (80, 24), "unknown, 80x24", True),
        ({"TERM": "screen", "TMUX": "x"}, (80, 24), "screen, 80x24, in tmux", False),
        ({"SSH_TTY": "x"}, None, "none, the output goes elsewhere, in ssh", False),
    ],
)
def test_the_terminal_is_told(
    environ: dict[str, str], size: tuple[int, int] | None, value: str, problem: bool
) -> None:
    thing = _terminal(size, **environ)["terminal"]
    assert thing.value == value
    assert bool(thing.problem) == problem


@pytest.mark.parametrize(
    ("environ", "value", "problem"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "16 million", False),
        ({"TERM": "xterm-256color"}, "256", False),
        ({"TERM": "xterm", "COLORTERM": "24bit", "NO_COLOR": "1"}, "none, as NO_COLOR asks", False),
        ({"TERM": "vt100"}, "few", False),
        ({"TERM": "screen", "TMUX": "x"}, "few", True),
    ],
)
def test_colours_are_told(environ: dict[str, str], value: str, problem: bool) -> None:
    thing = _terminal((80, 24), **environ)["colours"]
    assert thing.value == value
    assert bool(thing.problem) == problem


def test_letters_that_cannot_be_shown_are_a_problem() -> None:
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
