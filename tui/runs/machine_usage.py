"""CPU, memory and GPU usage of a trainer on this machine, with NVML if it is installed."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from core.system.machine import Host, memory_limit, this_host, usable_threads

START_TOLERANCE_SECONDS = 2.0  # of the start time of a process
NVML = "pynvml"


@dataclass(frozen=True)
class MachineUsage:
    """Current usage by a process; None where unknown.

    Attributes:
        cpu: percent of one processor.
        memory: bytes of main memory.
        gpu: GPU utilisation in percent, by all processes.
        gpu_memory: bytes the process holds on the GPU.
        threads: processors it may use.
        memory_total: bytes of main memory that it may use.
        gpu_memory_total: bytes of the GPU.
    """

    cpu: float | None
    memory: int | None
    gpu: float | None = None
    gpu_memory: int | None = None
    threads: int = 1
    memory_total: int | None = None
    gpu_memory_total: int | None = None


class UsageMonitor:
    """Measures the process of a trainer. Blocks briefly, so call it off the event loop.

    Nothing is known of a run on another machine or in an earlier boot.

    Args:
        started: the fields of the run's `started` event.
        started_at: Unix seconds of that event; a process that started later is another one.
        here: this machine; only tests pass another one.
    """

    def __init__(
        self, started: Mapping[str, Any], started_at: float | None, here: Host | None = None
    ) -> None:
        self._process = _find_process(started, started_at, here or this_host())
        self._gpus = _Gpus() if self._process else None
        self._has_measured = False
        self._threads = usable_threads()
        self._memory_total = min(psutil.virtual_memory().total, memory_limit() or math.inf)

    def measure(self) -> MachineUsage | None:
        """Current usage; None if the process is not on this machine or has ended."""
        if self._process is None or self._gpus is None:
            return None
        try:
            with self._process.oneshot():
                cpu, memory = self._process.cpu_percent(), self._process.memory_info().rss
        except psutil.Error:
            self._process = None
            return None
        gpu, gpu_memory, gpu_total = self._gpus.measure(self._process.pid)
        # The first percentage has no previous measurement to refer to and is 0.
        is_cpu_known, self._has_measured = self._has_measured, True
        return MachineUsage(
            cpu if is_cpu_known else None,
            memory,
            gpu,
            gpu_memory,
            threads=self._threads,
            memory_total=int(self._memory_total),
            gpu_memory_total=gpu_total,
        )


def _find_process(
    started: Mapping[str, Any], started_at: float | None, here: Host
) -> psutil.Process | None:
    pid = started.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or started_at is None:
        return None
    # Containers of one machine share the boot id, but not process ids.
    if started.get("host") != here.name or started.get("boot") != here.boot:
        return None
    try:
        process = psutil.Process(pid)
        return process if process.create_time() <= started_at + START_TOLERANCE_SECONDS else None
    except (psutil.Error, ValueError, OverflowError):
        return None


class _Gpus:
    """NVIDIA's NVML, if it is installed and works."""

    def __init__(self) -> None:
        self._nvml: Any = None
        with contextlib.suppress(ImportError):
            self._nvml = importlib.import_module(NVML)
        if self._nvml is not None and not self._init():
            self._nvml = None

    def _init(self) -> bool:
        try:
            self._nvml.nvmlInit()
            return True
        except self._nvml.NVMLError:
            return False

    def measure(self, pid: int) -> tuple[float | None, int | None, int | None]:
        """Utilisation in percent, bytes held by the process, and all bytes of the GPU it uses."""
        if self._nvml is None:
            return None, None, None
        try:
            for index in range(self._nvml.nvmlDeviceGetCount()):
                device = self._nvml.nvmlDeviceGetHandleByIndex(index)
                for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(device):
                    if process.pid == pid:
                        utilisation = float(self._nvml.nvmlDeviceGetUtilizationRates(device).gpu)
                        total = int(self._nvml.nvmlDeviceGetMemoryInfo(device).total)
                        return utilisation, process.usedGpuMemory, total
        except self._nvml.NVMLError:
            self._nvml = None
        return None, None, None
