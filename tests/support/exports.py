"""Runs to export, and what our own decoding says of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from core.config.configs import ModelConfig
from core.export.export import export_run
from core.export.plan import plan_export
from core.export.report import ExportReport
from core.inference.load import LoadedModel
from core.inference.sampling import remove_special
from core.inference.session import Session
from core.model import state_dict
from core.model.factory import build_model
from core.model.safetensors_io import replace_tensors
from core.paths import Home
from core.run.directory import Run
from core.run.model_files import hf_config, read_model_config
from core.system.files import write_json
from core.tokenizer.special_tokens import EOS
from tests.support.runs import tiny_run

KINDS = ("word", "char", "bpe")
READINGS = ("lines", "text", "conversations")


def exported_run(folder: Path, kind: str = "word", reading: str = "lines", **options: Any) -> Run:
    """A tiny run with two query heads that share keys and values."""
    home = Home(root=folder, cache=folder / "cache")
    return tiny_run(home, f"{kind}-{reading}", kind, reading, **{"context": 64, **options})


def change_model(run: Run, **fields: Any) -> ModelConfig:
    """Give a run random weights of another shape."""
    config = dataclasses.replace(read_model_config(run.config), **fields)
    write_json(run.config, hf_config(config))
    model = build_model(config, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            values = torch.empty_like(weight).normal_(0.0, 0.4, generator=generator)
            weight.copy_(values if weight.dim() > 1 else 1 + values)
    replace_tensors(run.weights, state_dict.to_stored(model))
    return config


def export(run: Run, target: str, out: Path, **options: Any) -> ExportReport:
    """Export a run as the command does."""
    return export_run(plan_export(run, "last", target, out=out, **options))


def greedy_ids(loaded: LoadedModel, ids: list[int], count: int) -> list[int]:
    """Our greedy continuation, as long as the text does not end."""
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(ids)
    new: list[int] = []
    while len(new) < count:
        logits = remove_special(session.next_logits()[0], loaded.tokenizer.never_generated)
        id = int(logits.argmax())
        if id == EOS:
            break
        new.append(id)
        session.extend([id])
    return new
