"""Names and shapes as stored, and as held in memory.

On disk a GPT has the names and shapes of `transformers`' Qwen3, the tutorial's models those of the
tutorial (with its convolutions' third dimension); in memory what is multiplied together is one
matrix. Only this file knows both.

Shapes: D width, F inner size of the feed-forward, H heads, G key/value heads, K head size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config.configs import ModelConfig
from core.errors import DamagedError
from core.model.gpt import GPT
from core.model.tutorial import Encoder, TutorialGPT

Shape = tuple[int, ...]
MAX_NAMES_LISTED = 8  # of a long list of wrong names, in a message


@dataclass(frozen=True)
class TensorSlice:
    """A stored tensor: some rows of a parameter in memory.

    Attributes:
        name: as stored.
        rows: how many of the parameter's rows; None for all of them.
        convolution: stored with a last dimension of size 1, as a convolution of kernel 1.
    """

    name: str
    rows: int | None = None
    convolution: bool = False


TensorLayout = dict[str, tuple[TensorSlice, ...]]


def to_stored(model: nn.Module) -> dict[str, Tensor]:
    """Every weight as it goes to disk: contiguous float32 copies on the host.

    Copies, so that training may go on while they are written.
    """
    tensors = {}
    weights = dict(model.named_parameters())
    for name, parts in tensor_layout(model).items():
        for part, rows in zip(parts, _rows(weights[name], parts), strict=True):
            tensor = rows.detach().to("cpu", torch.float32, copy=True).contiguous()
            tensors[part.name] = tensor.unsqueeze(-1) if part.convolution else tensor
    return tensors


def load_stored(
    model: nn.Module, tensors: Mapping[str, Tensor], where: object = "model.safetensors"
) -> None:
    """Set every weight of `model`, in the precision and on the device it already has.

    Args:
        where: the file they come from, for an error.

    Raises:
        DamagedError: a name is missing, is not known, has another shape or is of no type for
            weights; all are listed, and the model is untouched.
    """
    weights = dict(model.named_parameters())
    targets = {}
    for name, parts in tensor_layout(model).items():
        for part, rows in zip(parts, _rows(weights[name], parts), strict=True):
            targets[part.name] = rows.unsqueeze(-1) if part.convolution else rows
    shapes = {name: tuple(target.shape) for name, target in targets.items()}
    if faults := _faults(shapes, tensors):
        raise DamagedError(
            f"{where} does not fit the run's config.json: {'; '.join(faults)}.",
            "Both must come from the same run.",
        )
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])


def tensor_layout(model: nn.Module) -> TensorLayout:
    """The stored parts of every parameter, by the parameter's name in memory."""
    if isinstance(model, GPT):
        return _gpt_plan(model.config)
    if isinstance(model, TutorialGPT):
        return _tutorial_plan(model.config)
    assert isinstance(model, Encoder), type(model)
    return _encoder_plan(model.config)


def _rows(weight: Tensor, parts: tuple[TensorSlice, ...]) -> tuple[Tensor, ...]:
    """The parameter cut into its parts: views of it."""
    rows = [len(weight) if part.rows is None else part.rows for part in parts]
    return torch.split(weight, rows)


def _faults(expected: Mapping[str, Shape], tensors: Mapping[str, Tensor]) -> list[str]:
    """Which names are not as expected, and how."""
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
    faults = {
        "missing": missing,
        "not known": unexpected,
        "of another shape": misshapen,
        "of no type for weights": mistyped,
    }
    return [f"{fault}: {_listed(names)}" for fault, names in faults.items() if names]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMES_LISTED} more" if len(names) > MAX_NAMES_LISTED else ""
    return ", ".join(names[:MAX_NAMES_LISTED]) + more


def _gpt_plan(config: ModelConfig) -> TensorLayout:
    parts: TensorLayout = {"embedding.weight": (TensorSlice("model.embed_tokens.weight"),)}
    for layer in range(config.layers):
        parts |= _gpt_block(config, f"blocks.{layer}", f"model.layers.{layer}")
    parts["norm.weight"] = (TensorSlice("model.norm.weight"),)
    if not config.tie_embeddings:
        parts["output.weight"] = (TensorSlice("lm_head.weight"),)
    return parts


def _gpt_block(config: ModelConfig, ours: str, theirs: str) -> TensorLayout:
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    attention, mlp = f"{theirs}.self_attn", f"{theirs}.mlp"
    return {
        f"{ours}.attention_norm.weight": (TensorSlice(f"{theirs}.input_layernorm.weight"),),
        f"{ours}.attention.qkv.weight": (  # ((H+2G)*K, D)
            TensorSlice(f"{attention}.q_proj.weight", queries),
            TensorSlice(f"{attention}.k_proj.weight", keys),
            TensorSlice(f"{attention}.v_proj.weight", keys),
        ),
        f"{ours}.attention.out.weight": (TensorSlice(f"{attention}.o_proj.weight"),),
        f"{ours}.attention.q_norm.weight": (TensorSlice(f"{attention}.q_norm.weight"),),
        f"{ours}.attention.k_norm.weight": (TensorSlice(f"{attention}.k_norm.weight"),),
        f"{ours}.feed_forward_norm.weight": (
            TensorSlice(f"{theirs}.post_attention_layernorm.weight"),
        ),
        f"{ours}.feed_forward.gate_up.weight": (  # (2F, D)
            TensorSlice(f"{mlp}.gate_proj.weight", config.d_ff),
            TensorSlice(f"{mlp}.up_proj.weight", config.d_ff),
        ),
        f"{ours}.feed_forward.down.weight": (TensorSlice(f"{mlp}.down_proj.weight"),),
    }


def _tutorial_plan(config: ModelConfig) -> TensorLayout:
    parts: TensorLayout = {
        "embedding.weight": (TensorSlice("decoder.src_emb.weight"),),
        "positions.weight": (TensorSlice("decoder.pos_emb.weight"),),
    }
    for layer in range(config.layers):
        ours, theirs = f"blocks.{layer}", f"decoder.layers.{layer}"
        parts |= _attention(config, f"{ours}.attention", f"{theirs}.self_attn")
        parts |= _feed_forward(f"{ours}.feed_forward", f"{theirs}.feed_forward")
        parts |= _with_bias(f"{ours}.norm1", f"{theirs}.norm1")
        parts |= _with_bias(f"{ours}.norm2", f"{theirs}.norm2")
    return parts | _with_bias("output", "projection")


def _encoder_plan(config: ModelConfig) -> TensorLayout:
    """The sinusoid table is a formula, so it is not stored."""
    parts: TensorLayout = {"embedding.weight": (TensorSlice("src_emb.weight"),)}
    for layer in range(config.layers):
        ours, theirs = f"blocks.{layer}", f"layers.{layer}"
        parts |= _attention(config, f"{ours}.attention", f"{theirs}.enc_self_attn")
        parts |= _feed_forward(f"{ours}.feed_forward", f"{theirs}.pos_ffn")
    return parts


def _attention(config: ModelConfig, ours: str, theirs: str) -> TensorLayout:
    rows = config.heads * config.head_dim
    fused: TensorLayout = {
        f"{ours}.qkv.{kind}": tuple(  # weight (3*H*K, D), bias (3*H*K,)
            TensorSlice(f"{theirs}.{name}.{kind}", rows) for name in ("W_Q", "W_K", "W_V")
        )
        for kind in ("weight", "bias")
    }
    mixed = _with_bias(f"{ours}.out", f"{theirs}.linear")
    return fused | mixed | _with_bias(f"{ours}.norm", f"{theirs}.layer_norm")


def _feed_forward(ours: str, theirs: str) -> TensorLayout:
    up = _with_bias(f"{ours}.up", f"{theirs}.conv1", convolution=True)
    down = _with_bias(f"{ours}.down", f"{theirs}.conv2", convolution=True)
    return up | down | _with_bias(f"{ours}.norm", f"{theirs}.layer_norm")


def _with_bias(ours: str, theirs: str, *, convolution: bool = False) -> TensorLayout:
    return {
        f"{ours}.weight": (TensorSlice(f"{theirs}.weight", convolution=convolution),),
        f"{ours}.bias": (TensorSlice(f"{theirs}.bias"),),
    }
