"""For tests with real trainers: a small text, a tiny model, waiting with a deadline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TINY = [
    "--set", "layers=1", "--set", "heads=2", "--set", "d_model=16", "--set", "d_ff=24",
    "--set", "threads=1", "--tokenizer", "word",
]  # fmt: skip
DEADLINE = 60.0


def small_text(folder: Path) -> Path:
    """Three hundred lines of few words."""
    path = folder / "pets.txt"
    pets, does = ("cat", "dog", "bird", "fish"), ("sat", "ran", "slept")
    lines = [f"the {n} {pet} {do}" for n in range(25) for pet in pets for do in does]
    path.write_text("\n".join(lines) + "\n")
    return path


def command(home: Path, *arguments: str) -> list[str]:
    """A command line of the program."""
    return [sys.executable, "-m", "tui", "--home", str(home), *arguments]


def run(home: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs it to its end, without a terminal."""
    return subprocess.run(
        command(home, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        **options,
    )


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")  # noqa: PTH110
