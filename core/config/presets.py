"""Presets: named sizes with the training settings that suit them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.config.configs import AUTO
from core.errors import NotFoundError


@dataclass(frozen=True, kw_only=True)
class SizePreset:
    """A model size and how it is trained.

    Attributes:
        description: one line for a list.
        model: fields of ModelConfig; vocabulary and, for lines, context come from the text.
        train: fields of TrainConfig, used where the user chose none.
        train_on_lines: fields that differ where the samples are lines.
        learning_rates: by optimizer.
        batch_tokens: tokens per batch of running text.
        min_line_steps: updates on lines, however few they are.
        epochs: over running text that is long enough.
        max_vocab_size: tokens of a byte-level BPE worth their embeddings at this size.
    """

    description: str
    model: Mapping[str, Any]
    train: Mapping[str, Any] = field(default_factory=dict)
    train_on_lines: Mapping[str, Any] = field(default_factory=dict)
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    batch_tokens: int = 4096
    min_line_steps: int = 150
    epochs: float = 8.0
    max_vocab_size: int = 16384


def _modern_shape(layers: int, heads: int, d_model: int, d_ff: int, context: int) -> dict[str, Any]:
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


def _tutorial_shape(architecture: str) -> dict[str, Any]:
    return {
        "architecture": architecture,
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
    }


def _learning_rates(adam: float, muon: float = 0.06) -> dict[str, float]:
    return {"adam": adam, "adamw": adam, "muon": muon}


def _train_fields(optimizer: str, beta2: float) -> dict[str, Any]:
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
        description="the tutorial's decoder and training: 19 M parameters, 500 steps",
        model=_tutorial_shape("tutorial"),
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
        learning_rates=_learning_rates(1e-4),
        batch_tokens=3 * 128,
        max_vocab_size=4096,
    ),
    "tiny": SizePreset(
        description="under 1 M parameters: seconds to minutes on a laptop",
        model=_modern_shape(4, 4, 128, 344, 128),
        train=_train_fields("muon", 0.95),
        # On short lines, Muon's own matrix products would take half of a step.
        train_on_lines={"optimizer": "adamw", "beta2": 0.99},
        learning_rates=_learning_rates(3e-3),
        batch_tokens=1024,
        epochs=2.0,
        max_vocab_size=2048,
    ),
    "small": SizePreset(
        description="about 3 M parameters: minutes on a laptop",
        model=_modern_shape(6, 6, 192, 512, 256),
        train=_train_fields("adamw", 0.99),
        learning_rates=_learning_rates(2e-3),
        batch_tokens=16 * 256,
        max_vocab_size=4096,
    ),
    "medium": SizePreset(
        description="about 11 M parameters: an hour on a laptop, minutes on a GPU",
        model=_modern_shape(6, 6, 384, 1024, 256),
        train=_train_fields("adamw", 0.99),
        learning_rates=_learning_rates(1e-3),
        batch_tokens=32 * 256,
        max_vocab_size=8192,
    ),
    "large": SizePreset(
        description="about 30 M parameters: for a GPU and tens of megabytes of text",
        model=_modern_shape(8, 8, 512, 1408, 512),
        train=_train_fields("adamw", 0.95),
        learning_rates=_learning_rates(6e-4),
        batch_tokens=48 * 512,
        max_vocab_size=16384,
    ),
    "xl": SizePreset(
        description="about 124 M parameters, like GPT-2 small: for a GPU and a lot of text",
        model=_modern_shape(12, 12, 768, 2560, 1024),
        train=_train_fields("adamw", 0.95),
        learning_rates=_learning_rates(4e-4),
        batch_tokens=64 * 1024,
        max_vocab_size=32768,
    ),
    "encoder-modern": SizePreset(
        description="fills in blanks, with the modern decoder's layers: under 1 M parameters",
        # Attention starts evenly spread. The fewer tokens there are, and the more the angles of
        # neighbours differ, the earlier a token finds its neighbours (docs/training_log.md).
        model={
            **_modern_shape(4, 4, 128, 344, 64),
            "architecture": "eurobert",
            "rope_theta": 100.0,
        },
        train={**_train_fields("muon", 0.95), "mask_share": 0.4},
        learning_rates=_learning_rates(3e-3, muon=0.03),
        batch_tokens=1024,
        epochs=6.0,
        max_vocab_size=2048,
    ),
    "encoder": SizePreset(
        description="fills in blanks, with the tutorial's encoder layers: under 1 M parameters",
        model={
            **_tutorial_shape("tutorial-encoder"),
            "layers": 2,
            "heads": 4,
            "kv_heads": 4,
            "d_model": 128,
            "head_dim": 32,
            "d_ff": 512,
            "context": 32,
        },
        train={**_train_fields("adamw", 0.98), "mask_share": 0.4},
        learning_rates=_learning_rates(3e-3, muon=0.03),
        batch_tokens=512,
        min_line_steps=400,
        epochs=12.0,
        max_vocab_size=2048,
    ),
}


def get_preset(name: str) -> SizePreset:
    """The preset of this name.

    Raises:
        NotFoundError: there is none; the hint lists all.
    """
    if name not in PRESETS:
        names = [AUTO, *PRESETS]
        raise NotFoundError("preset", name, names, f"Presets: {', '.join(names)}.")
    return PRESETS[name]
