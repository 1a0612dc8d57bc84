"""How large a model is, by arithmetic alone: before anything is built, and without torch.

Shapes: B batch, T tokens of a row, D width, F inner size of the feed-forward, V vocabulary.

How much of a batch is in memory at once: pieces that fit, before anything is tried.

Arithmetic alone; what happens where the arithmetic was wrong is `core.train.update`'s.

Which steps' weights are kept for looking back: 0 1 2 4 8 …, within a budget. Arithmetic only.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import InputError, SettingsError

FLOAT32_BYTES = 4  # bytes
# Weight, gradient and the two running means of Adam; fused updates need no further copy.
FLOATS_PER_PARAMETER = 4


def check_architecture(config: ModelConfig) -> None:
    """Refuse what the tutorial's decoder does not have, rather than ignore it.

    Raises:
        SettingsError: all such fields.
    """
    if config.architecture != "tutorial":
        return
    fixed = {"kv_heads": config.heads, "activation": "relu", "tie_embeddings": False}
    problems = {
        name: f"is {value} in the tutorial's decoder, not {getattr(config, name)}"
        for name, value in fixed.items()
        if getattr(config, name) != value
    }
    if problems:
        raise SettingsError(problems, "Another preset leaves them free.")


def count_parameters(config: ModelConfig) -> int:
    """Trained numbers of the model; a tied embedding counts once."""
    if config.architecture == "tutorial":
        return _tutorial_parameters(config)
    width, head = config.d_model, config.head_dim
    attention = width * head * (2 * config.heads + 2 * config.kv_heads) + 2 * head
    block = attention + 3 * width * config.d_ff + 2 * width
    tables = config.vocab_size * width * (1 if config.tie_embeddings else 2)
    return tables + config.layers * block + width


def _tutorial_parameters(config: ModelConfig) -> int:
    width, inner = config.d_model, config.heads * config.head_dim
    attention = 3 * inner * (width + 1) + width * (inner + 1)
    feed_forward = config.d_ff * (width + 1) + width * (config.d_ff + 1)
    norms = 4 * 2 * width
    tables = (config.vocab_size + config.context) * width
    projection = config.vocab_size * (width + 1)
    return tables + config.layers * (attention + feed_forward + norms) + projection


def training_bytes(
    config: ModelConfig, batch: int, context: int, *, recompute: bool = False
) -> int:
    """Memory that training with Adam in float32 takes, about; bfloat16 takes less.

    Args:
        config: the model.
        batch: rows that are in memory at once.
        context: tokens of a row.
        recompute: whether of each layer only what goes into it is kept.
    """
    state = FLOATS_PER_PARAMETER * count_parameters(config)
    # The backward pass works on one layer's gradients beside what all layers have left it; at
    # its start the log-softmax of the logits and two gradients of that size are alive together.
    kept = config.d_model if recompute else activation_floats_per_layer(config)
    token = config.layers * kept + activation_floats_per_layer(config) + 3 * config.vocab_size
    return FLOAT32_BYTES * (state + batch * context * token)


def activation_floats_per_layer(config: ModelConfig) -> int:
    """What one token leaves in one layer for the backward pass, beyond a few numbers a head."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    if config.architecture == "tutorial":
        return 6 * config.d_model + 4 * queries + config.d_ff
    return 4 * config.d_model + 4 * queries + 3 * keys + 4 * config.d_ff


TRAINING_MEMORY_SHARE = 0.7
GIB = 2**30


@dataclass(frozen=True)
class BatchFit:
    """How a batch is worked through.

    Attributes:
        pieces: it is cut into so many, one in memory at a time.
        recompute: whether activations are computed again in the backward pass, not kept.
    """

    pieces: int
    recompute: bool

    @property
    def reasons(self) -> list[str]:
        """What to say of it; nothing where the batch fits as it is."""
        said = []
        if self.pieces > 1:
            said.append(f"each batch in {self.pieces} pieces: one is in memory at a time")
        if self.recompute:
            said.append("activations are computed twice: there is no room to keep them")
        return said


def fit_batch(model: ModelConfig, rows: int, least: BatchFit, device: DeviceFacts) -> BatchFit:
    """The fewest pieces that take at most 70 % of the free memory, none smaller than a row.

    Halving comes first, as it costs little; computing activations twice costs a third of a step.

    Args:
        rows: samples of an update on one device.
        least: what was asked for; more pieces are made of it, never fewer.

    Raises:
        InputError: not even one row fits.
    """
    room = device.free_memory * TRAINING_MEMORY_SHARE
    needed = 0
    for recompute in dict.fromkeys((least.recompute, True)):
        pieces = min(least.pieces, rows)
        while (needed := _bytes(model, rows, pieces, recompute)) > room and pieces < rows:
            pieces = min(2 * pieces, rows)
        if needed <= room:
            return BatchFit(pieces, recompute)
    raise InputError(
        f"This model needs about {needed / GIB:.1f} GiB to train; of the "
        f"{device.free_memory / GIB:.1f} GiB free on {device.device}, "
        f"{TRAINING_MEMORY_SHARE:.0%} are for training.",
        "Choose a smaller preset, a shorter context (--set context=N) or free some memory.",
    )


def micro_batch_rows(config: TrainConfig) -> int:
    """Samples that are in the memory of one device at a time."""
    assert config.batch_size is not None
    return -(-config.batch_size // (max(1, config.devices) * config.accumulation))


def _bytes(model: ModelConfig, rows: int, pieces: int, recompute: bool) -> int:
    return training_bytes(model, -(-rows // pieces), model.context, recompute=recompute)


MAX_SNAPSHOTS = 20
SNAPSHOT_DISK_SHARE = 0.05
FLOAT32_BYTES = 4  # bytes of a stored number


def snapshot_limit(bytes_each: int, free: int) -> int:
    """How many snapshots of this size are kept: at most 20, in at most 5 % of the free disk."""
    return min(MAX_SNAPSHOTS, int(free * SNAPSHOT_DISK_SHARE) // max(1, bytes_each))


def snapshot_steps(total_steps: int, limit: int = MAX_SNAPSHOTS) -> list[int]:
    """At most `limit` of the steps 0 1 2 4 8 … below or at `total_steps`, in order.

    Where they are too many, the earliest go, as most is learnt later; step 0 stays.
    """
    if limit <= 0:
        return []
    powers = [1 << exponent for exponent in range(total_steps.bit_length())]
    return [0, *powers[max(0, len(powers) - limit + 1) :]]


def run_disk_bytes(parameters: int, steps: int | None, free: int) -> int:
    """What a run takes on the disk: two checkpoints of weights and two moments, best, snapshots.

    Args:
        steps: of the training; None where no snapshots are kept, or their number is not known.
        free: bytes of the disk.
    """
    weights = FLOAT32_BYTES * parameters
    kept = len(snapshot_steps(steps, snapshot_limit(weights, free))) if steps else 0
    return (2 * 3 + 1 + kept) * weights
