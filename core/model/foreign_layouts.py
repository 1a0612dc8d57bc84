"""The stored tensors of GPT-2 and GPT-NeoX, and names that files of other programs may have.

Files of `transformers` also hold masks and tables that are no weights, a copy of a tied embedding,
or names without the prefix of the whole model, if only its base was saved.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from core.config.configs import GPT2, GPT_NEOX, ModelConfig
from core.model.stored_tensors import TensorLayout, TensorSlice, with_bias

ValueT = TypeVar("ValueT")

NO_WEIGHT = re.compile(
    r"\.attn\.(bias|masked_bias)"
    r"|\.attention\.(bias|masked_bias)"
    r"|rotary_emb\.(inv_freq|cos_cached|sin_cached)"
)
OUTPUT_NAMES = ("lm_head.weight", "embed_out.weight")
BASE_PREFIXES = {GPT2: "transformer.", GPT_NEOX: "gpt_neox."}


def gpt2_layout(config: ModelConfig) -> TensorLayout:
    """GPT-2 (Radford et al. 2019): linear maps are stored transposed, as `Conv1D`."""
    layout: TensorLayout = {
        "embedding.weight": (TensorSlice("transformer.wte.weight"),),
        "positions.weight": (TensorSlice("transformer.wpe.weight"),),
    }
    for layer in range(config.layers):
        ours, theirs = f"blocks.{layer}", f"transformer.h.{layer}"
        layout |= with_bias(f"{ours}.attention_norm", f"{theirs}.ln_1")
        layout |= with_bias(f"{ours}.attention.qkv", f"{theirs}.attn.c_attn", "transposed")
        layout |= with_bias(f"{ours}.attention.out", f"{theirs}.attn.c_proj", "transposed")
        layout |= with_bias(f"{ours}.feed_forward_norm", f"{theirs}.ln_2")
        layout |= with_bias(f"{ours}.feed_forward.up", f"{theirs}.mlp.c_fc", "transposed")
        layout |= with_bias(f"{ours}.feed_forward.down", f"{theirs}.mlp.c_proj", "transposed")
    layout |= with_bias("norm", "transformer.ln_f")
    if not config.tie_embeddings:
        layout["output.weight"] = (TensorSlice("lm_head.weight"),)
    return layout


def gpt_neox_layout(config: ModelConfig) -> TensorLayout:
    """GPT-NeoX (Black et al. 2022), the layout of Pythia."""
    layout: TensorLayout = {"embedding.weight": (TensorSlice("gpt_neox.embed_in.weight"),)}
    for layer in range(config.layers):
        ours, theirs = f"blocks.{layer}", f"gpt_neox.layers.{layer}"
        attention = with_bias(
            f"{ours}.attention.qkv",
            f"{theirs}.attention.query_key_value",
            "interleaved",
            config.heads,
        ) | with_bias(f"{ours}.attention.out", f"{theirs}.attention.dense")
        if not config.attention_bias:
            attention = {name: part for name, part in attention.items() if "bias" not in name}
        layout |= attention
        layout |= with_bias(f"{ours}.attention_norm", f"{theirs}.input_layernorm")
        layout |= with_bias(f"{ours}.feed_forward_norm", f"{theirs}.post_attention_layernorm")
        layout |= with_bias(f"{ours}.feed_forward.up", f"{theirs}.mlp.dense_h_to_4h")
        layout |= with_bias(f"{ours}.feed_forward.down", f"{theirs}.mlp.dense_4h_to_h")
    layout |= with_bias("norm", "gpt_neox.final_layer_norm")
    if not config.tie_embeddings:
        layout["output.weight"] = (TensorSlice("embed_out.weight"),)
    return layout


def pick_weights(
    config: ModelConfig, expected: Collection[str], tensors: Mapping[str, ValueT]
) -> dict[str, ValueT]:
    """The tensors of a file by their expected names, without those that are no weights.

    Args:
        expected: the names that the layout has; other names stay as they are.
    """
    prefix = BASE_PREFIXES.get(config.architecture, "model.")
    picked: dict[str, ValueT] = {}
    for name, value in tensors.items():
        if name not in expected:
            is_copy = name in OUTPUT_NAMES and config.tie_embeddings
            if is_copy or NO_WEIGHT.search(name):
                continue
            if prefix + name in expected and prefix + name not in tensors:
                picked[prefix + name] = value
                continue
        picked[name] = value
    return picked
