"""Shell completion, as shells request it: in a process of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from core.paths import Home, find_home
from tests.support.runs import make_run
from tui.cli.group import cli
from tui.cli.options import complete_preset

ROOT = Path(__file__).parents[3]
VARIABLE = "_MINIGPT_TUI_COMPLETE"
BREAKS = " \t\n\"'@><=;|&(:"  # as bash has them


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = find_home(tmp_path / "home")
    for name in ("lang", "large", "other"):
        made = make_run(home, name)
        for path in (made.weights, made.snapshot_weights(4), made.snapshot_weights(64)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return home


def complete(home: Path, shell: str, **more: str) -> str:
    """The answer of the program to a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "tui"],
        cwd=ROOT,
        env=os.environ | {"MINIGPT_HOME": str(home), VARIABLE: shell, **more},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def bash_completions(home: Path, line: str) -> list[str]:
    """The completions in bash for a line with the cursor at its end."""
    output = complete(home, "bash_complete", COMP_LINE=f"minigpt-tui {line}", COMP_BREAKS=BREAKS)
    return output.split()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("show la", ["lang", "large"]),
        ("path ", ["lang", "large", "other"]),
        ("logs lar", ["large"]),
        ("rename o", ["other"]),
        ("rm other lan", ["lang"]),
        ("rm --yes lan", ["lang"]),
        ("train lang --from=lar", ["large"]),
        ("generate la", ["lang", "large"]),
        ("show nothing", []),
        ("do", ["doctor"]),
        # bash puts what comes back behind the @, which ends a word there.
        ("generate lang@", ["last", "4", "64"]),
        ("generate lang@6", ["64"]),
        ("generate nothing@", []),
    ],
)
def test_runs_and_their_weights_are_bash_completions(
    home: Home, line: str, names: list[str]
) -> None:
    assert bash_completions(home.root, line) == [f"plain,{name}" for name in names]


def test_bundled_texts_and_files_are_completed(home: Home) -> None:
    assert bash_completions(home.root, "corpora la") == ["plain,lang", "file,la"]


@pytest.mark.parametrize(("shell", "word"), [("zsh", "2"), ("fish", "lang@6")])
def test_zsh_and_fish_are_supported(home: Home, shell: str, word: str) -> None:
    """zsh passes the index of the current word, fish the word."""
    line = {"COMP_WORDS": "minigpt-tui generate lang@6", "COMP_CWORD": word}
    assert "lang@64" in complete(home.root, f"{shell}_complete", **line)
    assert "minigpt-tui" in complete(home.root, f"{shell}_source")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_words_with_an_at_sign(home: Home, tmp_path: Path) -> None:
    """In a real bash, which splits words at @."""
    program = tmp_path / "minigpt-tui"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tui "$@"\n')
    program.chmod(0o755)
    line = "minigpt-tui generate lang@6 --top"
    shell = f"""
        eval "$({VARIABLE}=bash_source {shlex.quote(str(program))})"
        COMP_LINE={shlex.quote(line)} COMP_POINT={line.index(" --top")}
        _minigpt_tui_completion {shlex.quote(str(program))}
        complete -p minigpt-tui; printf '[%s]' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", shell],
        cwd=ROOT,
        env=os.environ | {"MINIGPT_HOME": str(home.root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[64]"


@pytest.mark.parametrize("home_name", ["file", "file/below", "absent"])
def test_an_unreadable_home_has_no_completions(tmp_path: Path, home_name: str) -> None:
    """A traceback must not end up in the command line."""
    (tmp_path / "file").touch()
    assert bash_completions(tmp_path / home_name, "show ") == []


def test_presets_are_completed() -> None:
    assert complete_preset(click.Context(cli), cli.params[0], "tu") == ["tutorial"]
