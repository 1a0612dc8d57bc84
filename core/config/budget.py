"""Arithmetic before anything is built: parameters, memory, micro-batches, snapshots and disk.

Shapes: B batch, T tokens of a row, D width, F inner size of the feed-forward, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.config.configs import GPT2, GPT_NEOX, LLAMA, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import InputError, SettingsError

GIB = 2**30
FLOAT32_BYTES = 4
# Weight, gradient and the two running means of Adam; fused updates need no further copy.
FLOATS_PER_PARAMETER = 4
TRAINING_MEMORY_SHARE = 0.7  # of the free memory
MAX_SNAPSHOTS = 20
SNAPSHOT_DISK_SHARE = 0.05  # of the free disk


# Fields in which only models of some architectures differ, with their value in all others.
VARIANT_FIELDS = {
    "attention_bias": False,
    "mlp_bias": False,
    "rotary_share": 1.0,
    "parallel_residual": False,
}
OPEN_VARIANT_FIELDS = {
    "qwen3": {"attention_bias"},
    LLAMA: {"attention_bias", "mlp_bias"},
    GPT_NEOX: {"attention_bias", "rotary_share", "parallel_residual"},
}


def check_architecture(config: ModelConfig) -> None:
    """Reject settings that models of this architecture do not have.

    Raises:
        SettingsError: all such fields.
    """
    problems = {
        name: f"must be {value} for the {config.architecture} architecture, "
        f"is {getattr(config, name)}"
        for name, value in _fixed_fields(config).items()
        if getattr(config, name) != value
    }
    if problems:
        raise SettingsError(problems, "Choose another preset to change them.")


def _fixed_fields(config: ModelConfig) -> dict[str, Any]:
    """The fields that have one value in all models of this architecture."""
    is_open = OPEN_VARIANT_FIELDS.get(config.architecture, set())
    fixed: dict[str, Any] = {
        name: value for name, value in VARIANT_FIELDS.items() if name not in is_open
    }
    if config.is_tutorial:
        fixed |= {"kv_heads": config.heads, "activation": "relu", "tie_embeddings": False}
    if config.architecture in (GPT2, GPT_NEOX):
        head_dim = max(1, config.d_model // config.heads)
        fixed |= {"kv_heads": config.heads, "head_dim": head_dim, "mlp_bias": True}
    if config.architecture == GPT2:
        fixed["attention_bias"] = True
    return fixed


def count_parameters(config: ModelConfig) -> int:
    """Trained parameters of the model; a tied embedding counts once."""
    if config.is_tutorial:
        return _count_tutorial_parameters(config)
    width, head = config.d_model, config.head_dim
    attention = width * head * (2 * config.heads + 2 * config.kv_heads)
    attention += 2 * head if config.has_qk_norm else 0
    attention += head * (config.heads + 2 * config.kv_heads) if config.has_qkv_bias else 0
    attention += width if config.attention_bias else 0
    maps = 3 if config.has_gate else 2
    feed_forward = maps * width * config.d_ff
    feed_forward += (maps - 1) * config.d_ff + width if config.mlp_bias else 0
    norm = 2 * width if config.has_layer_norm else width
    tables = config.vocab_size * width
    tables += config.context * width if config.has_learned_positions else 0
    projection = 0 if config.tie_embeddings else config.vocab_size * width
    if config.labels:
        projection = _count_label_head_parameters(config)
    return tables + config.layers * (attention + feed_forward + 2 * norm) + norm + projection


def _count_tutorial_parameters(config: ModelConfig) -> int:
    width, inner = config.d_model, config.heads * config.head_dim
    attention = 3 * inner * (width + 1) + width * (inner + 1)
    feed_forward = config.d_ff * (width + 1) + width * (config.d_ff + 1)
    # The encoder has half of the decoder's norms, and computes its positions.
    norms = (2 if config.is_encoder else 4) * 2 * width
    tables = (config.vocab_size + (0 if config.is_encoder else config.context)) * width
    projection = config.vocab_size * (width + 1)
    if config.labels:
        projection = _count_label_head_parameters(config)
    return tables + config.layers * (attention + feed_forward + norms) + projection


def _count_label_head_parameters(config: ModelConfig) -> int:
    width = config.d_model
    return width * (width + 1) + config.labels * (width + 1)


def activation_floats_per_layer(config: ModelConfig) -> int:
    """Numbers per token that one layer keeps for the backward pass; a few per head left out."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    if config.is_tutorial:
        return 6 * config.d_model + 4 * queries + config.d_ff
    return 4 * config.d_model + 4 * queries + 3 * keys + 4 * config.d_ff


def training_bytes(
    config: ModelConfig, batch: int, context: int, *, recompute: bool = False
) -> int:
    """Estimated memory of training with Adam in float32; bfloat16 takes less.

    Args:
        config: the model.
        batch: rows of a micro-batch.
        context: tokens per row.
        recompute: whether only the input of each layer is kept for the backward pass.
    """
    state = FLOATS_PER_PARAMETER * count_parameters(config)
    # The backward pass works on one layer's gradients beside what all layers have saved; at
    # its start the log-softmax of the logits and two gradients of that size are alive together.
    saved = config.d_model if recompute else activation_floats_per_layer(config)
    token = config.layers * saved + activation_floats_per_layer(config) + 3 * config.vocab_size
    return FLOAT32_BYTES * (state + batch * context * token)


@dataclass(frozen=True)
class BatchFit:
    """How a batch is made to fit into memory.

    Attributes:
        micro_batches: parts it is split into, one of which is in memory at a time.
        recompute: whether activations are recomputed in the backward pass instead of kept.
    """

    micro_batches: int
    recompute: bool

    @property
    def reasons(self) -> list[str]:
        """Explanations for the user; none if the batch fits as it is."""
        reasons = []
        if self.micro_batches > 1:
            reasons.append(f"each batch in {self.micro_batches} micro-batches (to save memory)")
        if self.recompute:
            reasons.append("activations recomputed in the backward pass (to save memory)")
        return reasons


def fit_batch(model: ModelConfig, rows: int, least: BatchFit, device: DeviceFacts) -> BatchFit:
    """The fewest micro-batches that take at most 70 % of the free memory.

    Splitting comes before recomputing: it costs little, while recomputing costs a third of a step.

    Args:
        rows: samples per update on one device.
        least: the user's settings; more micro-batches may be used, never fewer.

    Raises:
        InputError: not even one row fits.
    """
    limit = device.free_memory * TRAINING_MEMORY_SHARE
    needed = 0
    for recompute in dict.fromkeys((least.recompute, True)):
        parts = min(least.micro_batches, rows)
        while True:
            part_rows = -(-rows // parts)
            needed = training_bytes(model, part_rows, model.context, recompute=recompute)
            if needed <= limit:
                return BatchFit(parts, recompute)
            if parts >= rows:
                break
            parts = min(2 * parts, rows)
    raise InputError(
        f"This model needs about {needed / GIB:.1f} GiB to train; {TRAINING_MEMORY_SHARE:.0%} of "
        f"the {device.free_memory / GIB:.1f} GiB free on {device.device} may be used.",
        "Choose a smaller preset, a shorter context (--set context=N) or free some memory.",
    )


def micro_batch_rows(config: TrainConfig) -> int:
    """Rows of a micro-batch on one device."""
    assert config.batch_size is not None
    return -(-config.batch_size // (max(1, config.devices) * config.accumulation))


def snapshot_limit(bytes_each: int, free: int) -> int:
    """How many snapshots of this size to keep: at most 20, in at most 5 % of the free disk."""
    return min(MAX_SNAPSHOTS, int(free * SNAPSHOT_DISK_SHARE) // max(1, bytes_each))


def snapshot_steps(total_steps: int, limit: int = MAX_SNAPSHOTS) -> list[int]:
    """At most `limit` of the steps 0, 1, 2, 4, 8 … up to `total_steps`, in order.

    If they are too many, the smallest are left out except step 0: most is learnt later.
    """
    if limit <= 0:
        return []
    powers = [1 << exponent for exponent in range(total_steps.bit_length())]
    return [0, *powers[max(0, len(powers) - limit + 1) :]]


def run_disk_bytes(parameters: int, steps: int | None, free: int) -> int:
    """Disk of a run: two checkpoints (weights, two moments), the best weights and the snapshots.

    Args:
        steps: of the whole training; None if no snapshots are kept or it is not known yet.
        free: bytes of the disk.
    """
    weights = FLOAT32_BYTES * parameters
    snapshots = len(snapshot_steps(steps, snapshot_limit(weights, free))) if steps else 0
    return (2 * 3 + 1 + snapshots) * weights
