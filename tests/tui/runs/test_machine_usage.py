"""Usage is measured only for the process that wrote `started`."""

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
from tui.runs import machine_usage
from tui.runs.machine_usage import UsageMonitor

HERE = Host("here", "boot")
BORN = psutil.Process().create_time()


def started(**other: Any) -> dict[str, Any]:
    return {"host": "here", "boot": "boot", "pid": os.getpid()} | other


def test_a_process_of_this_boot_is_measured() -> None:
    use = UsageMonitor(started(), BORN + 1.0, HERE)
    first, second = use.measure(), use.measure()
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
def test_nothing_is_known_of_a_run_elsewhere_or_a_damaged_event(other: dict[str, Any]) -> None:
    """Another process with the same id must not be taken for the trainer."""
    assert UsageMonitor(started(**other), BORN + 1.0, HERE).measure() is None


def test_a_process_that_started_after_the_run_is_another_one() -> None:
    assert UsageMonitor(started(), BORN - 100.0, HERE).measure() is None
    assert UsageMonitor(started(), None, HERE).measure() is None


def test_nothing_is_known_of_a_process_that_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    use = UsageMonitor(started(pid=child.pid), time.time() + 1.0, HERE)
    assert use.measure() is not None
    child.communicate(b"\n")
    assert use.measure() is None
    assert use.measure() is None


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

    def nvmlDeviceGetMemoryInfo(self, device: int) -> Any:  # noqa: N802
        return SimpleNamespace(total=[1, 24_000_000_000][device])


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        (FakeNvml(), (97.0, 6_000_000, 24_000_000_000)),
        (FakeNvml(broken=True), (None, None, None)),
        (FakeNvml(lost=True), (None, None, None)),
    ],
)
def test_the_gpu_of_the_process_is_measured(
    library: FakeNvml, expected: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may not be the first GPU; NVML without a driver counts as missing."""
    monkeypatch.setitem(sys.modules, machine_usage.NVML, library)
    usage = UsageMonitor(started(), BORN + 1.0, HERE).measure()
    assert usage is not None
    assert (usage.gpu, usage.gpu_memory, usage.gpu_memory_total) == expected


def test_without_the_library_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, machine_usage.NVML, None)
    usage = UsageMonitor(started(), BORN + 1.0, HERE).measure()
    assert usage is not None
    assert usage.gpu is None
