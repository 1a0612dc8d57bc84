"""Copying: always OSC 52, and the command of tmux inside tmux."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from textual.app import App

from tui.common.clipboard import copy_to_clipboard

HOSTILE_TEXT = "a 'quoted' \"text\"; $(rm -rf /)\n-b\t中 \x1b]52;c;\x07"


class FakeApp(list[str]):
    """An app that records what it should copy."""

    def copy_to_clipboard(self, text: str) -> None:
        """Record the text."""
        self.append(text)


def copy(text: str) -> FakeApp:
    app = FakeApp()
    copy_to_clipboard(cast("App[None]", app), text)
    return app


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a fake tmux, the only one in PATH, writes its arguments and input."""
    input_file = tmp_path / "said"
    program = tmp_path / "bin" / "tmux"
    program.parent.mkdir()
    noise = "echo noise; echo noise >&2"
    program.write_text(f'#!/bin/sh\n{noise}\necho "$@" >{input_file}\n/bin/cat >>{input_file}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return input_file


def test_tmux_gets_the_text_as_input(
    tmux: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not as a part of a command; and no output of tmux reaches the screen."""
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    assert copy(HOSTILE_TEXT) == [HOSTILE_TEXT]
    assert tmux.read_bytes().decode() == f"load-buffer -w -\n{HOSTILE_TEXT}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("value", [None, ""])
def test_outside_tmux_it_is_not_called(
    tmux: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """Else the text would appear in the tmux of another window."""
    monkeypatch.delenv("TMUX", raising=False)
    if value is not None:
        monkeypatch.setenv("TMUX", value)
    assert copy("text") == ["text"]
    assert not tmux.exists()


@pytest.mark.parametrize("failure", ["absent", "slow", "unable", "refuses"])
def test_a_failing_tmux_is_ignored(
    tmux: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    program = tmux.parent / "bin" / "tmux"
    if failure == "absent":
        program.unlink()
    elif failure == "refuses":
        program.write_text("#!/bin/sh\nexit 1\n")
    else:

        def run(command: list[str], **how: Any) -> None:
            if failure == "slow":
                raise subprocess.TimeoutExpired(command, how["timeout"])
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(subprocess, "run", run)
    assert copy("text" * 20_000) == ["text" * 20_000]


def test_a_lone_surrogate_is_copied_as_a_question_mark(
    tmux: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models generate such characters."""
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    assert copy("a\ud800b") == ["a?b"]
    assert tmux.read_text().endswith("a?b")
