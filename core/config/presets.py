"""Sizes by name: what each preset fixes before the text and the device have their say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import NotFoundError

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class SizePreset:
    """One setting of the dial.

    Attributes:
        description: one line for a list.
        model: fields of ModelConfig; vocabulary and, for lines, context come from the text.
        train: fields of TrainConfig that are used where the user chose none.
        lines: those of them that are others where the samples are lines.
        rates: the learning rate that suits each optimizer.
        batch_tokens: tokens in a batch of running text.
        passes: over running text that is long enough.
        vocabulary: most tokens of a byte-level BPE worth its embeddings at this size.
    """

    description: str
    model: Mapping[str, Any]
    train: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, Any] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    batch_tokens: int = 4096
    passes: float = 8.0
    vocabulary: int = 16384


def _modern(layers: int, heads: int, d_model: int, d_ff: int, context: int) -> dict[str, Any]:
    return {
        "architecture": "qwen3",
        "layers": layers,
        "heads": heads,
        "kv_heads": heads,
        "d_model": d_model,
        "head_dim": d_model // heads,
        "d_ff": d_ff,
        "context": context,
    }


def _rates(adam: float, muon: float = 0.06) -> dict[str, float]:
    return {"adam": adam, "adamw": adam, "muon": muon}


def _training(optimizer: str, beta2: float) -> dict[str, Any]:
    return {
        "optimizer": optimizer,
        "schedule": "linear",
        "beta2": beta2,
        "weight_decay": 0.1,
        "clip": 1.0,
        "dropout": 0.0,
    }


PRESETS: Mapping[str, SizePreset] = {
    "tutorial": SizePreset(
        description="the tutorial's decoder and training, 19 M parameters, 500 steps",
        model={
            "architecture": "tutorial",
            "layers": 6,
            "heads": 8,
            "kv_heads": 8,
            "d_model": 512,
            "head_dim": 64,
            "d_ff": 2048,
            "context": 128,
            "activation": "relu",
            "tie_embeddings": False,
            "norm_eps": 1e-5,
        },
        train={
            "optimizer": "adam",
            "schedule": "constant",
            "warmup_steps": 0,
            "beta2": 0.999,
            "weight_decay": 0.0,
            "clip": 0.0,
            "dropout": 0.0,
            "batch_size": 3,
            "steps": 500,
        },
        rates=_rates(1e-4),
        batch_tokens=3 * 128,
        vocabulary=4096,
    ),
    "tiny": SizePreset(
        description="under 1 M parameters: seconds to minutes on a laptop",
        model=_modern(4, 4, 128, 344, 128),
        train=_training("muon", 0.95),
        # A batch of short lines is so quick that Muon's own products would be half of the step.
        lines={"optimizer": "adamw", "beta2": 0.99},
        rates=_rates(3e-3),
        batch_tokens=1024,
        passes=2.0,
        vocabulary=2048,
    ),
    "small": SizePreset(
        description="about 3 M parameters: minutes on a laptop",
        model=_modern(6, 6, 192, 512, 256),
        train=_training("adamw", 0.99),
        rates=_rates(2e-3),
        batch_tokens=16 * 256,
        vocabulary=4096,
    ),
    "medium": SizePreset(
        description="about 11 M parameters: an hour on a laptop, minutes on a GPU",
        model=_modern(6, 6, 384, 1024, 256),
        train=_training("adamw", 0.99),
        rates=_rates(1e-3),
        batch_tokens=32 * 256,
        vocabulary=8192,
    ),
    "large": SizePreset(
        description="about 30 M parameters: for a GPU and tens of megabytes of text",
        model=_modern(8, 8, 512, 1408, 512),
        train=_training("adamw", 0.95),
        rates=_rates(6e-4),
        batch_tokens=48 * 512,
        vocabulary=16384,
    ),
    "xl": SizePreset(
        description="about 124 M parameters, as GPT-2 small: for a GPU and much text",
        model=_modern(12, 12, 768, 2560, 1024),
        train=_training("adamw", 0.95),
        rates=_rates(4e-4),
        batch_tokens=64 * 1024,
        vocabulary=32768,
    ),
}


def get_preset(name: str) -> SizePreset:
    """The preset of this name.

    Raises:
        NotFoundError: there is none; the nearest are named.
    """
    if name not in PRESETS:
        raise NotFoundError("preset", name, [AUTO, *PRESETS], f"Presets: {_names()}.")
    return PRESETS[name]


def _names() -> str:
    return ", ".join([AUTO, *PRESETS])
