"""What a trainer takes of this machine: processor and memory, and of a GPU where NVML is there.

Only of a process on this machine, in this boot; of a run elsewhere nothing is known. No torch.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from core.system.machine import Host, this_host

CLOCK_SLACK = 2.0  # seconds by which the start of a process is known
NVML = "pynvml"


@dataclass(frozen=True)
class Use:
    """What a process takes now; None where it is not known.

    Attributes:
        cpu: processors busy, in percent of one.
        memory: bytes of main memory.
        gpu: percent of the time the GPU was busy, by all processes.
        gpu_memory: bytes the process holds there.
    """

    cpu: float | None
    memory: int | None
    gpu: float | None = None
    gpu_memory: int | None = None


class MachineUse:
    """Looks at the process of a trainer; blocks for a moment, so call it off the event loop.

    Args:
        started: the fields of the run's `started` event.
        began: Unix seconds of that event; a process that began later is another one.
        here: the machine that looks; None is this one.
    """

    def __init__(
        self, started: Mapping[str, Any], began: float | None, here: Host | None = None
    ) -> None:
        self._process = _process(started, began, here or this_host())
        self._gpus = _Gpus() if self._process else None
        self._seen = False

    def look(self) -> Use | None:
        """What it takes now; None if it is not here, or no more."""
        if self._process is None or self._gpus is None:
            return None
        try:
            with self._process.oneshot():
                cpu, memory = self._process.cpu_percent(), self._process.memory_info().rss
        except psutil.Error:
            self._process = None
            return None
        gpu, gpu_memory = self._gpus.look(self._process.pid)
        # The first percentage has nothing to be compared with and is 0.
        cpu_known, self._seen = self._seen, True
        return Use(cpu if cpu_known else None, memory, gpu, gpu_memory)


def _process(started: Mapping[str, Any], began: float | None, here: Host) -> psutil.Process | None:
    pid = started.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or began is None:
        return None
    # Containers of one machine share the boot, but not the numbers of processes.
    if started.get("host") != here.name or started.get("boot") != here.boot:
        return None
    try:
        process = psutil.Process(pid)
        return process if process.create_time() <= began + CLOCK_SLACK else None
    except (psutil.Error, ValueError, OverflowError):
        return None


class _Gpus:
    """NVIDIA's library, if there is one and it works."""

    def __init__(self) -> None:
        self._nvml: Any = None
        with contextlib.suppress(ImportError):
            self._nvml = importlib.import_module(NVML)
        if self._nvml is not None and not self._begin():
            self._nvml = None

    def _begin(self) -> bool:
        try:
            self._nvml.nvmlInit()
            return True
        except self._nvml.NVMLError:
            return False

    def look(self, pid: int) -> tuple[float | None, int | None]:
        """Percent busy and bytes held of the GPU that the process is on."""
        if self._nvml is None:
            return None, None
        try:
            for number in range(self._nvml.nvmlDeviceGetCount()):
                device = self._nvml.nvmlDeviceGetHandleByIndex(number)
                for found in self._nvml.nvmlDeviceGetComputeRunningProcesses(device):
                    if found.pid == pid:
                        busy = float(self._nvml.nvmlDeviceGetUtilizationRates(device).gpu)
                        return busy, found.usedGpuMemory
        except self._nvml.NVMLError:
            self._nvml = None
        return None, None
