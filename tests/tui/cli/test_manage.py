"""`logs`, `rename`, `note` and `rm` as a user types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run import store
from core.run.directory import Run
from core.run.event_log import EventLog
from core.run.notes import RunNote, read_note
from tests.support.runs import make_run
from tui.__main__ import run
from tui.cli import manage

ROOT = Path(__file__).parents[3]
HOSTILE = b"\x1b]0;title\x07red\x1b[31m\x9b31m \xff\r\nnext"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_home(tmp_path / "home")


def make_stopped_run(home: Home, name: str) -> Run:
    """A run that stopped at step 5."""
    made = make_run(home, name)
    log = EventLog(made.events)
    log.emit("started", 0)
    log.emit("stopped", 5, reason="asked")
    log.close()
    return made


@pytest.fixture
def old(home: Home) -> Run:
    return make_stopped_run(home, "old")


def names(home: Home) -> list[str]:
    return [found.name for found in store.list_runs(home)]


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """A terminal at which the user types `answer`."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer)


@pytest.mark.parametrize("options", [[], ["-f"]])
def test_a_hostile_log_is_printed_completely_and_sanitized(
    old: Run, capsys: Captured, options: list[str]
) -> None:
    """Including a last line without a newline."""
    old.log.write_bytes(HOSTILE)
    assert run(["logs", "old", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out == "␛]0;title␇red␛[31m�31m �\nnext\n"
    assert captured.err == ""


@pytest.mark.parametrize("options", [[], ["-f"]])
def test_an_empty_log_is_reported(old: Run, capsys: Captured, options: list[str]) -> None:
    """Detects `logs` that seems to have failed."""
    old.log.touch()
    assert run(["logs", "old", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "The log of old is empty" in captured.err


@pytest.mark.parametrize("options", [[], ["-f"]])
def test_a_run_without_a_log_is_reported(old: Run, capsys: Captured, options: list[str]) -> None:
    assert run(["logs", "old", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "old has no log" in captured.err


def then(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Run the next step whenever `logs -f` waits."""
    waiting = iter(steps)
    monkeypatch.setattr(manage, "wait_for_lines", lambda: next(waiting)())


def test_following_prints_new_lines_until_the_trainer_is_gone(
    old: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Including lines written between the last poll and the trainer's end."""
    lock = store.lock_run(old)
    shown: list[str] = []
    then(
        monkeypatch,
        lambda: old.log.write_text("one\ntw"),
        lambda: (shown.append(capsys.readouterr().out), old.log.write_text("one\ntwo\n")),
        lambda: (old.log.write_text("one\ntwo\nlast"), lock.release()),
    )
    assert run(["logs", "old", "-f"]) == 0
    assert shown == ["one\n"]
    assert capsys.readouterr().out == "two\nlast\n"


def test_ctrl_c_ends_following_with_130(
    old: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    then(monkeypatch, interrupt)
    with store.lock_run(old):
        assert run(["logs", "old", "-f"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_closed_pipe_ends_it_quietly(old: Run, home: Home) -> None:
    """`logs | head` must not end in a traceback."""
    old.log.write_text("line\n" * 200_000)
    command = f'"{sys.executable}" -m tui --home "{home.root}" logs old | head -n 1'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("line\n", "")


def test_an_unreadable_log_is_an_error_message(old: Run, capsys: Captured) -> None:
    old.log.mkdir()
    assert run(["logs", "old"]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_a_run_is_renamed(old: Run, home: Home, capsys: Captured) -> None:
    assert run(["rename", "old", "new"]) == 0
    assert names(home) == ["new"]
    assert "Renamed old to new" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("taken", "taken-2"),
        ("../up", "letters"),
        ("a/b", "letters"),
        ("\x1b[31m", "letters"),
        ("x" * 300, "letters"),
        ("old", "already"),
    ],
)
def test_invalid_and_taken_names_are_refused(
    old: Run, home: Home, capsys: Captured, new: str, message: str
) -> None:
    """A run must not replace another or leave the folder of runs."""
    make_stopped_run(home, "taken")
    assert run(["rename", "old", new]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "\x1b" not in errors
    assert names(home) == ["old", "taken"]


@pytest.mark.parametrize("command", [["rename", "old", "new"], ["rm", "old", "--yes"]])
def test_a_live_run_is_neither_renamed_nor_deleted(
    old: Run, home: Home, capsys: Captured, command: list[str]
) -> None:
    """The folder of a trainer must not disappear."""
    with store.lock_run(old):
        assert run(command) == 2
    assert re.match(r"Not possible now: .*being trained", capsys.readouterr().err)
    assert names(home) == ["old"]


def test_nothing_is_deleted_if_one_of_several_runs_is_live(
    old: Run, home: Home, capsys: Captured
) -> None:
    make_stopped_run(home, "other")
    with store.lock_run(old):
        assert run(["rm", "other", "old", "--yes"]) == 2
    assert names(home) == ["old", "other"]


def test_a_deletion_lists_what_is_lost(old: Run, home: Home, capsys: Captured) -> None:
    old.snapshot_weights(4).parent.mkdir(parents=True)
    old.snapshot_weights(4).write_bytes(b"x" * 5000)
    assert run(["rm", "old", "--yes"]) == 0
    errors = capsys.readouterr().err
    assert all(
        words in errors for words in ("old", "kB", "stopped", "step 5", "1 snapshot", "gone")
    )
    assert names(home) == []
    assert list(home.runs.iterdir()) == []


def test_without_a_terminal_only_yes_deletes(old: Run, home: Home, capsys: Captured) -> None:
    """A script must not wait, nor take its input for an answer."""
    assert run(["rm", "old"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert names(home) == ["old"]


@pytest.mark.parametrize(("answer", "left"), [("y", []), ("n", ["old"]), ("", ["old"])])
def test_on_a_terminal_it_asks_for_confirmation(
    old: Run, home: Home, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[str]
) -> None:
    """Enter must not delete a night's work."""
    answering(monkeypatch, answer)
    assert run(["rm", "old"]) == 0
    assert names(home) == left


@pytest.mark.parametrize("damage", ["{", '{"format": 99}', "[]", "\0" * 9, None])
@pytest.mark.parametrize("command", [["rename", "old", "new"], ["rm", "old", "--yes"]])
def test_a_damaged_run_can_be_renamed_and_deleted(
    old: Run, home: Home, damage: str | None, command: list[str]
) -> None:
    """Or it could never be removed."""
    if damage is None:
        old.record.unlink()
    else:
        old.record.write_text(damage)
    old.events.write_bytes(b"\xff\0{]\n" * 3)
    assert run(command) == 0
    assert not old.folder.exists()


@pytest.mark.parametrize("command", [["rm", "--yes"], ["logs"], ["rename"]])
def test_other_folders_and_links_are_not_touched(
    home: Home, tmp_path: Path, capsys: Captured, command: list[str]
) -> None:
    """Such as a link that leads out of the folder of runs."""
    make_stopped_run(home, "old").folder.rename(tmp_path / "elsewhere")
    (home.runs / "link").symlink_to(tmp_path / "elsewhere")
    (home.runs / "notes").mkdir()
    (home.runs / "notes" / "a.txt").touch()
    more = ["new"] if command == ["rename"] else []
    for name in ("link", "notes", "nothing", ".."):
        assert run([command[0], name, *more, *command[1:]]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert sorted(path.name for path in home.runs.iterdir()) == ["link", "notes"]


def test_a_failed_deletion_is_an_error_message(
    old: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "some/file")

    monkeypatch.setattr("core.run.store.shutil.rmtree", refuse)
    assert run(["rm", "old", "--yes"]) == 1
    errors = capsys.readouterr().err
    assert "some/file: Permission denied" in errors


def test_a_note_is_replaced_in_parts_and_printed(old: Run, capsys: Captured) -> None:
    assert run(["note", "old"]) == 0
    assert capsys.readouterr().out.strip() == ""
    assert run(["note", "old", "wider \x1b[31m", "--tag", "exp", "--tag", "#big"]) == 0
    assert run(["note", "old", "--tag", "exp"]) == 0
    assert read_note(old) == RunNote("wider \x1b[31m", ("exp",))
    capsys.readouterr()
    assert run(["note", "old"]) == 0
    assert capsys.readouterr().out == "wider ␛[31m #exp\n"
    assert run(["ls", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["note"], row["tags"]) == ("wider \x1b[31m", ["exp"])
    assert run(["show", "old"]) == 0
    assert "note        wider ␛[31m" in capsys.readouterr().out
    assert run(["note", "old", "", "--tag", ""]) == 0
    assert read_note(old) == RunNote()


def test_an_invalid_tag_is_refused(old: Run, capsys: Captured) -> None:
    assert run(["note", "old", "--tag", "a b"]) == 2
    assert "Invalid tag" in capsys.readouterr().err
    assert not old.notes.exists()
