"""How large a model is, by arithmetic alone: before anything is built, and without torch.

Shapes: B batch, T tokens of a row, D width, F inner size of the feed-forward, V vocabulary.
"""

from __future__ import annotations

from core.config.configs import ModelConfig
from core.errors import SettingsError

FLOAT = 4  # bytes
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
    kept = config.d_model if recompute else floats_per_layer(config)
    token = config.layers * kept + floats_per_layer(config) + 3 * config.vocab_size
    return FLOAT * (state + batch * context * token)


def floats_per_layer(config: ModelConfig) -> int:
    """What one token leaves in one layer for the backward pass, beyond a few numbers a head."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    if config.architecture == "tutorial":
        return 6 * config.d_model + 4 * queries + config.d_ff
    return 4 * config.d_model + 4 * queries + 3 * keys + 4 * config.d_ff
