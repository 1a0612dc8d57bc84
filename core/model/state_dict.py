"""Weights as stored tensors: conversion between the layout on disk and in memory.

On disk, the modern models have the names and shapes of `transformers`' Qwen3 and EuroBERT, those of
other programs their own, and the tutorial's those of the tutorial (with the third dimension of its
convolutions). In memory, matrices that are multiplied with the same input are one. Only this module
and `core.model.foreign_layouts` have both layouts.

Shapes: D width, F inner size of the feed-forward, H heads, G key/value heads, K head size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from core.config.configs import GPT2, GPT_NEOX, ModelConfig
from core.errors import DamagedError, RunFailedError
from core.model.foreign_layouts import gpt2_layout, gpt_neox_layout, pick_weights
from core.model.language_model import LanguageModel
from core.model.stored_tensors import Shape, TensorLayout, TensorSlice, with_bias

MAX_NAMES_LISTED = 8  # in an error
VOCABULARY_PARAMETERS = ("embedding.weight", "output.weight", "output.bias")  # a row per token
# The stored heads of all encoders: to the vocabulary, or to labels.
HEAD_TENSORS = frozenset(
    {
        "lm_head.weight",
        *("projection.weight", "projection.bias"),
        *("dense.weight", "dense.bias", "classifier.weight", "classifier.bias"),
    }
)


def to_stored(model: LanguageModel) -> dict[str, Tensor]:
    """Every weight as a stored tensor: a contiguous float32 copy on the CPU.

    Copies, so that training can continue while they are written.
    """
    return {
        name: view.detach().to("cpu", torch.float32, copy=True).reshape(shape).contiguous()
        for name, (view, shape) in _stored_views(model).items()
    }


def load_stored(
    model: LanguageModel, tensors: Mapping[str, Tensor], where: object = "model.safetensors"
) -> None:
    """Set every weight of `model`, keeping its precision and device.

    Args:
        where: the file of the tensors, for errors.

    Raises:
        DamagedError: a tensor is missing, unknown, of another shape or not of a floating-point
            type; all are listed, and the model is unchanged.
        RunFailedError: a weight is not finite; the model is unchanged.
    """
    targets = _stored_views(model)
    shapes = {name: shape for name, (_, shape) in targets.items()}
    tensors = pick_weights(model.config, shapes, tensors)
    if problems := _find_problems(shapes, tensors):
        raise DamagedError(
            f"{where} does not match the run's config.json: {'; '.join(problems)}.",
            "Both must come from the same run.",
        )
    if name := find_nonfinite(tensors):
        raise RunFailedError(
            f"The weights of {where} hold numbers that are not finite, in {name}: the training "
            "diverged, or the file is damaged.",
            "Use an earlier snapshot (RUN@STEP), or train again with a lower learning rate.",
        )
    with torch.no_grad():
        for name, (target, _) in targets.items():
            target.copy_(tensors[name].view(target.shape))


def extend_vocabulary(
    model: LanguageModel, tensors: Mapping[str, Tensor], count: int, seed: int
) -> dict[str, Tensor]:
    """The stored tensors of a model that lacks the last `count` tokens of `model`, with those.

    Their rows of the embedding and of the output projection are drawn from the normal distribution
    of the other rows, so that they are like them in scale.

    Args:
        tensors: returned unchanged unless exactly `count` rows are missing.
        seed: of the new rows.
    """
    generator = torch.Generator().manual_seed(seed)
    extended = dict(tensors)
    for parameter, (part, *_) in tensor_layout(model.config).items():
        rows = extended.get(part.name)
        if parameter not in VOCABULARY_PARAMETERS or rows is None or not rows.dim():
            continue
        if len(rows) + count == model.config.vocab_size:
            deviation, mean = torch.std_mean(rows.float(), dim=0)
            noise = torch.randn((count, *rows.shape[1:]), generator=generator)
            extended[part.name] = torch.cat([rows, (mean + deviation * noise).to(rows.dtype)])
    return extended


def with_own_head(model: LanguageModel, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stored tensors of another model with the head of labels of `model` instead of theirs."""
    layout = tensor_layout(model.config)
    heads = {
        part.name for name, parts in layout.items() if name.startswith("output.") for part in parts
    }
    own = to_stored(model)
    rest = {name: tensor for name, tensor in tensors.items() if name not in HEAD_TENSORS}
    return rest | {name: own[name] for name in heads}


def find_nonfinite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with a number that is not finite; None if there is none."""
    for name, tensor in tensors.items():
        # A sum is several times faster than `isfinite`, and wrong only if it overflows.
        is_suspect = not math.isfinite(tensor.sum(dtype=torch.float32))
        if is_suspect and not bool(tensor.isfinite().all()):
            return name
    return None


def tensor_layout(config: ModelConfig) -> TensorLayout:
    """The layout on disk of the parameters of a model of this shape."""
    if config.architecture == "tutorial":
        return _tutorial_layout(config)
    if config.architecture == "tutorial-encoder":
        return _tutorial_encoder_layout(config)
    if config.architecture == GPT2:
        return gpt2_layout(config)
    if config.architecture == GPT_NEOX:
        return gpt_neox_layout(config)
    return _modern_layout(config)


def stored_shapes(model: LanguageModel) -> dict[str, Shape]:
    """The shape of every stored tensor by its name."""
    return {name: shape for name, (_, shape) in _stored_views(model).items()}


def _stored_views(model: LanguageModel) -> dict[str, tuple[Tensor, Shape]]:
    """Views of the parameters and the shapes of the stored tensors, by their names."""
    views = {}
    weights = dict(model.named_parameters())
    for name, slices in tensor_layout(model.config).items():
        weight = weights[name]
        rows = [len(weight) if part.rows is None else part.rows for part in slices]
        for part, piece in zip(slices, torch.split(weight, rows), strict=True):
            view = part.view(piece)
            views[part.name] = view, part.stored_shape(view)
    return views


def _find_problems(expected: Mapping[str, Shape], tensors: Mapping[str, Tensor]) -> list[str]:
    """The tensors that do not match, grouped by what is wrong."""
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    misshapen = [
        f"{name} is {list(tensors[name].shape)}, not {list(shape)}"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]
    mistyped = [
        f"{name} is {tensors[name].dtype}"
        for name in expected
        if name in tensors and not tensors[name].is_floating_point()
    ]
    problems = {
        "missing": missing,
        "unknown": unexpected,
        "of another shape": misshapen,
        "not of a floating-point type": mistyped,
    }
    return [f"{problem}: {_shorten(names)}" for problem, names in problems.items() if names]


def _shorten(names: list[str]) -> str:
    rest = len(names) - MAX_NAMES_LISTED
    return ", ".join(names[:MAX_NAMES_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _modern_layout(config: ModelConfig) -> TensorLayout:
    layout: TensorLayout = {"embedding.weight": (TensorSlice("model.embed_tokens.weight"),)}
    for layer in range(config.layers):
        layout |= _modern_block(config, f"blocks.{layer}", f"model.layers.{layer}")
    layout["norm.weight"] = (TensorSlice("model.norm.weight"),)
    if config.labels:
        layout |= _label_head()
    elif not config.tie_embeddings:
        layout["output.weight"] = (TensorSlice("lm_head.weight"),)
    return layout


def _label_head() -> TensorLayout:
    return with_bias("output.dense", "dense") | with_bias("output.classifier", "classifier")


def _modern_block(config: ModelConfig, ours: str, theirs: str) -> TensorLayout:
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    attention, mlp = f"{theirs}.self_attn", f"{theirs}.mlp"
    norms: TensorLayout = {
        f"{ours}.attention.{name}.weight": (TensorSlice(f"{attention}.{name}.weight"),)
        for name in ("q_norm", "k_norm")
    }
    biases: TensorLayout = {}
    if config.has_qkv_bias:
        biases[f"{ours}.attention.qkv.bias"] = (  # ((H+2G)*K,)
            TensorSlice(f"{attention}.q_proj.bias", queries),
            TensorSlice(f"{attention}.k_proj.bias", keys),
            TensorSlice(f"{attention}.v_proj.bias", keys),
        )
    if config.attention_bias:
        biases[f"{ours}.attention.out.bias"] = (TensorSlice(f"{attention}.o_proj.bias"),)
    if config.mlp_bias:
        biases[f"{ours}.feed_forward.gate_up.bias"] = (  # (2F,)
            TensorSlice(f"{mlp}.gate_proj.bias", config.d_ff),
            TensorSlice(f"{mlp}.up_proj.bias", config.d_ff),
        )
        biases[f"{ours}.feed_forward.down.bias"] = (TensorSlice(f"{mlp}.down_proj.bias"),)
    return (
        (norms if config.has_qk_norm else {})
        | biases
        | {
            f"{ours}.attention_norm.weight": (TensorSlice(f"{theirs}.input_layernorm.weight"),),
            f"{ours}.attention.qkv.weight": (  # ((H+2G)*K, D)
                TensorSlice(f"{attention}.q_proj.weight", queries),
                TensorSlice(f"{attention}.k_proj.weight", keys),
                TensorSlice(f"{attention}.v_proj.weight", keys),
            ),
            f"{ours}.attention.out.weight": (TensorSlice(f"{attention}.o_proj.weight"),),
            f"{ours}.feed_forward_norm.weight": (
                TensorSlice(f"{theirs}.post_attention_layernorm.weight"),
            ),
            f"{ours}.feed_forward.gate_up.weight": (  # (2F, D)
                TensorSlice(f"{mlp}.gate_proj.weight", config.d_ff),
                TensorSlice(f"{mlp}.up_proj.weight", config.d_ff),
            ),
            f"{ours}.feed_forward.down.weight": (TensorSlice(f"{mlp}.down_proj.weight"),),
        }
    )


def _tutorial_layout(config: ModelConfig) -> TensorLayout:
    layout: TensorLayout = {
        "embedding.weight": (TensorSlice("decoder.src_emb.weight"),),
        "positions.weight": (TensorSlice("decoder.pos_emb.weight"),),
    }
    for layer in range(config.layers):
        ours, theirs = f"blocks.{layer}", f"decoder.layers.{layer}"
        layout |= _attention(config, f"{ours}.attention", f"{theirs}.self_attn")
        layout |= _feed_forward(f"{ours}.feed_forward", f"{theirs}.feed_forward")
        layout |= with_bias(f"{ours}.norm1", f"{theirs}.norm1")
        layout |= with_bias(f"{ours}.norm2", f"{theirs}.norm2")
    return layout | with_bias("output", "projection")


def _tutorial_encoder_layout(config: ModelConfig) -> TensorLayout:
    """Without the sinusoid table, which is computed."""
    layout: TensorLayout = {"embedding.weight": (TensorSlice("encoder.src_emb.weight"),)}
    for layer in range(config.layers):
        ours, theirs = f"blocks.{layer}", f"encoder.layers.{layer}"
        layout |= _attention(config, f"{ours}.attention", f"{theirs}.enc_self_attn")
        layout |= _feed_forward(f"{ours}.feed_forward", f"{theirs}.pos_ffn")
    return layout | (_label_head() if config.labels else with_bias("output", "projection"))


def _attention(config: ModelConfig, ours: str, theirs: str) -> TensorLayout:
    rows = config.heads * config.head_dim
    fused: TensorLayout = {
        f"{ours}.qkv.{kind}": tuple(  # weight (3*H*K, D), bias (3*H*K,)
            TensorSlice(f"{theirs}.{name}.{kind}", rows) for name in ("W_Q", "W_K", "W_V")
        )
        for kind in ("weight", "bias")
    }
    output = with_bias(f"{ours}.out", f"{theirs}.linear")
    return fused | output | with_bias(f"{ours}.norm", f"{theirs}.layer_norm")


def _feed_forward(ours: str, theirs: str) -> TensorLayout:
    up = with_bias(f"{ours}.up", f"{theirs}.conv1", "convolution")
    down = with_bias(f"{ours}.down", f"{theirs}.conv2", "convolution")
    return up | down | with_bias(f"{ours}.norm", f"{theirs}.layer_norm")
