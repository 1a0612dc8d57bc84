"""Starting trainers: what the screens ask for, as calls of core. No Textual and no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.run import launch
from core.config.configs import TrainConfig
from core.config.more import More
from core.paths import Home
from core.run.create import ask
from core.run.resuming import hold_to_resume
from core.run.directory import Run


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
    """Makes a run and starts its trainer; arguments as of `core.run.create.ask`.

    Raises:
        MiniGPTError: what cannot be used.
    """
    run, lock = ask(home, spec, config, shape, name=name, encoding=encoding, reading=reading)
    launch.start(home, run, lock)
    return run


def resume(home: Home, run: Run, *, epochs: float | None = None) -> None:
    """Starts a trainer that goes on where the run ended.

    Args:
        epochs: passes to train beyond what is done; None is only the rest.

    Raises:
        MiniGPTError: somebody trains it, or there is nothing to go on from.
    """
    more = More(epochs=epochs)
    launch.start(home, run, hold_to_resume(run, more), more)
