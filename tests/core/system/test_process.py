"""Settings of the current process."""

import os
import platform
import subprocess
import sys

import pytest

from core.system import process
from core.system.process import AUTOGROUP_FILE

FAULTS = """
import resource, sys
import numpy
from core.system.process import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
numpy.ones(40_000_000, "u1")
before = faults()
for _ in range(10):
    numpy.ones(40_000_000, "u1")
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_kept_memory_is_allocated_again_without_page_faults() -> None:
    def faults(mode: str) -> int:
        command = [sys.executable, "-c", FAULTS, mode]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults("keep") < faults("default") / 10


def test_without_glibc_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: object())
    assert not process.keep_freed_memory()


PRIORITY = """
from core.system.process import AUTOGROUP_FILE, lower_priority
lower_priority(7)
print(AUTOGROUP_FILE.read_text().split()[-1])
"""


def has_autogroups() -> bool:
    """Tell whether the kernel groups by session: where it does not, the file may read empty."""
    return os.access(AUTOGROUP_FILE, os.W_OK) and bool(AUTOGROUP_FILE.read_text().strip())


@pytest.mark.skipif(not has_autogroups(), reason="no autogroups")
def test_a_lower_priority_counts_against_other_sessions() -> None:
    """The nice value alone counts only within the session where the kernel groups by session."""

    def group_nice(*, own_session: bool) -> int:
        command = [sys.executable, "-c", PRIORITY]
        result = subprocess.run(
            command, capture_output=True, text=True, check=True, start_new_session=own_session
        )
        return int(result.stdout)

    before = int(AUTOGROUP_FILE.read_text().split()[-1])
    assert group_nice(own_session=True) == os.nice(0) + 7
    assert group_nice(own_session=False) == before
