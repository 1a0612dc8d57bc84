"""What a trainer takes: only of the very process that said `started`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from core.system.machine import Host
from tui.runs import machine_use
from tui.runs.machine_use import MachineUse

HERE = Host("here", "boot")
BORN = psutil.Process().create_time()


def started(**other: Any) -> dict[str, Any]:
    return {"host": "here", "boot": "boot", "pid": os.getpid()} | other


def test_the_process_of_this_boot_is_looked_at() -> None:
    use = MachineUse(started(), BORN + 1.0, HERE)
    first, second = use.look(), use.look()
    assert first is not None
    assert first.cpu is None, "there is nothing to compare with yet"
    assert (first.memory or 0) > 1_000_000
    assert second is not None
    assert second.cpu is not None


@pytest.mark.parametrize(
    "other",
    [
        {"host": "there"},
        {"boot": "before"},
        {"pid": None},
        {"pid": True},
        {"pid": "7"},
        {"pid": -5},
        {"pid": 2**62},
    ],
)
def test_of_a_run_elsewhere_or_a_damaged_line_nothing_is_known(other: dict[str, Any]) -> None:
    """A process that happens to have the number must not be taken for the trainer."""
    assert MachineUse(started(**other), BORN + 1.0, HERE).look() is None


def test_a_process_that_began_after_the_run_is_another_one() -> None:
    assert MachineUse(started(), BORN - 100.0, HERE).look() is None
    assert MachineUse(started(), None, HERE).look() is None


def test_a_process_that_ends_is_nothing_any_more() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    use = MachineUse(started(pid=child.pid), time.time() + 1.0, HERE)
    assert use.look() is not None
    child.communicate(b"\n")
    assert use.look() is None
    assert use.look() is None


class FakeError(Exception):
    pass


class FakeNvml:
    """As much of NVIDIA's library as is used."""

    NVMLError = FakeError

    def __init__(self, *, broken: bool = False, lost: bool = False) -> None:
        self.broken, self.lost = broken, lost

    def nvmlInit(self) -> None:  # noqa: N802
        if self.broken:
            raise FakeError

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if self.lost:
            raise FakeError
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        return number

    def nvmlDeviceGetComputeRunningProcesses(self, device: int) -> list[Any]:  # noqa: N802
        pid = os.getpid() if device == 1 else 1
        return [SimpleNamespace(pid=pid, usedGpuMemory=3_000_000 * (device + 1))]

    def nvmlDeviceGetUtilizationRates(self, device: int) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=[10, 97][device])


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        (FakeNvml(), (97.0, 6_000_000)),
        (FakeNvml(broken=True), (None, None)),
        (FakeNvml(lost=True), (None, None)),
    ],
)
def test_the_gpu_that_the_process_is_on(
    library: FakeNvml, expected: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first GPU is not always the one; a library without a driver is as none."""
    monkeypatch.setitem(sys.modules, machine_use.NVML, library)
    found = MachineUse(started(), BORN + 1.0, HERE).look()
    assert found is not None
    assert (found.gpu, found.gpu_memory) == expected


def test_without_the_library_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, machine_use.NVML, None)
    found = MachineUse(started(), BORN + 1.0, HERE).look()
    assert found is not None
    assert found.gpu is None
