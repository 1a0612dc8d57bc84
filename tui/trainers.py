"""Starting trainers: what the screens ask for, as calls of core. No Textual and no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.config import TrainConfig
from core.errors import InputError
from core.locks import Lock
from core.paths import Home
from core.request import ask
from core.run import Run
from core.runs import hold


def begin(
    home: Home,
    spec: str,
    config: TrainConfig,
    shape: Mapping[str, Any],
    *,
    name: str | None = None,
    encoding: str | None = None,
    reading: str | None = None,
) -> Run:
    """Makes a run and starts its trainer; arguments as of `core.request.ask`.

    Raises:
        MiniGPTError: what cannot be used.
    """
    run, lock = ask(home, spec, config, shape, name=name, encoding=encoding, reading=reading)
    with lock:
        _launch(home, run, lock)
    return run


def resume(home: Home, run: Run, *, epochs: float | None = None) -> None:
    """Starts a trainer that goes on where the run ended.

    Args:
        epochs: passes to train beyond what was planned; None is only the rest.

    Raises:
        MiniGPTError: somebody trains it, or there is nothing to go on from.
    """
    with hold(run) as lock:
        _launch(home, run, lock, epochs=epochs)


def _launch(home: Home, run: Run, lock: Lock, *, epochs: float | None = None) -> None:
    """Starts the detached trainer, which takes the lock over."""
    raise InputError(
        "Trainers cannot be started from here yet.", f"In a shell: minigpt-tui train {run.name}"
    )
