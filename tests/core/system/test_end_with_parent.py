"""Processes that end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.runners import alive
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[3]

CHILD = """
import os, sys, time
from core.system.process import end_with_parent
end_with_parent(int(sys.argv[1]) or os.getppid())
print(os.getpid(), flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], "0"])
"""


def test_a_child_ends_when_its_parent_is_killed() -> None:
    """A worker would hold its GPU for ever after its agent was killed."""
    command = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert alive(child)
        os.kill(parent.pid, signal.SIGKILL)
        wait_until(lambda: not alive(child), "the child has ended")


def test_a_child_whose_parent_is_already_gone_ends_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, "1"], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 1
