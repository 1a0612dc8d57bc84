"""config.json and generation_config.json: what a model says of itself on disk.

Every field stands there outright, as an unmodified `transformers` reads it; the tutorial's decoder,
which `transformers` does not know, has a type of our own. Knows no torch.

What a safetensors file says it holds, before any of it is believed. Knows no torch.

The format: 8 bytes with the length of a JSON object, that object (type, shape and place of each
tensor by name), then the tensors (https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config.budget import count_parameters
from core.config.configs import ModelConfig, SamplingConfig
from core.config.schema import from_json, setting_specs, to_json
from core.errors import DamagedError, InputError, SettingsError
from core.run.directory import Run
from core.system.files import read_json
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.tokenizer.tokenizer import Tokenizer

QWEN3 = "qwen3"
TUTORIAL = "minigpt-tutorial"

# Field of ModelConfig: its name in a Qwen3 config.json.
NAMES = {
    "vocab_size": "vocab_size",
    "context": "max_position_embeddings",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "d_model": "hidden_size",
    "head_dim": "head_dim",
    "d_ff": "intermediate_size",
    "activation": "hidden_act",
    "tie_embeddings": "tie_word_embeddings",
    "norm_eps": "rms_norm_eps",
}
# What a Qwen3 may have and ours has not.
FOREIGN = ("attention_bias", "use_sliding_window", "rope_scaling")


def hf_config(config: ModelConfig) -> dict[str, Any]:
    """config.json of a model of this shape."""
    ids = {"pad_token_id": PAD, "bos_token_id": SOS, "eos_token_id": EOS}
    if config.architecture == "tutorial":
        shape = {name: value for name, value in to_json(config).items() if name != "architecture"}
        return {"architectures": ["TutorialGPT"], "model_type": TUTORIAL, **shape, **ids}
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": QWEN3,
        **{theirs: getattr(config, ours) for ours, theirs in NAMES.items()},
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,  # where transformers before 5 looks for it
        "layer_types": ["full_attention"] * config.layers,
        "max_window_layers": config.layers,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "sliding_window": None,
        "rope_scaling": None,
        "initializer_range": 0.02,
        "use_cache": True,
        "dtype": "float32",
        **ids,
    }


def read_model_config(path: Path) -> ModelConfig:
    """The shape that the config.json at `path` describes; errors as `parse_model_config`'s."""
    return parse_model_config(read_json(path), path)


def check_vocabulary(run: Run, tokenizer: Tokenizer, config: ModelConfig) -> None:
    """Refuses a tokenizer of another model.

    Raises:
        DamagedError: it has more or fewer tokens than the model.
    """
    if tokenizer.vocab_size != config.vocab_size:
        raise DamagedError(
            f"{run.tokenizer} holds {tokenizer.vocab_size:,} tokens; "
            f"the model that {run.config.name} beside it describes has {config.vocab_size:,}.",
            "Both must come from the same run.",
        )


def parse_model_config(values: Mapping[str, Any], where: object = "config.json") -> ModelConfig:
    """The shape that a config.json describes.

    Args:
        where: what to call it in an error.

    Raises:
        InputError: a model of another kind, or one with parts that ours has not.
        DamagedError: fields are missing or impossible.
    """
    kind = values.get("model_type")
    if kind not in (QWEN3, TUTORIAL):
        raise InputError(
            f"{where} describes a model of type {kind!r}.",
            f"Known here: {QWEN3} and {TUTORIAL}.",
        )
    try:
        return _tutorial(values) if kind == TUTORIAL else _qwen3(values, where)
    except SettingsError as error:
        raise DamagedError(f"{where} cannot be used: {error.message}") from error


def _qwen3(values: Mapping[str, Any], where: object) -> ModelConfig:
    rotary = values.get("rope_parameters") or {}
    if not isinstance(rotary, dict):
        raise SettingsError({"rope_parameters": "must be an object"})
    _refuse_foreign(values, rotary, where)
    rotary = rotary or values
    names = {**NAMES, "rope_theta": "rope_theta"}
    fields = _taken({**values, "rope_theta": rotary.get("rope_theta")}, names)
    return from_json(ModelConfig, {"architecture": "qwen3", **fields})


def _tutorial(values: Mapping[str, Any]) -> ModelConfig:
    names = {name: name for name in setting_specs(ModelConfig) if name != "architecture"}
    return from_json(ModelConfig, {"architecture": "tutorial", **_taken(values, names)})


def _taken(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    missing = {name: "is missing" for name in names.values() if values.get(name) is None}
    if missing:
        raise SettingsError(missing)
    return {ours: values[theirs] for ours, theirs in names.items()}


def _refuse_foreign(values: Mapping[str, Any], rotary: Mapping[str, Any], where: object) -> None:
    foreign = [f"{name}: {values[name]!r}" for name in FOREIGN if values.get(name)]
    if rotary.get("rope_type", "default") != "default":
        foreign.append(f"rope_type: {rotary['rope_type']!r}")
    if foreign:
        raise InputError(
            f"{where} asks for what is not built here: {', '.join(foreign)}.",
            "Only models like those trained here can be loaded.",
        )


def generation_config(config: ModelConfig) -> dict[str, Any]:
    """generation_config.json: greedy, ending where a text ends."""
    return {
        "do_sample": False,
        "max_new_tokens": min(SamplingConfig().max_tokens, config.context),
        "pad_token_id": PAD,
        "bos_token_id": SOS,
        "eos_token_id": EOS,
    }


LONGEST_HEADER = 100 * 2**20
# A shape that needs so many times the numbers of the file is refused before memory is taken.
MOST_EXCESS = 2


def check_tensor_count(path: Path, config: ModelConfig) -> None:
    """Refuses weights that are no match at all for a shape; small differences are seen later.

    Raises:
        DamagedError: this is no whole file of tensors, or one of a far smaller model.
    """
    try:
        header, length = read_safetensors_header(path)
        count = sum(math.prod(shape) for _, shape in header.values())
    except (OSError, TypeError) as error:
        raise DamagedError(f"{path} cannot be read: {error}.") from error
    wanted = count_parameters(config)
    # No type takes less than half a byte a number.
    if wanted > MOST_EXCESS * min(count, 2 * length):
        raise DamagedError(
            f"{path} holds {count:,} numbers in {length:,} bytes; "
            f"the model that config.json beside it describes has {wanted:,}.",
            "Both must come from the same run.",
        )


def read_safetensors_header(path: Path) -> tuple[dict[str, tuple[str, tuple[int, ...]]], int]:
    """Type and shape by name, and how many bytes of data follow in the file.

    Raises:
        OSError: this is no header.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > LONGEST_HEADER:
            raise OSError(f"{path.name} has no header")
        text = file.read(size)
        length = os.fstat(file.fileno()).st_size - file.tell()
    try:
        entries = json.loads(text)
        entries.pop("__metadata__", None)
        return {n: (e["dtype"], tuple(e["shape"])) for n, e in entries.items()}, length
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise OSError(f"{path.name} has no header: {error}") from error
