"""Settings of the current process."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from core.system import process
from core.system.process import AUTOGROUP_FILE

ROOT = Path(__file__).parents[3]

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
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
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


END_IN_A_LIBRARY_CALL = """
import atexit, threading, time
from tokenizers import Tokenizer, models, trainers
from core.system.process import end_process

def texts():
    while True:
        time.sleep(0.01)
        yield "some text"

def learn():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.train_from_iterator(texts(), trainers.BpeTrainer(show_progress=False))

threading.Thread(target=learn, daemon=True).start()
time.sleep(0.5)
atexit.register(print, "atexit")
end_process("stopped")
"""


def test_a_process_ends_in_words_while_a_thread_is_in_a_library_call() -> None:
    """Detects "FATAL: exception not rethrown" and a core dump after a stop while BPE learns."""
    done = subprocess.run(
        [sys.executable, "-c", END_IN_A_LIBRARY_CALL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "atexit\n", "stopped\n")
