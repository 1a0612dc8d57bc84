"""Locks between real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.system import locks
from core.system.locks import acquire, acquired_at, adopt, is_held

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
from pathlib import Path
from core.system.locks import acquire
lock = acquire(Path(sys.argv[1]))
print(lock is not None, flush=True)
sys.stdin.read()
"""
ADOPT = """
import subprocess, sys
from core.system.locks import adopt
lock = adopt(int(sys.argv[1]))
# A grandchild that outlives this process must not keep the lock.
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=sys.stdin,
                         stdout=subprocess.DEVNULL, close_fds=False)
print(lock.acquired_at, flush=True)
sys.stdin.read()
"""


@contextmanager
def child(code: str, *args: str, **more: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process that waits for its standard input to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **more,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trainer.lock"


def test_a_lock_is_held_until_released(path: Path) -> None:
    assert not is_held(path)
    assert acquired_at(path) == 0
    lock = acquire(path)
    assert lock
    assert is_held(path)
    assert acquire(path, attempts=1) is None
    assert acquired_at(path) == pytest.approx(lock.acquired_at, abs=1e-3)
    lock.release()
    assert not is_held(path)
    with acquire(path) or pytest.fail("free"):
        assert is_held(path)
    assert not is_held(path)


def test_a_killed_process_releases_its_lock(path: Path) -> None:
    """Also kill -9 leaves no stale lock."""
    with child(HOLD, str(path)) as process:
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        assert is_held(path)
        assert acquire(path, attempts=1) is None
        process.kill()
        process.wait()
        assert not is_held(path)


def test_a_lock_passed_to_a_child_is_held_throughout_and_not_inherited_further(
    path: Path,
) -> None:
    """A worker that outlives its trainer must not make the run look active."""
    lock = acquire(path)
    assert lock
    descriptor = lock.descriptor
    with child(ADOPT, str(descriptor), pass_fds=[descriptor]) as process:
        lock.release()
        assert is_held(path)
        assert process.stdout
        assert float(process.stdout.readline()) == pytest.approx(lock.acquired_at, abs=1e-3)
        assert is_held(path)
        process.kill()
        process.wait()
        # The grandchild is alive: it waits for the standard input that is still open here.
        assert not is_held(path)


def test_ordinary_children_do_not_inherit_a_lock(path: Path) -> None:
    lock = acquire(path)
    assert lock
    with child("import sys; print('up', flush=True); sys.stdin.read()") as process:
        assert process.stdout
        process.stdout.readline()
        lock.release()
        assert not is_held(path)


def test_adopting_a_lock_held_by_another_process_fails(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor of the lock's file is not enough."""
    monkeypatch.setattr(locks, "LOCK_ATTEMPTS", 1)
    lock = acquire(path)
    assert lock
    other = os.open(path, os.O_RDWR)
    assert adopt(other) is None
    lock.release()
    assert adopt(other)
    assert is_held(path)
    os.close(other)


def test_is_held_does_not_keep_others_from_acquiring(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing runs at the wrong moment must not make a start fail."""
    path.touch()
    look = os.open(path, os.O_RDONLY)
    locks.fcntl.flock(look, locks.fcntl.LOCK_SH)
    monkeypatch.setattr(locks.time, "sleep", lambda _: os.close(look))
    lock = acquire(path)
    assert lock
    lock.release()


def test_a_forked_child_does_not_keep_a_lock(path: Path) -> None:
    """Close-on-exec does not act on fork."""
    lock = acquire(path)
    assert lock
    (up, is_up), (waits, goes) = os.pipe(), os.pipe()
    forked = os.fork()
    if forked == 0:
        os.close(goes)
        os.write(is_up, b"up")
        os.read(waits, 1)
        os._exit(0)
    try:
        os.read(up, 2)
        assert is_held(path), "closing it in the child does not release it"
        lock.release()
        assert not is_held(path)
    finally:
        for descriptor in (up, is_up, waits, goes):
            os.close(descriptor)
        os.waitpid(forked, 0)


def test_a_lock_never_has_the_descriptor_of_a_standard_stream(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With stdin closed it was 0, and the trainer it was passed to got /dev/null instead."""
    monkeypatch.setattr(locks, "FIRST_LOCK_DESCRIPTOR", 500)
    lock = acquire(path)
    assert lock is not None
    with lock:
        assert lock.descriptor >= 500
        assert not os.get_inheritable(lock.descriptor)
        assert is_held(path)
    assert not is_held(path), "no duplicate descriptor is left open"
