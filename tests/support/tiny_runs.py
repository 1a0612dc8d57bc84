"""For tests of what reads a run: a run directory with a tiny untrained model, made at once."""

from __future__ import annotations

from typing import Any

import torch

from core.config.configs import ModelConfig
from core.model import factory, state_dict
from core.model.safetensors_io import replace_tensors
from core.paths import Home
from core.run import store
from core.run.directory import Run
from core.run.model_files import generation_config, hf_config
from core.system.files import write_json
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer

LINES = ["the cat sat on the mat", "the dog ran to the door", "a bird sang in the tree"]
SHAPE: dict[str, Any] = {
    "layers": 2, "heads": 2, "kv_heads": 1, "d_model": 16, "head_dim": 8, "d_ff": 24,
}  # fmt: skip


def tiny_run(
    home: Home,
    name: str,
    kind: str = "word",
    reading: str = "lines",
    *,
    context: int = 32,
    seed: int = 0,
    snapshots: tuple[int, ...] = (),
) -> Run:
    """A run whose model never ends a text by itself: its greedy replies take all their tokens."""
    text = {"name": name, "size": 1, "sha256": "0", "reading": reading}
    text |= {"encoding": "utf-8", "errors": "strict"}
    record = {"corpus": text, "train": {}, "model": {}, "seed": seed, "parent": None}
    run = store.create(home, name, record)
    tokenizer = Tokenizer.train(kind, LINES)
    tokenizer.save(run.folder)
    config = ModelConfig(vocab_size=tokenizer.vocab_size, context=context, **SHAPE)
    write_json(run.config, hf_config(config))
    write_json(run.generation_config, generation_config(config))
    write_weights(run, config, seed)
    for step in snapshots:
        run.snapshot_weights(step).parent.mkdir(parents=True)
        replace_tensors(run.snapshot_weights(step), state_dict.to_stored(tiny_model(config, step)))
    return run


def write_weights(run: Run, config: ModelConfig, seed: int) -> None:
    """Replaces the newest weights, as a trainer does."""
    replace_tensors(run.weights, state_dict.to_stored(tiny_model(config, seed)))


@torch.no_grad()
def tiny_model(config: ModelConfig, seed: int) -> Any:
    """A model with weights far enough from zero that its choices differ from place to place."""
    model = factory.build_model(config, seed)
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.normal_(0.0, 0.5, generator=generator)
    model.get_parameter("embedding.weight")[EOS] = 0.0
    return model
