"""Copying: the terminal is always offered the text, tmux only where one is in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from textual.app import App

from tui.common.clipboard import copy_to_clipboard

ODD = "a 'quoted' \"text\"; $(rm -rf /)\n-b\t中 \x1b]52;c;\x07"


class Copied(list[str]):
    """In the place of an app: what it was asked to copy."""

    def copy_to_clipboard(self, text: str) -> None:
        """Remembers."""
        self.append(text)


def copy(text: str) -> Copied:
    found = Copied()
    copy_to_clipboard(cast("App[None]", found), text)
    return found


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a tmux of ours, the only one there is, writes what it was given."""
    said = tmp_path / "said"
    program = tmp_path / "bin" / "tmux"
    program.parent.mkdir()
    noise = "echo noise; echo noise >&2"
    program.write_text(f'#!/bin/sh\n{noise}\necho "$@" >{said}\n/bin/cat >>{said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return said


def test_in_tmux_it_gets_the_text_and_nothing_else(
    tmux: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A text that is a part of a command; noise of tmux in the middle of the screen."""
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    assert copy(ODD) == [ODD]
    assert tmux.read_bytes().decode() == f"load-buffer -w -\n{ODD}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("value", [None, ""])
def test_elsewhere_tmux_is_left_alone(
    tmux: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """What was copied turns up in a tmux of another window."""
    monkeypatch.delenv("TMUX", raising=False)
    if value is not None:
        monkeypatch.setenv("TMUX", value)
    assert copy("text") == ["text"]
    assert not tmux.exists()


@pytest.mark.parametrize("failure", ["absent", "slow", "unable", "refuses"])
def test_a_tmux_that_fails_ends_nothing(
    tmux: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    """The app gone because one pressed y."""
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


def test_half_a_character_is_copied_as_a_mark(tmux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's broken character that ends the app when it is copied."""
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    assert copy("a\ud800b") == ["a?b"]
    assert tmux.read_text().endswith("a?b")
