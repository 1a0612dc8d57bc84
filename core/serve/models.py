"""The models that are served: loaded once, each by the name it was given on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from core.config.budget import count_parameters
from core.config.configs import FLOAT32
from core.errors import Cancelled
from core.inference.load import LoadedModel, load_model
from core.paths import Home
from core.progress import CancelCheck, never_cancelled
from core.run import store
from core.run.weights_ref import weights_file
from core.system.machine import usable_threads

PARAMETERS_PER_THREAD = 10_000_000


@dataclass(eq=False)
class ServedModel:
    """A model in memory.

    Attributes:
        name: a run or run@weights.
        loaded: the model with its tokenizer.
        created: when its weights were written, in seconds since 1970.
        cancelled: whether the request that uses it now was cancelled.
    """

    name: str
    loaded: LoadedModel
    created: int
    cancelled: CancelCheck = never_cancelled
    _threads: int = field(init=False)

    def __post_init__(self) -> None:
        wanted = 1 + count_parameters(self.loaded.model.config) // PARAMETERS_PER_THREAD
        self._threads = min(usable_threads(), wanted)

        def check_before_layer(module: Any, arguments: Any) -> None:
            if self.cancelled():
                raise Cancelled

        # A long prompt is read layer by layer: its request can end between two of them.
        for block in self.loaded.model.get_submodule("blocks").children():
            block.register_forward_pre_hook(check_before_layer)

    def prepare_thread(self) -> None:
        """Set the number of threads that products of this thread use: few for a small model."""
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)


def load_models(
    home: Home,
    names: Iterable[str],
    device: str = "auto",
    precision: str = FLOAT32,
    cancelled: CancelCheck = never_cancelled,
) -> list[ServedModel]:
    """Load the models of some runs.

    Args:
        names: runs, each with @best or @STEP for other weights than the newest.

    Raises:
        MiniGPTError: one of them cannot be loaded.
        Cancelled: `cancelled` returned true.
    """
    models = []
    for name in names:
        run_name, _, weights = name.partition("@")
        run = store.find_run(home, run_name)
        created = int(weights_file(run, weights).stat().st_mtime)
        loaded = load_model(run, weights, device, cancelled, precision)
        models.append(ServedModel(name, loaded, created))
    return models
