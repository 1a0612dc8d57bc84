"""The program's entry point, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tui.cli.group import cli

ROOT = Path(__file__).parents[3]

PROGRAM = """
import os, signal, sys

class InterruptingFinder:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, InterruptingFinder())
from tui.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["click", "tui.cli.group"])
def test_ctrl_c_during_the_imports_is_reported_in_words(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_help_imports_no_command_and_no_event_loop() -> None:
    code = "import sys; from tui.__main__ import run; run(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    modules = set(done.stdout.splitlines()[-1].split())
    light = {"__init__", "console", "group", "options"}
    commands = {f"tui.cli.{path.stem}" for path in (ROOT / "tui/cli").glob("*.py")}
    slow = {
        "asyncio",
        "textual",
        "rich",
        "psutil",
        "ctypes",
        "core.config.configs",
        "core.run.store",
    }
    assert not modules & (slow | commands - {f"tui.cli.{name}" for name in light})


def test_help_shows_every_command_with_a_whole_sentence_on_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    lines = done.stdout.partition("Commands:\n")[2].splitlines()
    context = click.Context(cli)
    assert [line.split()[0] for line in lines] == cli.list_commands(context)
    assert all(line.endswith(".") and "..." not in line for line in lines)
    assert all(cli.get_command(context, line.split()[0]) for line in lines)
