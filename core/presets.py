"""Sizes by name: what each preset fixes before the text and the device have their say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import NotFoundError

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One setting of the dial.

    Attributes:
        description: one line for a list.
        model: fields of ModelConfig; vocabulary and, for lines, context come from the text.
        train: fields of TrainConfig that are used where the user chose none.
        windows: windows of `context` tokens in a batch of running text.
        vocabulary: most tokens of a byte-level BPE worth its embeddings at this size.
    """

    description: str
    model: Mapping[str, Any]
    train: Mapping[str, Any] = field(default_factory=dict)
    windows: int = 16
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


def _training(rate: float, beta2: float) -> dict[str, Any]:
    return {
        "optimizer": "adamw",
        "learning_rate": rate,
        "schedule": "linear",
        "beta2": beta2,
        "weight_decay": 0.1,
        "clip": 1.0,
        "dropout": 0.0,
    }


PRESETS: Mapping[str, Preset] = {
    "tutorial": Preset(
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
            "learning_rate": 1e-4,
            "schedule": "constant",
            "warmup_steps": 0,
            "beta2": 0.999,
            "weight_decay": 0.0,
            "clip": 0.0,
            "dropout": 0.0,
            "batch_size": 3,
            "steps": 500,
        },
        windows=3,
        vocabulary=4096,
    ),
    "tiny": Preset(
        description="under 1 M parameters: seconds to minutes on a laptop",
        model=_modern(4, 4, 128, 344, 128),
        train=_training(3e-3, 0.99),
        windows=32,
        vocabulary=2048,
    ),
    "small": Preset(
        description="about 3 M parameters: minutes on a laptop",
        model=_modern(6, 6, 192, 512, 256),
        train=_training(2e-3, 0.99),
        windows=16,
        vocabulary=4096,
    ),
    "medium": Preset(
        description="about 11 M parameters: an hour on a laptop, minutes on a GPU",
        model=_modern(6, 6, 384, 1024, 256),
        train=_training(1e-3, 0.99),
        windows=32,
        vocabulary=8192,
    ),
    "large": Preset(
        description="about 30 M parameters: for a GPU and tens of megabytes of text",
        model=_modern(8, 8, 512, 1408, 512),
        train=_training(6e-4, 0.95),
        windows=48,
        vocabulary=16384,
    ),
    "xl": Preset(
        description="about 124 M parameters, as GPT-2 small: for a GPU and much text",
        model=_modern(12, 12, 768, 2560, 1024),
        train=_training(4e-4, 0.95),
        windows=64,
        vocabulary=32768,
    ),
}


def preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        NotFoundError: there is none; the nearest are named.
    """
    if name not in PRESETS:
        raise NotFoundError("preset", name, [AUTO, *PRESETS], f"Presets: {_names()}.")
    return PRESETS[name]


def _names() -> str:
    return ", ".join([AUTO, *PRESETS])
