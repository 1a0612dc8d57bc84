"""Text from standard input is kept for runs only, and only as long as one needs it."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.paths import Home, find_home
from tests.support.runners import TINY
from tests.support.runs import tiny_home_with_corpora
from tui.__main__ import run

LINES = "".join(f"the cat number {n} sat\n" for n in range(40))
TRAIN = ["train", "-", "--foreground", "--steps", "2", *TINY]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return find_home()


def _pipe(monkeypatch: pytest.MonkeyPatch, text: str = LINES) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def _texts(home: Home) -> list[str]:
    return sorted(path.suffix for path in home.corpora.iterdir())


def test_scoring_and_describing_keep_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_home_with_corpora(home.root)
    before = set(home.corpora.iterdir())
    for command in (["score", "words", "-"], ["corpora", "-"]):
        _pipe(monkeypatch, "the cat sat\n")
        assert run(command) == 0, capsys.readouterr().err
        assert set(home.corpora.iterdir()) == before
    assert ".stdin-" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "options", [["--set", "batch_size=0"], ["--name", "a b"], ["--set", "vocab_size=4"]]
)
def test_a_refused_run_keeps_nothing(
    options: list[str], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one is refused by the trainer, after the run was created."""
    _pipe(monkeypatch)
    assert run([*TRAIN, *options]) == 2
    assert not home.corpora.exists() or _texts(home) == []


def test_rm_removes_the_text_with_the_last_run_that_needs_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        _pipe(monkeypatch)
        assert run([*TRAIN, "--name", name]) == 0
    capsys.readouterr()
    assert run(["rm", "one", "--yes"]) == 0
    assert "Its text from standard input stays for two." in capsys.readouterr().err
    assert _texts(home) == [".json", ".txt"]
    assert list((home.cache / "tokens").iterdir())
    assert run(["rm", "two", "--yes"]) == 0
    assert _texts(home) == []
    assert list((home.cache / "tokens").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_command_keeps_nothing(number: signal.Signals, home: Home) -> None:
    """What SIGKILL leaves is removed at the next start."""
    command = [sys.executable, "-P", "-m", "tui", "train", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdin
        process.stdin.write(LINES.encode())
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (home.corpora.exists() and list(home.corpora.iterdir())):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        process.wait(60)
        if number == signal.SIGKILL:
            assert len(list(home.corpora.iterdir())) == 1
            assert run(["ls"]) == 0
        assert list(home.corpora.iterdir()) == []
        process.stdin.close()
