"""What is exported: a run's model with its tokenizer, and what its record says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core.export.targets import BFLOAT16, FLOAT16
from core.inference.load import (
    LoadedModel,
    LoadedRun,
    load_classifier,
    load_encoder,
    load_model,
)
from core.model import state_dict
from core.progress import CancelCheck, never_cancelled
from core.run.directory import Run
from core.run.event_log import read_sparse_events
from core.run.history import History
from core.run.model_files import read_model_config
from core.run.record import read_record
from core.run.weights_ref import BEST, LAST
from core.system.files import JsonObject

Tensors = dict[str, Tensor]

STORED_DTYPES = {BFLOAT16: torch.bfloat16, FLOAT16: torch.float16}


@dataclass(frozen=True)
class ExportSource:
    """A run's model at some weights.

    Attributes:
        weights: "last", "best" or the step of a snapshot.
        loaded: decoder or encoder, in float32 on the CPU.
        record: the run's, see `core.run.record`.
    """

    run: Run
    weights: str
    loaded: LoadedRun
    record: JsonObject

    @property
    def decoder(self) -> LoadedModel:
        """The decoder, for targets that hold no other model."""
        assert isinstance(self.loaded, LoadedModel), self.loaded.model.config.architecture
        return self.loaded

    @property
    def is_chat(self) -> bool:
        """Whether it replies to messages."""
        return isinstance(self.loaded, LoadedModel) and self.loaded.is_chat

    @property
    def is_imported(self) -> bool:
        """Whether its weights are those of another program, without any training here."""
        return isinstance(self.record.get("imported"), dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of an encoder that labels texts, in the order of its head; else empty."""
        return self.loaded.labels if self.loaded.model.config.labels else ()

    @property
    def label(self) -> str:
        """The reference as on the command line, such as `tales@best`."""
        return self.run.name if self.weights == LAST else f"{self.run.name}@{self.weights}"

    @cached_property
    def history(self) -> History:
        """What the run's events tell."""
        history = History()
        history.apply_all(read_sparse_events(self.run.events))
        return history

    @property
    def step(self) -> int | None:
        """The updates that these weights have had; None if unknown."""
        if self.weights.isdecimal():
            return int(self.weights)
        return self.history.best_step if self.weights == BEST else self.history.checkpoint_step

    def stored_tensors(self) -> Tensors:
        """The weights in the layout on disk, float32."""
        return state_dict.to_stored(self.loaded.model)

    def use_weights(self, tensors: Mapping[str, Tensor]) -> None:
        """Replace the model's weights by those that were written.

        The comparison with other programs is then with what they read, rounding included.
        """
        state_dict.load_stored(self.loaded.model, tensors, "the exported weights")


def load_source(
    run: Run, weights: str = LAST, cancelled: CancelCheck = never_cancelled
) -> ExportSource:
    """Load the model of a run for its export.

    Raises:
        InputError, DamagedError, RunFailedError, Cancelled: as `load_model`.
    """
    config, weights = read_model_config(run.config), weights or LAST
    loaded: LoadedRun
    if config.labels:
        loaded = load_classifier(run, weights, "cpu", cancelled)
    elif config.is_encoder:
        loaded = load_encoder(run, weights, "cpu", cancelled)
    else:
        loaded = load_model(run, weights, "cpu", cancelled)
    return ExportSource(run, weights, loaded, read_record(run))


def cast_tensors(tensors: Mapping[str, Tensor], dtype: str) -> Tensors:
    """Tensors in a precision; unchanged in float32."""
    stored = STORED_DTYPES.get(dtype, torch.float32)
    return {name: tensor.to(stored) for name, tensor in tensors.items()}


def as_float32(tensors: Mapping[str, Tensor]) -> Tensors:
    """The values of tensors, in float32."""
    return {name: tensor.float() for name, tensor in tensors.items()}
