"""The program's entry point, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
