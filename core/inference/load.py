"""Loading the model of a run for inference."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.config.configs import FLOAT32
from core.errors import Cancelled
from core.model import factory, state_dict
from core.model.decoder import Decoder
from core.model.device import device_facts
from core.model.quantize import quantize_weights
from core.model.safetensors_io import read_tensors
from core.progress import CancelCheck, never_cancelled
from core.run.directory import Run
from core.run.model_files import check_tensor_count, check_vocabulary, read_model_config
from core.run.record import read_record
from core.run.weights_ref import LAST, weights_file
from core.tokenizer.special_tokens import SOS, start_id
from core.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer.

    Attributes:
        model: in evaluation mode, on its device.
        tokenizer: the one it was trained with.
        reading: how its corpus was cut: "lines" or "text".
    """

    model: Decoder
    tokenizer: Tokenizer
    reading: str

    @property
    def keep_first(self) -> int:
        """How many ids at the start stay when the context slides: the <sos> of lines."""
        return 1 if self.reading == "lines" else 0

    def encode(self, prompt: str) -> list[int]:
        """The ids before the continuation of a prompt, see `prompt_ids`."""
        return prompt_ids(self.tokenizer, self.reading, prompt)


def prompt_ids(tokenizer: Tokenizer, reading: str, prompt: str) -> list[int]:
    """The ids before the continuation of a prompt, with <sos> if the corpus was cut into lines.

    Raises:
        UnknownWordError: words that are not in the vocabulary.
    """
    ids = tokenizer.encode_prompt(prompt)
    start = start_id(reading)
    return [start, *ids] if start == SOS or not ids else ids


def load_model(
    run: Run,
    weights: str = LAST,
    device: str = "auto",
    cancelled: CancelCheck = never_cancelled,
    precision: str = FLOAT32,
) -> LoadedModel:
    """Load the model of a run.

    Args:
        weights: "last", "best" or the step of a snapshot.
        device: as on the command line.
        precision: of the weights in memory, see `core.model.quantize`.

    Raises:
        InputError: no such weights, device or precision.
        DamagedError: a file of the run cannot be read.
        Cancelled: `cancelled` returned true.
    """
    path = weights_file(run, weights)
    facts = device_facts(device)
    reading = str(read_record(run)["corpus"]["reading"])
    config, tokenizer = read_model_config(run.config), Tokenizer.load(run.folder)
    check_vocabulary(run, tokenizer, config)
    check_tensor_count(path, config)
    if cancelled():
        raise Cancelled
    model = factory.build_model(config, seed=None)
    state_dict.load_stored(model, read_tensors(path), path)
    if cancelled():
        raise Cancelled
    model = model.to(torch.device(facts.device)).eval()
    quantize_weights(model, precision)
    return LoadedModel(model, tokenizer, reading)
