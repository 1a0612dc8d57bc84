"""The machine a benchmark ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def print_machine() -> None:
    """Print processor, usable cores, operating system and versions in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{_processor()}, {cores} cores, {platform.system()}; Python {platform.python_version()}, "
        f"torch {version('torch')}, tokenizers {version('tokenizers')}, numpy {version('numpy')}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
