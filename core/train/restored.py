"""What a checkpoint's state says, checked: the settings and where the run stands."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from core.train.checkpoint import Checkpoint
from core.config.configs import TrainConfig
from core.errors import DamagedError, SettingsError
from core.config.schema import from_json
from core.train.state import Progress


def read_settings(checkpoint: Checkpoint) -> TrainConfig:
    """The settings as they were, changes while running included.

    Raises:
        DamagedError: they are missing or no settings.
    """
    values = checkpoint.state.get("train")
    if not isinstance(values, dict):
        raise _damaged(checkpoint, "it holds no settings")
    try:
        return from_json(TrainConfig, values)
    except SettingsError as error:
        raise _damaged(checkpoint, error.message) from error


def read_progress(checkpoint: Checkpoint) -> Progress:
    """Where the run stood.

    Raises:
        DamagedError: it is missing, or not of its kinds.
    """
    values = checkpoint.state.get("progress")
    kinds = get_type_hints(Progress)
    known = {field.name for field in dataclasses.fields(Progress)}
    if not isinstance(values, dict) or not values.keys() <= known:
        raise _damaged(checkpoint, "it does not say where the run stood")
    wrong = [name for name, value in values.items() if not _is(value, kinds[name])]
    wrong += [] if values.get("step") == checkpoint.step else ["step"]
    if wrong:
        raise _damaged(checkpoint, f"{', '.join(dict.fromkeys(wrong))}: not as it was written")
    return Progress(**values)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value of JSON is of a kind: whole numbers are numbers, truth values are none."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (isinstance(value, int) and isinstance(0.0, kind))


def _damaged(checkpoint: Checkpoint, why: str) -> DamagedError:
    return DamagedError(
        f"The state of the checkpoint of step {checkpoint.step} cannot be used: {why}.",
        f"Without the folder checkpoint/{checkpoint.step} the run goes on from the one before.",
    )
