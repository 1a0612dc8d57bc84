"""The sampling settings last used with a run, kept in its folder.

The settings chosen for a run are kept with it; for others those of the configuration file apply. A
file that cannot be read, from a copied run for instance, is ignored.
"""

from __future__ import annotations

from dataclasses import replace

from core.config.configs import SamplingConfig
from core.config.schema import find_value_problems
from core.errors import DamagedError, StorageError
from core.run.directory import Run
from core.system.files import JsonObject, read_json, write_json
from tui.common.sampling_settings import SEED, SamplingControls
from tui.common.user_config import SAMPLING, UserConfig

MAX_BYTES = 1 << 12
FIXED = "fixed"
STOP = "stop"  # texts are given with a request, not chosen for a run


def configured_controls(config: UserConfig) -> SamplingControls:
    """The settings of the configuration file; a seed given there is that of every reply."""
    return SamplingControls(config.sampling, fixed=(SAMPLING, SEED) in config.entries)


def initial_controls(run: Run, config: UserConfig) -> SamplingControls:
    """The settings to begin with: those last used with the run, else the configured ones."""
    controls = configured_controls(config)
    try:
        values = read_json(run.sampling, MAX_BYTES)
    except DamagedError:
        return controls
    fixed = values.pop(FIXED, False)
    values.pop(STOP, None)
    if find_value_problems(SamplingConfig, values) or not isinstance(fixed, bool):
        return controls
    return SamplingControls(replace(controls.config, **values), fixed=fixed)


def remembered_values(controls: SamplingControls) -> JsonObject:
    """What a run remembers of settings: a seed only if it is fixed."""
    values = controls.to_json() | {FIXED: controls.fixed}
    del values[STOP]
    if not controls.fixed:
        del values[SEED]
    return values


def remember_controls(run: Run, controls: SamplingControls) -> None:
    """Keep the settings for the next time the run is opened; a deleted run stays deleted.

    Raises:
        StorageError: they could not be written.
    """
    if not run.folder.is_dir():
        return
    try:
        write_json(run.sampling, remembered_values(controls))
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(
            f"The sampling settings cannot be saved to {run.sampling}: {reason}.",
            "They apply until you close this screen.",
        ) from error
